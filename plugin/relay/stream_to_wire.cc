// xc_domain_save's stream, record by record, on its way to the wire. It comes
// in one of two ways:
//
//     a pipe        a thread reads it into buffers, of which there are some
//                   MiB in the initial copy. In a checkpoint that is too large
//                   for a copy there are as many as the limit allows; then
//                   libxc waits, and the guest stands.
//     a LocalCopy   in each other checkpoint. libxc waits for nobody.
//
// Another thread digests and sends, so that libxc maps and writes the next
// pages meanwhile. They end with the stream, with the first thing wrong in it,
// or with abort(); our end of the pipe is closed then, so that libxc does not
// write into the void.
#include "relay/stream_to_wire.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "pages/page_set.h"
#include "relay/local_copy.h"
#include "relay/migration_stream.h"
#include "relay/packer.h"
#include "relay/page_sifter.h"
#include "relay/relay_pipe.h"

namespace xl_colo {

namespace {

using Clock = std::chrono::steady_clock;

// Being read, being sent, and one in between.
constexpr size_t few_buffers = 3;
// libxc's records of pages are of 1,024 pages at most.
constexpr uint64_t buffer_size = 4 << 20;
// With its entry in a record.
constexpr uint64_t bytes_a_page = page_size + sizeof(uint64_t);
// Between two looks at what libxc has written, which tells nobody.
constexpr std::chrono::milliseconds glance{1};

}  // namespace

struct StreamToWire::Impl {
    Impl(FrameSender& to, Pages guest, const std::optional<Elision>& elision,
         Compression compression, Bytes buffer)
        : sender(to),
          gfns(guest),
          many_buffers(std::max<size_t>(few_buffers,
                                        buffer.value() / buffer_size)),
          sent(guest),
          copy_has(guest),
          sifter(guest, elision),
          packer(compression),
          copy(buffer),
          reader([this] { run_reader(); }),
          worker([this] { run_sender(); })
    {
    }

    // What goes from the reader to the sender; the headers go as a record of
    // type nothing.
    struct Piece {
        std::span<uint8_t> bytes;  // in `buffer`, or in the local copy
        uint64_t offset = 0;
        std::optional<RecordType> type;
        Buffer buffer;
    };

    void run_reader();
    Error read_stream();
    Status read_headers();
    Status read_record();
    Status read_into(Buffer& buffer, size_t at, size_t size);
    std::optional<Buffer> take_buffer();
    void give_buffer(Buffer buffer);
    void hand_over(Piece piece);

    void run_sender();
    Error send_stream();
    Result<Piece> next_piece();
    Result<std::optional<Piece>> next_of_copy();
    Status send_piece(const Piece& piece);
    Status send_pages(const PageData& pages, std::span<uint8_t> bytes);
    Result<uint64_t> send_sifted();
    void end(Error why);

    FrameSender& sender;
    const Pages gfns;
    const size_t many_buffers;
    RelayPipe pipe{RelayPipe::Ours::reads};

    // The session's thread only.
    int io = -1;         // libxc's descriptor
    UniqueFd into_pipe;  // what it is when it leads to the pipe
    bool copies = false;  // the checkpoint under way
    Bytes last_copied;    // by the last one, if it did

    // The reader's thread only.
    uint64_t offset = 0;      // in the stream, for messages

    // The sender's thread only.
    PageSet sent;            // since the last CHECKPOINT record
    SentPages totals;         // the same
    PageSet copy_has;        // by the last entry of each page
    PageSifter sifter;
    Packer packer;

    LocalCopy copy;  // who reads and who begins take turns, by from_copy

    std::mutex mutex;
    std::condition_variable changed;
    bool from_copy = false;      // until its CHECKPOINT record
    bool libxc_ended = false;
    std::vector<Buffer> free;
    size_t most_buffers = few_buffers;
    size_t buffers = 0;                  // free or not
    Clock::duration waited{};            // for one, in this checkpoint
    std::deque<Piece> ready;
    std::optional<Error> end_of_stream;  // after those
    std::deque<SentPages> checkpoints;   // sent; nobody waited for them yet
    std::optional<Error> ended;

