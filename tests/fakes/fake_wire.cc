#include "fake_wire.h"

#include <sys/socket.h>

#include "fake_stream.h"

namespace xl_colo {

namespace {

bool write_frame(int fd, const Frame& frame)
{
    const auto length = static_cast<uint32_t>(frame.body.size());
    return write_exact(fd, frame_header_bytes({frame.type, length})) &&
           write_exact(fd, frame.body) &&
           write_exact(fd, Buffer(padding_of(length)));
}

std::optional<Frame> read_frame(int fd)
{
    Buffer bytes(frame_header_size);
    if (!read_exact(fd, bytes.data(), bytes.size())) {
        return std::nullopt;
    }
    const auto header = parse_frame_header(bytes);
    if (!header) {
        return std::nullopt;
    }
    bytes.resize(header->length + padding_of(header->length));
    if (!read_exact(fd, bytes.data(), bytes.size())) {
        return std::nullopt;
    }
    bytes.resize(header->length);
    return Frame{header->type, std::move(bytes)};
}

}  // namespace

FakeWire::FakeWire()
{
    for (size_t side = 0; side < 2; ++side) {
        std::array<int, 2> fds{};
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data());
        ends_[side].reset(fds[0]);
        inner_[side].reset(fds[1]);
    }
    pumps_[0] = std::thread([this] { pump(0, 1); });
    pumps_[1] = std::thread([this] { pump(1, 0); });
}

FakeWire::~FakeWire()
{
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
        changed_.notify_all();
    }
    cut();
    for (std::thread& pump : pumps_) {
        pump.join();
    }
}

void FakeWire::cut()
{
    for (const UniqueFd& fd : inner_) {
        shutdown(fd.get(), SHUT_RDWR);
    }
}

void FakeWire::fault(FrameType type, unsigned nth, WireFault what)
{
    const std::lock_guard lock(mutex_);
    plans_[{type, nth}].fault = what;
}

void FakeWire::at(FrameType type, unsigned nth, std::function<void()> action)
{
    const std::lock_guard lock(mutex_);
    plans_[{type, nth}].action = std::move(action);
}

void FakeWire::rewrite(FrameType type, unsigned nth,
                       std::function<Buffer(Buffer)> change)
{
    const std::lock_guard lock(mutex_);
    plans_[{type, nth}].change = std::move(change);
}

void FakeWire::follow(FrameType type, unsigned nth, std::vector<Frame> others)
{
    const std::lock_guard lock(mutex_);
    plans_[{type, nth}].others = std::move(others);
}

unsigned FakeWire::count(FrameType type) const
{
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(type);
    return found == counts_.end() ? 0 : found->second;
}

std::map<FrameType, unsigned> FakeWire::all() const
{
    const std::lock_guard lock(mutex_);
    return counts_;
}

// False when nothing more is to be passed on.
bool FakeWire::pass(int to, Frame frame)
{
    Plan plan;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !frozen_ || ending_; });
        if (frame.type != FrameType::HEARTBEAT) {
            const auto found =
                plans_.find({frame.type, ++counts_[frame.type]});
            if (found != plans_.end()) {
                plan = found->second;
            }
        }
        if (plan.fault == WireFault::freeze) {
            frozen_ = true;
            changed_.wait(lock, [this] { return ending_; });
            return false;
        }
    }
    if (plan.action) {
        plan.action();
    }
    if (plan.change) {
        frame.body = plan.change(std::move(frame.body));
    }
    if (!plan.fault) {
        bool written = write_frame(to, frame);
        for (const Frame& other : plan.others) {
            written = written && write_frame(to, other);
        }
        return written;
    }
    switch (*plan.fault) {
    case WireFault::cut:
    case WireFault::freeze:
        cut();
        return false;
    case WireFault::repeat:
        return write_frame(to, frame) && write_frame(to, frame);
    case WireFault::garble:
        frame.type = FrameType{0x99};
        return write_frame(to, frame);
    }
    return false;
}

// As with TCP: who has closed may still be read to the end, and who writes to
// one that has closed finds out.
void FakeWire::pump(size_t from, size_t to)
{
    while (auto frame = read_frame(inner_[from].get())) {
        if (!pass(inner_[to].get(), std::move(*frame))) {
            shutdown(inner_[from].get(), SHUT_RD);
            return;
        }
    }
    shutdown(inner_[to].get(), SHUT_WR);
}

}  // namespace xl_colo
