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
#include <limits.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>

#include "dirty_code.h"
#include "migration_stream.h"
#include "relay.h"
#include "relay_pipe.h"

namespace xl_colo {

namespace {

constexpr size_t word = sizeof(uint64_t);
// How long the last word may take where libxc is in the middle of writing it.
// Spent to no purpose at most once a session: when a libxc under suspicion is
// right and page 0 is dirty in its first list.
constexpr std::chrono::milliseconds last_word_patience{1000};

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

struct DirtyListRelay::Impl {
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
    Result<RecordHeader> read_header();
    Result<View> read_body(size_t length);
    Result<bool> begins_with_stray_word(size_t length);
    Status read_into_buffer(size_t at, size_t size);
    Status send(View list);

    FrameSender& sender;
    const Pages gfns;
    const std::function<void()> on_failure;
    RelayPipe pipe{RelayPipe::Ours::reads};

    // The relay's thread only.
    Buffer buffer;
    DirtySet set;
    Header header;
    bool at_end = false;  // libxc closed its end between two lists

    mutable std::mutex mutex;
    std::optional<CheckpointNumber> expected;
    std::optional<Pages> last;
    std::optional<Error> failure;

    std::thread thread;  // last: it uses all the others
};

Status DirtyListRelay::Impl::read_into_buffer(size_t at, size_t size)
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

Result<RecordHeader> DirtyListRelay::Impl::read_header()
{
    buffer.resize(std::max(buffer.size(), record_header_size));
    const auto got = pipe.read(buffer.data(), record_header_size);
    if (!got) {
        return got.error();
    }
    if (*got < record_header_size) {
        at_end = *got == 0;
        return cut_off();
    }
    const auto record = parse_record_header(buffer);
    if (!record) {
        return record.error();
    }
    if (record->type != RecordType::CHECKPOINT_DIRTY_PFN_LIST) {
        return Error(ErrorKind::protocol,
                     to_string(record->type) + " where a dirty list belongs");
    }
    if (record->length % word != 0 || record->length / word > gfns.value()) {
        return Error(ErrorKind::protocol,
                     "dirty list: " + std::to_string(record->length) +
                         " bytes are no list of a guest of " +
                         std::to_string(gfns.value()) + " pages");
    }
    return record;
}

// For a list that lies in the buffer as its header says.
Result<bool> DirtyListRelay::Impl::begins_with_stray_word(size_t length)
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

Result<View> DirtyListRelay::Impl::read_body(size_t length)
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

// One list, which is one record. A libxc with our patches/ puts parts before it
// where one record cannot hold the list (F6); so far they are refused by type.
Result<View> DirtyListRelay::Impl::read_list()
{
    const auto record = read_header();
    if (!record) {
        return record.error();
    }
    return read_body(record->length);
}

Status DirtyListRelay::Impl::send(View list)
{
    set.clear();
    if (auto s = read_dirty_list(list, gfns, set); !s) {
        return s;
    }
    std::optional<CheckpointNumber> number;
    {
        const std::lock_guard lock(mutex);
        number = std::exchange(expected, std::nullopt);
        last = set.size();
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
    return {};
}

Status DirtyListRelay::Impl::relay_list()
{
    const auto list = read_list();
    if (!list) {
        return list.error();
    }
    return send(*list);
}

void DirtyListRelay::Impl::run()
{
    Status s;
    while ((s = relay_list())) {
    }
    // Known before libxc can notice that nobody reads any more.
    if (!at_end && s.error().kind() != ErrorKind::cancelled) {
        {
            const std::lock_guard lock(mutex);
            failure = s.error();
        }
        on_failure();
    }
    pipe.abort();
}

DirtyListRelay::DirtyListRelay(FrameSender& sender, Pages gfns,
                               bool suspect_long_header, bool repair,
                               std::function<void()> on_failure)
    : impl_(std::make_unique<Impl>(
          sender, gfns,
          suspect_long_header && repair ? Header::undecided : Header::right,
          std::move(on_failure)))
{
}

DirtyListRelay::~DirtyListRelay()
{
    abort();
    impl_->thread.join();
}

UniqueFd DirtyListRelay::take_back()
{
    return impl_->pipe.take_theirs();
}

void DirtyListRelay::expect(CheckpointNumber number)
{
    const std::lock_guard lock(impl_->mutex);
    impl_->expected = number;
}

void DirtyListRelay::abort()
{
    impl_->pipe.abort();
}

std::optional<Pages> DirtyListRelay::last() const
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->last;
}

std::optional<Error> DirtyListRelay::failure() const
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->failure;
}

}  // namespace xl_colo