    std::thread reader, worker;  // last: they use all the others
};

// ---- from libxc ------------------------------------------------------------

Status StreamToWire::Impl::read_into(Buffer& buffer, size_t at, size_t size)
{
    // Never shrunk: growing again would fill it with zeros each time.
    if (buffer.size() < at + size) {
        buffer.resize(at + size);
    }
    auto got = pipe.read(buffer.data() + at, size);
    if (!got) {
        return got.error();
    }
    offset += *got;
    if (*got == size) {
        return {};
    }
    return Error(ErrorKind::io, at == 0 && *got == 0
                                    ? "libxc ended its stream"
                                    : "libxc's stream is cut off");
}

std::optional<Buffer> StreamToWire::Impl::take_buffer()
{
    std::unique_lock lock(mutex);
    const auto begun = Clock::now();
    changed.wait(lock, [this] {
        return ended || !free.empty() || buffers < most_buffers;
    });
    waited += Clock::now() - begun;
    if (ended) {
        return std::nullopt;
    }
    if (free.empty()) {
        ++buffers;
        return Buffer();
    }
    Buffer buffer = std::move(free.back());
    free.pop_back();
    return buffer;
}

void StreamToWire::Impl::give_buffer(Buffer buffer)
{
    {
        const std::lock_guard lock(mutex);
        if (buffers > most_buffers) {
            --buffers;
        } else {
            free.push_back(std::move(buffer));
        }
    }
    changed.notify_all();
}

void StreamToWire::Impl::hand_over(Piece piece)
{
    {
        const std::lock_guard lock(mutex);
        ready.push_back(std::move(piece));
    }
    changed.notify_all();
}

Status StreamToWire::Impl::read_headers()
{
    auto buffer = take_buffer();
    if (!buffer) {
        return Error(ErrorKind::aborted, "the sender has ended");
    }
    if (auto s = read_into(*buffer, 0, stream_headers_size); !s) {
        return s;
    }
    const std::span bytes(buffer->data(), stream_headers_size);
    if (auto s = check_stream_headers(bytes); !s) {
        return s;
    }
    hand_over({bytes, 0, std::nullopt, std::move(*buffer)});
    return {};
}

Status StreamToWire::Impl::read_record()
{
    auto buffer = take_buffer();
    if (!buffer) {
        return Error(ErrorKind::aborted, "the sender has ended");
    }
    const uint64_t start = offset;
    if (auto s = read_into(*buffer, 0, record_header_size); !s) {
        return s;
    }
    const auto header = parse_record_header(*buffer);
    if (!header) {
        return header.error();
    }
    const size_t size = header->record_size();
    if (auto s = read_into(*buffer, record_header_size,
                           size - record_header_size);
        !s) {
        return s.error().with_context(to_string(header->type));
    }
    const std::span bytes(buffer->data(), size);
    hand_over({bytes, start, header->type, std::move(*buffer)});
    return {};
}

Error StreamToWire::Impl::read_stream()
{
    Status s = read_headers();
    uint64_t start = 0;
    while (s) {
        start = offset;
        s = read_record();
    }
    return s.error().with_context("saved stream at byte " +
                                  std::to_string(start));
}

void StreamToWire::Impl::run_reader()
{
    Error why = read_stream();
    {
        const std::lock_guard lock(mutex);
        end_of_stream = std::move(why);
    }
    changed.notify_all();
}

// ---- to the wire -----------------------------------------------------------

Status StreamToWire::Impl::send_pages(const PageData& pages,
                                      std::span<uint8_t> bytes)
{
    for (size_t i = 0; i < pages.count(); ++i) {
        const auto entry = pages.entry(i);
        sent.insert(entry.pfn);
        copy_has.put(entry.pfn, entry.has_contents);
    }
    const auto sifted =
        sifter.sift(pages, bytes.subspan(record_header_size));
    if (!sifted) {
        return sifted.error();
    }
    const auto size = send_sifted();
    if (!size) {
        return size.error();
    }
    totals.left_out = Pages{totals.left_out.value() +
                            sifted->left_out.value()};
    totals.zeros = Pages{totals.zeros.value() + sifted->zeros.value()};
    totals.saved = Bytes{totals.saved.value() + frame_header_size +
                         bytes.size() - *size};
    return {};
}

// How many bytes that took on the wire.
Result<uint64_t> StreamToWire::Impl::send_sifted()
{
    if (sifter.count() == 0) {
        return 0;
    }
    const View head = sifter.head();
    const View contents = sifter.contents();
    const auto packed = packer.pack(head, contents);
    const auto begun = std::chrono::steady_clock::now();
    const Status s =
        packed ? sender.send(FrameType::PACKED_PAGES, {*packed})
               : sender.send(FrameType::PAGES, {head, contents});
    if (!s) {
        return s.error();
    }
    const size_t size = packed ? packed->size() : head.size() + contents.size();
    packer.sent(size, std::chrono::steady_clock::now() - begun);
    return frame_header_size + size;
}

Status StreamToWire::Impl::send_piece(const Piece& piece)
{
    const View bytes = piece.bytes;
    totals.copied = Bytes{totals.copied.value() + bytes.size()};
    if (!piece.type) {
        return sender.send(FrameType::IMAGE, {bytes});
    }
    const auto record = parse_record(bytes, gfns);
    if (!record) {
        return record.error();
    }
    if (record->pages) {
        return send_pages(*record->pages, piece.bytes);
    }
    if (record->type != RecordType::CHECKPOINT) {
        return sender.send(FrameType::RECORD, {bytes});
    }
    if (auto s = sifter.finish(); !s) {
        return s;
    }
    if (auto s = sender.send(FrameType::RECORD, {bytes}); !s) {
        return s;
    }
    totals.pages = sent.size();
    {
        const std::lock_guard lock(mutex);
        totals.waited = std::chrono::duration_cast<std::chrono::microseconds>(
            std::exchange(waited, {}));
        checkpoints.push_back(totals);
    }
    changed.notify_all();
    sent.clear();
    totals = {};
    return {};
}

// Nothing while libxc is at it.
Result<std::optional<StreamToWire::Impl::Piece>>
StreamToWire::Impl::next_of_copy()
{
    const auto bytes = copy.next_record();
    if (!bytes) {
        return bytes.error();
    }
    if (!*bytes) {
        return std::optional<Piece>();
    }
    const auto header = parse_record_header(**bytes);
    if (!header) {
        return header.error();
    }
    return std::optional(
        Piece{**bytes, totals.copied.value(), header->type, {}});
}

Result<StreamToWire::Impl::Piece> StreamToWire::Impl::next_piece()
{
    std::unique_lock lock(mutex);
    for (;;) {
        if (ended) {
            return *ended;
        }
        if (!ready.empty()) {
            Piece piece = std::move(ready.front());
            ready.pop_front();
            return piece;
        }
        if (!from_copy) {
            if (end_of_stream) {
                return *end_of_stream;
            }
            changed.wait(lock);
            continue;
        }
        const bool no_more = libxc_ended;
        auto piece = next_of_copy();
        if (!piece) {
            return piece.error();
        }
        if (*piece) {
            from_copy = (*piece)->type != RecordType::CHECKPOINT;
            return std::move(**piece);
        }
        if (no_more) {
            return Error(ErrorKind::io, "libxc ended its stream");
        }
        changed.wait_for(lock, glance);
    }
}

Error StreamToWire::Impl::send_stream()
{
    for (;;) {
        auto piece = next_piece();
        if (!piece) {
            return piece.error();
        }
        if (auto s = send_piece(*piece); !s) {
            return s.error().with_context("saved stream at byte " +
                                          std::to_string(piece->offset));
        }
        if (!piece->buffer.empty()) {
            give_buffer(std::move(piece->buffer));
        }
    }
}

void StreamToWire::Impl::end(Error why)
{
    {
        const std::lock_guard lock(mutex);
        // Whoever aborted has said so already.
        if (!ended) {
            ended = std::move(why);
        }
    }
    changed.notify_all();
}

void StreamToWire::Impl::run_sender()
{
    end(send_stream());
    // Last: libxc's failure is put down to what is known then.
    pipe.abort();
}

// ---- for the session -------------------------------------------------------

StreamToWire::StreamToWire(FrameSender& sender, Pages gfns,
                     const std::optional<Elision>& elision,
                     Compression compression, Bytes buffer)
    : impl_(std::make_unique<Impl>(sender, gfns, elision, compression, buffer))
{
}

StreamToWire::~StreamToWire()
{
    abort();
    impl_->reader.join();
    impl_->worker.join();
}

UniqueFd StreamToWire::take_io()
{
    UniqueFd theirs = impl_->pipe.take_theirs();
    impl_->io = theirs.get();
    return theirs;
}

void StreamToWire::make_room(Pages expected)
{
    // Somewhat more than the last one took: the next may.
    const uint64_t last = impl_->last_copied.value();
    impl_->copy.make_room(Bytes{std::max(expected.value() * bytes_a_page,
                                         last + last / 4)});
}

Status StreamToWire::begin_copy(std::optional<Pages> most)
{
    const bool fits =
        most &&
        Bytes{most->value() * bytes_a_page} <= impl_->copy.limit();
    impl_->copies = fits;
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->waited = {};
        impl_->most_buffers = fits ? few_buffers : impl_->many_buffers;
        if (fits && impl_->buffers > few_buffers) {
            impl_->buffers -= impl_->free.size();
            impl_->free.clear();
        }
    }
    if (!fits) {
        // Not both at once: the limit is for both.
        impl_->copy.give_back();
        if (!impl_->into_pipe) {
            return {};  // it has never led elsewhere
        }
        return dup3(impl_->into_pipe.get(), impl_->io, O_CLOEXEC) == impl_->io
                   ? Status()
                   : Error::from_errno(ErrorKind::io,
                                       "cannot lead libxc to its pipe", errno);
    }
    if (!impl_->into_pipe) {
        impl_->into_pipe.reset(fcntl(impl_->io, F_DUPFD_CLOEXEC, 0));
        if (!impl_->into_pipe) {
            return Error::from_errno(ErrorKind::io, "pipe to libxc", errno);
        }
    }
    if (auto s = impl_->copy.begin(impl_->io); !s) {
        return s;
    }
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->from_copy = true;
    }
    impl_->changed.notify_all();
    return {};
}

