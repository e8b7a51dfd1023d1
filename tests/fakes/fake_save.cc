#include <cerrno>
#include <set>

#include "fake_page_mover.h"
#include "wire/frame.h"

namespace xl_colo {

namespace {

constexpr size_t max_batch_size = 16;  // MAX_BATCH_SIZE is 1024
constexpr int live_rounds = 3;         // SPP_MAX_ITERATIONS is 5

Error failed(const std::string& what)
{
    return Error::from_errno(ErrorKind::hypercall, what, errno);
}

// struct xc_sr_context, and what save() calls.
class Save {
public:
    Save(FakeGuest& guest, Faults& faults, int fd, int recv_fd,
         SaveCallbacks& callbacks, std::vector<Moved>& moved)
        : guest_(guest),
          faults_(faults),
          fd_(fd),
          recv_fd_(recv_fd),
          callbacks_(callbacks),
          moved_(moved)
    {
    }

    Status run();

private:
    Status save();
    Status write(RecordType type, View body = {});
    Status send_pages(const std::set<Pfn>& pages);
    Status send_memory_live();
    Status suspend_and_send_dirty();
    Status merge_secondary_dirty_bitmap();
    Status end_of_checkpoint();
    std::set<Pfn> take_dirty();

    FakeGuest& guest_;
    Faults& faults_;
    const int fd_;
    const int recv_fd_;
    SaveCallbacks& callbacks_;
    std::vector<Moved>& moved_;
    bool live_ = true;
    std::set<Pfn> dirty_;  // dirty_bitmap
    Moved figures_;
};

Status Save::write(RecordType type, View body)
{
    if (auto s = faults_.pass("save: write"); !s) {
        return s;
    }
    if (!write_exact(fd_, record_bytes(type, body))) {
        return failed("Unable to write record to stream");
    }
    return {};
}

// send_dirty_pages() and write_batch()
Status Save::send_pages(const std::set<Pfn>& pages)
{
    PageDataWriter batch;
    for (auto next = pages.begin(); next != pages.end();) {
        if (const auto page = guest_.page(*next)) {
            batch.add(*next, *page);
        } else {
            batch.add_absent(*next);
        }
        if (++next == pages.end() || batch.count() == max_batch_size) {
            if (auto s = write(RecordType::PAGE_DATA, batch.take()); !s) {
                return s;
            }
        }
    }
    return {};
}

std::set<Pfn> Save::take_dirty()
{
    const auto dirty = guest_.take_dirty();
    return dirty ? std::set<Pfn>(dirty->begin(), dirty->end())
                 : std::set<Pfn>();
}

Status Save::send_memory_live()
{
    if (auto s = guest_.set_log_dirty(true); !s) {
        return s;
    }
    std::set<Pfn> pages;
    for (uint64_t gfn = 0; gfn < FakeGuest::gfns.value(); ++gfn) {
        pages.emplace(gfn);
    }
    for (int round = 0; round < live_rounds; ++round) {
        if (auto s = send_pages(pages); !s) {
            return s;
        }
        guest_.run();
        pages = take_dirty();
    }
    return send_pages(pages);
}

Status Save::merge_secondary_dirty_bitmap()
{
    const auto record = read_record(recv_fd_);
    if (!record) {
        return failed("Failed to read Record Header from stream");
    }
    if (record->type != RecordType::CHECKPOINT_DIRTY_PFN_LIST) {
        return failed("Expect dirty bitmap record");
    }
    BodyReader list(record->body);
    while (!list.rest().empty()) {
        const auto pfn = list.u64();
        if (!pfn || *pfn >= FakeGuest::gfns.value()) {
            return failed("Invalid pfn");
        }
        dirty_.emplace(*pfn);
        ++figures_.b;
    }
    return {};
}

Status Save::suspend_and_send_dirty()
{
    if (!callbacks_.suspend()) {
        return failed("save callback suspend() failed");
    }
    if (guest_.state() != GuestState::suspended) {
        return failed("Domain has not been suspended");
    }
    dirty_ = take_dirty();
    figures_ = {.a = dirty_.size()};
    if (!live_) {
        if (auto s = merge_secondary_dirty_bitmap(); !s) {
            return s;
        }
    }
    figures_.d = dirty_.size();
    return send_pages(dirty_);
}

Status Save::end_of_checkpoint()
{
    if (auto s = write(rec_tsc_info, Buffer(24)); !s) {
        return s;
    }
    // 13 bytes, so that there is padding.
    const Buffer context =
        BodyWriter().u64(guest_.counter()).bytes(Buffer(5, 1)).take();
    if (auto s = write(rec_hvm_context, context); !s) {
        return s;
    }
    return write(rec_hvm_params, Buffer(24));
}

Status Save::save()
{
    if (!write_exact(fd_, stream_headers())) {
        return failed("Unable to write Image Header to stream");
    }
    for (const RecordType type : {rec_cpuid_policy, rec_static_data_end}) {
        if (auto s = write(type); !s) {
            return s;
        }
    }
    for (;;) {
        if (live_) {
            if (auto s = send_memory_live(); !s) {
                return s;
            }
        }
        if (auto s = suspend_and_send_dirty(); !s) {
            return s;
        }
        if (auto s = end_of_checkpoint(); !s) {
            return s;
        }
        live_ = false;
        if (auto s = write(RecordType::CHECKPOINT); !s) {
            return s;
        }
        if (!callbacks_.checkpoint()) {
            return failed("checkpoint callback failed");
        }
        moved_.push_back(figures_);
        // 0 from these two: "Save failed", but the answer is 0, no error.
        if (!callbacks_.postcopy() || !callbacks_.wait_checkpoint()) {
            return {};
        }
    }
}

Status Save::run()
{
    if (auto s = faults_.pass("save"); !s) {
        return s;
    }
    const Status saved = callbacks_.device_model_log_dirty(true)
                             ? save()
                             : failed("Couldn't enable qemu log-dirty mode");
    // cleanup()
    (void)guest_.set_log_dirty(false);
    (void)callbacks_.device_model_log_dirty(false);
    return saved;
}

}  // namespace

Status FakePageMover::save(Domid domid, UniqueFd io, UniqueFd back,
                           SaveCallbacks& callbacks)
{
    const auto guest = find_(domid);
    if (!guest) {
        return Error(ErrorKind::hypercall, "Failed to get domain info", ESRCH);
    }
    return Save(*guest, faults_, io.get(), back.get(), callbacks, moved_)
        .run();
}

}  // namespace xl_colo
