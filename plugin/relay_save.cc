// xc_domain_save's stream, record by record, on its way to the wire. The thread
// ends with the stream, with the first thing wrong in it, or with abort(); it
// then closes its end of the pipe, so that libxc does not write into the void.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "dirty_set.h"
#include "migration_stream.h"
#include "relay.h"
#include "relay_pipe.h"

namespace xl_colo {

struct SaveRelay::Impl {
    Impl(FrameSender& to, Pages guest)
        : sender(to),
          gfns(guest),
          sent(guest),
          thread([this] { run(); })
    {
    }

    void run();
    Error relay_stream();
    Status relay_headers();
    Status relay_record();
    Status read_into_buffer(size_t at, size_t size);

    FrameSender& sender;
    const Pages gfns;
    RelayPipe pipe{RelayPipe::Ours::reads};

    // The relay's thread only.
    Buffer buffer;            // one record; grows to the greatest that came
    uint64_t offset = 0;      // in the stream, for messages
    DirtySet sent;            // since the last CHECKPOINT record

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Pages> checkpoints;  // sent, and nobody waited for them yet
    std::optional<Error> ended;

    std::thread thread;       // last: it uses all the others
};

Status SaveRelay::Impl::read_into_buffer(size_t at, size_t size)
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

Status SaveRelay::Impl::relay_headers()
{
    if (auto s = read_into_buffer(0, stream_headers_size); !s) {
        return s;
    }
    const View headers = View(buffer).first(stream_headers_size);
    if (auto s = check_stream_headers(headers); !s) {
        return s;
    }
    return sender.send(FrameType::IMAGE, {headers});
}

Status SaveRelay::Impl::relay_record()
{
    if (auto s = read_into_buffer(0, record_header_size); !s) {
        return s;
    }
    auto header = parse_record_header(buffer);
    if (!header) {
        return header.error();
    }
    const size_t size = header->record_size();
    if (auto s = read_into_buffer(record_header_size,
                                  size - record_header_size);
        !s) {
        return s.error().with_context(to_string(header->type));
    }
    const View bytes = View(buffer).first(size);
    const auto record = parse_record(bytes, gfns);
    if (!record) {
        return record.error();
    }
    if (record->pages) {
        for (size_t i = 0; i < record->pages->count(); ++i) {
            sent.insert(record->pages->entry(i).pfn);
        }
    }
    if (auto s = sender.send(FrameType::RECORD, {bytes}); !s) {
        return s;
    }
    if (record->type == RecordType::CHECKPOINT) {
        {
            const std::lock_guard lock(mutex);
            checkpoints.push_back(sent.size());
        }
        changed.notify_all();
        sent.clear();
    }
    return {};
}

Error SaveRelay::Impl::relay_stream()
{
    Status s = relay_headers();
    uint64_t start = 0;
    while (s) {
        start = offset;
        s = relay_record();
    }
    return s.error().with_context("saved stream at byte " +
                                  std::to_string(start));
}

void SaveRelay::Impl::run()
{
    Error why = relay_stream();
    {
        const std::lock_guard lock(mutex);
        // Whoever aborted has said so already.
        if (!ended) {
            ended = std::move(why);
        }
    }
    changed.notify_all();
    // Last: libxc's failure is put down to what is known then.
    pipe.abort();
}

SaveRelay::SaveRelay(FrameSender& sender, Pages gfns)
    : impl_(std::make_unique<Impl>(sender, gfns))
{
}

SaveRelay::~SaveRelay()
{
    abort();
    impl_->thread.join();
}

UniqueFd SaveRelay::take_io()
{
    return impl_->pipe.take_theirs();
}

Result<Pages> SaveRelay::wait_checkpoint_sent()
{
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [this] {
        return !impl_->checkpoints.empty() || impl_->ended;
    });
    if (impl_->checkpoints.empty()) {
        return *impl_->ended;
    }
    const Pages pages = impl_->checkpoints.front();
    impl_->checkpoints.pop_front();
    return pages;
}

void SaveRelay::abort()
{
    {
        const std::lock_guard lock(impl_->mutex);
        if (!impl_->ended) {
            impl_->ended = Error(ErrorKind::cancelled,
                                 "the saved stream was given up");
        }
    }
    impl_->changed.notify_all();
    impl_->pipe.abort();
}

}  // namespace xl_colo
