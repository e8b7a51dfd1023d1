#include <cerrno>
#include <cstring>
#include <set>

#include "fake_incoming.h"
#include "fake_page_mover.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

Error failed(const std::string& what)
{
    return Error::from_errno(ErrorKind::hypercall, what, errno);
}

// What process_record() and what it calls may answer.
enum class Next { go_on, broken_channel };

// struct xc_sr_context, and what restore() calls.
class Restore {
public:
    Restore(FakeGuest& guest, Faults& faults, int fd, int send_back_fd,
            Pages p2m_size, LibxcKind kind, RestoreCallbacks& callbacks,
            std::vector<Moved>& moved)
        : guest_(guest),
          faults_(faults),
          fd_(fd),
          send_back_fd_(send_back_fd),
          p2m_size_(p2m_size),
          kind_(kind),
          callbacks_(callbacks),
          moved_(moved)
    {
    }

    Status run();

private:
    Status read_headers();
    Result<Next> process(const StreamRecord& record);
    Status process_page_data(const StreamRecord& record);
    Result<Next> handle_checkpoint();
    Status send_dirty_pfn_list();

    FakeGuest& guest_;
    Faults& faults_;
    const int fd_;
    const int send_back_fd_;
    const Pages p2m_size_;
    const LibxcKind kind_;
    RestoreCallbacks& callbacks_;
    std::vector<Moved>& moved_;
    bool buffer_all_records_ = false;
    std::vector<StreamRecord> buffered_;
    std::set<Pfn> populated_;  // populated_pfns
    std::optional<uint64_t> context_;
};

Status Restore::read_headers()
{
    Buffer headers(stream_headers_size);
    if (!read_exact(fd_, headers.data(), headers.size())) {
        return failed("Failed to read Image Header from stream");
    }
    if (headers != stream_headers()) {
        return failed("Invalid marker");
    }
    return {};
}

Status Restore::process_page_data(const StreamRecord& record)
{
    const auto pages = PageData::parse(record.body, FakeGuest::gfns);
    if (!pages) {
        return failed("PAGE_DATA record wrong size");
    }
    View contents = pages->contents();
    for (size_t i = 0; i < pages->count(); ++i) {
        if (auto s = faults_.pass("restore: page"); !s) {
            return s;
        }
        const PageData::Entry entry = pages->entry(i);
        std::optional<FakeGuest::Page> page;
        if (entry.has_contents) {
            // populate_pfns()
            if (populated_.insert(entry.pfn).second) {
                (void)guest_.populate(entry.pfn);
            } else if (!guest_.has(entry.pfn)) {
                return failed("Mapping pfn failed");
            }
            page.emplace();
            std::memcpy(page->data(), contents.data(), page_size);
            contents = contents.subspan(page_size);
        }
        guest_.put_page(entry.pfn, page);
    }
    return {};
}

Status Restore::send_dirty_pfn_list()
{
    if (auto s = faults_.pass("restore: send dirty list"); !s) {
        return s;
    }
    const auto dirty = guest_.take_dirty();
    if (!dirty) {
        errno = EINVAL;
        return failed("Failed to retrieve logdirty bitmap");
    }
    std::vector<uint64_t> pfns;
    for (const Pfn pfn : *dirty) {
        // F3: what lies beyond the bitmap is not seen, nor missed.
        if (pfn.value() < p2m_size_.value()) {
            pfns.push_back(pfn.value());
        }
    }
    moved_.push_back({.b = pfns.size()});
    Buffer bytes = record_bytes(RecordType::CHECKPOINT_DIRTY_PFN_LIST,
                                list_bytes(pfns));
    if (kind_.stray_word) {
        bytes.insert(bytes.begin() + record_header_size, 8, 0);
    }
    if (!write_exact(send_back_fd_, bytes)) {
        return failed("Failed to write dirty bitmap to stream");
    }
    return {};
}

Result<Next> Restore::handle_checkpoint()
{
    switch (callbacks_.checkpoint()) {
    case RestoreAnswer::go_on:
        break;
    case RestoreAnswer::take_over:
        if (buffer_all_records_) {
            return Next::broken_channel;
        }
        [[fallthrough]];  // "We don't have a consistent state"
    case RestoreAnswer::fail:
        return failed("checkpoint callback failed");
    }
    for (const StreamRecord& record : buffered_) {
        if (auto next = process(record); !next || *next != Next::go_on) {
            return next;
        }
    }
    buffered_.clear();
    buffer_all_records_ = true;

    // stream_complete()
    if (auto s = faults_.pass("restore: set context"); !s) {
        return s.error();
    }
    guest_.put_counter(context_.value_or(0));

    callbacks_.restore_results(Pfn{60}, Pfn{61});
    using Callback = RestoreAnswer (RestoreCallbacks::*)();
    for (const Callback callback :
         {&RestoreCallbacks::postcopy, &RestoreCallbacks::wait_checkpoint,
          &RestoreCallbacks::suspend}) {
        switch ((callbacks_.*callback)()) {
        case RestoreAnswer::go_on:
            break;
        case RestoreAnswer::take_over:
            return Next::broken_channel;
        case RestoreAnswer::fail:
            return failed("callback failed");
        }
    }
    if (auto s = send_dirty_pfn_list(); !s) {
        return s.error();
    }
    return Next::go_on;
}

Result<Next> Restore::process(const StreamRecord& record)
{
    if (record.type == RecordType::CHECKPOINT) {
        return handle_checkpoint();
    }
    if (record.type == RecordType::PAGE_DATA) {
        if (auto s = process_page_data(record); !s) {
            return s.error();
        }
    } else if (record.type == rec_hvm_context) {
        context_ = BodyReader(record.body).u64().value();
    } else if (record.type == rec_hvm_params) {
        guest_.clear_hypervisor_page();
    } else if (record.type != rec_tsc_info &&
               record.type != rec_cpuid_policy &&
               record.type != rec_static_data_end) {
        return failed("Mandatory record not handled");
    }
    return Next::go_on;
}

Status Restore::run()
{
    if (auto s = faults_.pass("restore"); !s) {
        return s;
    }
    if (auto s = read_headers(); !s) {
        return s;
    }
    for (;;) {
        const auto record = read_record(fd_);
        if (!record) {
            // "COLO Failover": with something to go on with it is no error.
            return buffer_all_records_
                       ? Status()
                       : failed("Failed to read Record Header from stream");
        }
        if (buffer_all_records_ && record->type != RecordType::CHECKPOINT) {
            buffered_.push_back(*record);
            continue;
        }
        const auto next = process(*record);
        if (!next) {
            return next.error();
        }
        if (*next == Next::broken_channel) {
            return {};
        }
    }
}

}  // namespace

Status FakePageMover::restore(Incoming& incoming, UniqueFd io, UniqueFd back,
                              Pages gfns, bool reserve_gfns,
                              RestoreCallbacks& callbacks)
{
    FakeGuest& guest = dynamic_cast<FakeIncoming&>(incoming).guest();
    // F3: a bitmap for an empty domain, which measures 1 page on AMD.
    const Pages p2m_size = reserve_gfns ? gfns : Pages{1};
    return Restore(guest, faults_, io.get(), back.get(), p2m_size, kind_,
                   callbacks, moved_)
        .run();
}

}  // namespace xl_colo