void StreamToWire::libxc_has_ended()
{
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->libxc_ended = true;
    }
    impl_->changed.notify_all();
    impl_->into_pipe.reset();
}

void StreamToWire::always_send(const std::vector<Pfn>& pages)
{
    const std::lock_guard lock(impl_->mutex);  // the sender's thread is there
    impl_->sifter.always_send(pages);
}

const PageSet& StreamToWire::copy_has() const
{
    return impl_->copy_has;
}

CopyDigests* StreamToWire::known()
{
    return impl_->sifter.known();
}

Result<SentPages> StreamToWire::wait_checkpoint_sent()
{
    // Of a copy, libxc has written all by now.
    impl_->changed.notify_all();
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] {
        return !impl_->checkpoints.empty() || impl_->ended;
    });
    if (impl_->checkpoints.empty()) {
        return *impl_->ended;
    }
    const SentPages pages = impl_->checkpoints.front();
    impl_->checkpoints.pop_front();
    impl_->last_copied = impl_->copies ? pages.copied : Bytes{0};
    return pages;
}

void StreamToWire::abort()
{
    impl_->end(Error(ErrorKind::aborted, "the saved stream was given up"));
    if (CopyDigests* const known = impl_->sifter.known()) {
        known->abort();
    }
    impl_->pipe.abort();
}

}  // namespace xl_colo
