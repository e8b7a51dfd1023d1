// B on its first step: from the records that xc_domain_restore writes to its
// send_back_fd into frames; and F2, which is repaired here and nowhere else.
//
// F2: a record should be an 8-byte header and the list. Since efe8de1f91 (Xen
// 4.18) send_checkpoint_dirty_pfn_list() takes the header from a struct
// xc_sr_record, whose third member is a pointer. It is always null there, so
// 8 zero bytes stand between the header and the list, which the length does
// not count. The same in 4.18 to 4.22 and on master; a patched libxc of these
// versions has it right. So the first list must tell, and tells for all.
//
// The list ascends. Taken as the header says, it then begins with
//   other than 0   nothing stray: the stray bytes are all zero
//   0, 0           a stray word, and page 0 after it
//   0, more        a stray word, or really page 0
//   nothing        a stray word follows, or does not
// With a stray word the list's last one is still to come in the two lower
// cases: such a libxc writes it all in one writev(). And no libxc writes more
// before its next suspend, which waits for what we do here. So whether there is
// more to read tells the two apart.
//
// A libxc with our patches/ puts parts before the list that one record cannot
// hold (F6). It has F2 mended, too.
#include "relay/dirty_list_to_wire.h"

#include <limits.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

#include "relay/dirty_set_frame.h"
#include "relay/migration_stream.h"
#include "relay/relay_pipe.h"

namespace xl_colo {

namespace {

constexpr size_t word = sizeof(uint64_t);
// How long the last word may take where libxc is in the middle of writing it.
// Spent to no purpose at most once a session: when a libxc under suspicion is
// right and page 0 is dirty in its first list.
constexpr std::chrono::milliseconds last_word_patience{1000};
// Pages digested and told at a time: enough to be worth a mapping, and what
// the primary's libxc puts into one record.
enum class Header { undecided, right, followed_by_stray_word };

bool is_zero(View bytes)
{
    return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

Error cut_off()
{
    return {ErrorKind::io, "libxc's dirty list is cut off"};
}

}  // namespace

struct DirtyListToWire::Impl {
    Impl(FrameSender& to, Pages guest, Header known,
         std::function<void()> failed)
        : sender(to),
          gfns(guest),
          on_failure(std::move(failed)),
          set(guest),
          header(known),
          thread([this] { run(); })
    {
    }

    void run();
    Status relay_list();
    Result<View> read_list();
    Result<RecordHeader> read_header(size_t list_size);
    Status expect_right_header();
    Result<View> read_body(size_t length);
    Result<bool> begins_with_stray_word(size_t length);
    Status read_into_buffer(size_t at, size_t size);
    Status send(View list);
    Status send_digests(View start, const DigestPages& digest);

    FrameSender& sender;
    const Pages gfns;
    const std::function<void()> on_failure;
    RelayPipe pipe{RelayPipe::Ours::reads};

    // The relay's thread only.
    Buffer buffer;
    PageSet set;
    Header header;
    bool at_end = false;  // libxc closed its end between two lists

    mutable std::mutex mutex;
    std::optional<CheckpointNumber> expected;
    DigestPages digest_next;
    std::optional<PageSet> moved_next;
    std::optional<Error> failure;

    std::atomic<bool> stopped{false};

    std::thread thread;  // last: it uses all the others
};

Status DirtyListToWire::Impl::read_into_buffer(size_t at, size_t size)
{
    if (buffer.size() < at + size) {
        buffer.resize(at + size);
    }
    const auto got = pipe.read(buffer.data() + at, size);
    if (!got) {
        return got.error();
    }
    if (*got < size) {
        return cut_off();
    }
    return {};
}

// Of the record that goes on with a list of which there are `list_size` bytes.
Result<RecordHeader> DirtyListToWire::Impl::read_header(size_t list_size)
{
    std::array<uint8_t, record_header_size> bytes{};
    const auto got = pipe.read(bytes.data(), bytes.size());
    if (!got) {
        return got.error();
    }
    if (*got < bytes.size()) {
        at_end = *got == 0 && list_size == 0;
        return cut_off();
    }
    const auto record = parse_record_header(bytes);
    if (!record) {
        return record.error();
    }
    const bool part = record->type == RecordType::CHECKPOINT_DIRTY_PFN_PART;
    if (!part && record->type != RecordType::CHECKPOINT_DIRTY_PFN_LIST) {
        return Error(ErrorKind::protocol,
                     to_string(record->type) + " where a dirty list belongs");
    }
    const size_t size = list_size + record->length;
    if (size % word != 0 || size / word > gfns.value() ||
        (part && record->length == 0)) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(size) +
                         " bytes are no " + (part ? "part of a " : "") +
                         "list of a guest of " +
                         std::to_string(gfns.value()) + " pages");
    }
    return record;
}

// For the first part of a list.
Status DirtyListToWire::Impl::expect_right_header()
{
    if (header == Header::followed_by_stray_word) {
        return Error(ErrorKind::protocol,
                     "dirty list: in parts, after one with stray bytes (F2)");
    }
    header = Header::right;
    return {};
}

// For a list that lies in the buffer as its header says.
Result<bool> DirtyListToWire::Impl::begins_with_stray_word(size_t length)
{
    const View list = View(buffer).first(length);
    if (length > 0 && !is_zero(list.first(word))) {
        return false;
    }
    if (length > word && is_zero(list.subspan(word, word))) {
        return true;
    }
    // What fits into PIPE_BUF is written as a whole: it is there, or it is not.
    const bool whole = record_header_size + word + length <= PIPE_BUF;
    return pipe.readable_within(whole ? std::chrono::milliseconds(0)
                                      : last_word_patience);
}

