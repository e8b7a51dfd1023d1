// xc_domain_save's stream, record by record, on its way to the wire. One thread
// reads from libxc, another one digests and sends, so that libxc maps and
// writes the next pages meanwhile. They end with the stream, with the first
// thing wrong in it, or with abort(); our end of the pipe is closed then, so
// that libxc does not write into the void.
#include "relay/stream_to_wire.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "pages/page_set.h"
#include "relay/migration_stream.h"
#include "relay/packer.h"
#include "relay/page_sifter.h"
#include "relay/relay_pipe.h"

namespace xl_colo {

namespace {

// Being read, being sent, and one in between. libxc's records of pages are of
// 4 MiB at most.
constexpr size_t buffers = 3;

}  // namespace

struct StreamToWire::Impl {
    Impl(FrameSender& to, Pages guest, const std::optional<Elision>& elision,
         Compression compression)
        : sender(to),
          gfns(guest),
          sent(guest),
          copy_has(guest),
          sifter(guest, elision),
          packer(compression),
          free(buffers),
          reader([this] { run_reader(); }),
          worker([this] { run_sender(); })
    {
    }

    // What goes from the reader to the sender; the headers go as a record of
    // type nothing.
    struct Piece {
        Buffer bytes;  // longer than `size`, perhaps
        size_t size = 0;
        uint64_t offset = 0;
        std::optional<RecordType> type;
    };

    void run_reader();
    Error read_stream();
    Status read_headers();
    Status read_record();
    Status read_into(Buffer& buffer, size_t at, size_t size);
    std::optional<Buffer> take_buffer();
    void hand_over(Piece piece);

    void run_sender();
    Error send_stream();
    Status send_piece(Piece& piece);
    Status send_pages(const PageData& pages, Piece& piece);
    Result<uint64_t> send_sifted();
    void end(Error why);

    FrameSender& sender;
    const Pages gfns;
    RelayPipe pipe{RelayPipe::Ours::reads};

    // The reader's thread only.
    uint64_t offset = 0;      // in the stream, for messages

    // The sender's thread only.
    PageSet sent;            // since the last CHECKPOINT record
    SentPages totals;         // the same
    PageSet copy_has;        // by the last entry of each page
    PageSifter sifter;
    Packer packer;

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Buffer> free;
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
    changed.wait(lock, [this] { return ended || !free.empty(); });
    if (ended) {
        return std::nullopt;
    }
    Buffer buffer = std::move(free.back());
    free.pop_back();
    return buffer;
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
    Piece piece{std::move(*buffer), stream_headers_size, 0, std::nullopt};
    if (auto s = read_into(piece.bytes, 0, piece.size); !s) {
        return s;
    }
    if (auto s = check_stream_headers(View(piece.bytes).first(piece.size));
        !s) {
        return s;
    }
    hand_over(std::move(piece));
    return {};
}

Status StreamToWire::Impl::read_record()
{
    auto buffer = take_buffer();
    if (!buffer) {
        return Error(ErrorKind::aborted, "the sender has ended");
    }
    Piece piece{std::move(*buffer), 0, offset, std::nullopt};
    if (auto s = read_into(piece.bytes, 0, record_header_size); !s) {
        return s;
    }
    auto header = parse_record_header(piece.bytes);
    if (!header) {
        return header.error();
    }
    piece.type = header->type;
    piece.size = header->record_size();
    if (auto s = read_into(piece.bytes, record_header_size,
                           piece.size - record_header_size);
        !s) {
        return s.error().with_context(to_string(header->type));
    }
    hand_over(std::move(piece));
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

Status StreamToWire::Impl::send_pages(const PageData& pages, Piece& piece)
{
    for (size_t i = 0; i < pages.count(); ++i) {
        const auto entry = pages.entry(i);
        sent.insert(entry.pfn);
        copy_has.put(entry.pfn, entry.has_contents);
    }
    const auto body = std::span(piece.bytes)
                          .first(piece.size)
                          .subspan(record_header_size);
    const auto sifted = sifter.sift(pages, body);
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
                         piece.size - *size};
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

Status StreamToWire::Impl::send_piece(Piece& piece)
{
    const View bytes = View(piece.bytes).first(piece.size);
    if (!piece.type) {
        return sender.send(FrameType::IMAGE, {bytes});
    }
    const auto record = parse_record(bytes, gfns);
    if (!record) {
        return record.error();
    }
    if (record->pages) {
        return send_pages(*record->pages, piece);
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
        checkpoints.push_back(totals);
    }
    changed.notify_all();
    sent.clear();
    totals = {};
    return {};
}

Error StreamToWire::Impl::send_stream()
{
    for (;;) {
        Piece piece;
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, [this] {
                return ended || !ready.empty() || end_of_stream;
            });
            if (ended) {
                return *ended;
            }
            if (ready.empty()) {
                return *end_of_stream;
            }
            piece = std::move(ready.front());
            ready.pop_front();
        }
        if (auto s = send_piece(piece); !s) {
            return s.error().with_context("saved stream at byte " +
                                          std::to_string(piece.offset));
        }
        {
            const std::lock_guard lock(mutex);
            free.push_back(std::move(piece.bytes));
        }
        changed.notify_all();
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
                     Compression compression)
    : impl_(std::make_unique<Impl>(sender, gfns, elision, compression))
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
    return impl_->pipe.take_theirs();
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
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] {
        return !impl_->checkpoints.empty() || impl_->ended;
    });
    if (impl_->checkpoints.empty()) {
        return *impl_->ended;
    }
    const SentPages pages = impl_->checkpoints.front();
    impl_->checkpoints.pop_front();
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