Result<View> DirtyListToWire::Impl::read_body(size_t length)
{
    if (header == Header::followed_by_stray_word) {
        if (auto s = read_into_buffer(0, word); !s) {
            return s.error();
        }
        if (!is_zero(View(buffer).first(word))) {
            return Error(ErrorKind::protocol,
                         "dirty list: no stray bytes after its header (F2), "
                         "unlike the one before");
        }
    }
    if (auto s = read_into_buffer(0, length); !s) {
        return s.error();
    }
    if (header != Header::undecided) {
        return View(buffer).first(length);
    }
    const auto stray = begins_with_stray_word(length);
    if (!stray) {
        return stray.error();
    }
    if (!*stray) {
        header = Header::right;
        return View(buffer).first(length);
    }
    header = Header::followed_by_stray_word;
    if (auto s = read_into_buffer(length, word); !s) {
        return s.error();
    }
    return View(buffer).subspan(word, length);
}

// One list: one record, and ahead of it any number of parts.
Result<View> DirtyListToWire::Impl::read_list()
{
    size_t size = 0;  // of what the buffer begins with
    for (;;) {
        const auto record = read_header(size);
        if (!record) {
            return record.error();
        }
        const bool ends = record->type == RecordType::CHECKPOINT_DIRTY_PFN_LIST;
        if (ends && size == 0) {
            return read_body(record->length);
        }
        if (auto s = expect_right_header(); !s) {
            return s.error();
        }
        if (auto s = read_into_buffer(size, record->length); !s) {
            return s.error();
        }
        size += record->length;
        if (ends) {
            return View(buffer).first(size);
        }
    }
}

Status DirtyListToWire::Impl::send(View list)
{
    set.clear();
    if (auto s = read_dirty_list(list, gfns, set); !s) {
        return s;
    }
    std::optional<CheckpointNumber> number;
    DigestPages digest;
    {
        const std::lock_guard lock(mutex);
        if (moved_next) {
            set.insert_all(*moved_next);
        }
        number = std::exchange(expected, std::nullopt);
        digest = std::exchange(digest_next, nullptr);
    }
    if (!number) {
        return Error(ErrorKind::protocol, "a dirty list that nobody expects");
    }
    const Buffer start = BodyWriter().u64(number->value()).take();
    for (DirtySetEncoder encoder(set, gfns); !encoder.done();) {
        const Buffer part = encoder.next();
        if (auto s = sender.send(FrameType::DIRTY_SET, {start, part}); !s) {
            return s;
        }
    }
    return digest ? send_digests(start, digest) : Status();
}

Status DirtyListToWire::Impl::send_digests(View start,
                                          const DigestPages& digest)
{
    std::vector<Pfn> batch;
    const auto send_batch = [&]() -> Status {
        if (stopped) {
            return Error(ErrorKind::aborted, "the digests were given up");
        }
        const auto digests = digest(batch);
        batch.clear();
        if (!digests) {
            return digests.error();
        }
        const View bytes(
            reinterpret_cast<const uint8_t*>(digests->data()),
            digests->size() * sizeof(PageDigest));
        return sender.send(FrameType::DIRTY_DIGESTS, {start, bytes});
    };
    Status s;
    set.for_each([&](Pfn pfn) {
        if (s) {
            batch.push_back(pfn);
        }
        if (batch.size() == pages_at_a_time) {
            s = send_batch();
        }
    });
    return s && !batch.empty() ? send_batch() : s;
}

Status DirtyListToWire::Impl::relay_list()
{
    const auto list = read_list();
    if (!list) {
        return list.error();
    }
    return send(*list);
}

void DirtyListToWire::Impl::run()
{
    Status s;
    while ((s = relay_list())) {
    }
    // Known before libxc can notice that nobody reads any more.
    if (!at_end && s.error().kind() != ErrorKind::aborted) {
        {
            const std::lock_guard lock(mutex);
            failure = s.error();
        }
        on_failure();
    }
    pipe.abort();
}

DirtyListToWire::DirtyListToWire(FrameSender& sender, Pages gfns,
                               bool suspect_long_header, bool repair,
                               std::function<void()> on_failure)
    : impl_(std::make_unique<Impl>(
          sender, gfns,
          suspect_long_header && repair ? Header::undecided : Header::right,
          std::move(on_failure)))
{
}

DirtyListToWire::~DirtyListToWire()
{
    stop();
}

void DirtyListToWire::stop()
{
    impl_->stopped = true;
    abort();
    if (impl_->thread.joinable()) {
        impl_->thread.join();
    }
}

UniqueFd DirtyListToWire::take_back()
{
    return impl_->pipe.take_theirs();
}

void DirtyListToWire::expect(CheckpointNumber number, DigestPages digest,
                            std::optional<PageSet> moved)
{
    const std::lock_guard lock(impl_->mutex);
    impl_->expected = number;
    impl_->digest_next = std::move(digest);
    impl_->moved_next = std::move(moved);
}

void DirtyListToWire::abort()
{
    impl_->pipe.abort();
}

std::optional<Error> DirtyListToWire::failure() const
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->failure;
}

}  // namespace xl_colo
