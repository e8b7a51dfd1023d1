#include "qemu/qmp.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/descriptors.h"
#include "base/errors.h"

namespace xl_colo {

namespace {

// The answers that we ask for are short. QEMU is not to be trusted with more:
// YAJL frees a tree recursively, so brackets alone would cost us the stack.
constexpr size_t longest_line = 64 * 1024;
constexpr size_t most_events = 256;

}  // namespace

Result<std::unique_ptr<Qmp>> Qmp::connect(const std::string& path,
                                          Timeout timeout)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return Error(ErrorKind::io, "the path of the QMP socket is too long");
    }
    std::copy(path.begin(), path.end(), address.sun_path);

    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address),
                  sizeof(address)) != 0) {
        return io_error("cannot connect to QMP socket " + path, errno);
    }
    std::unique_ptr<Qmp> qmp(new Qmp(std::move(socket)));
    if (auto r = qmp->negotiate(Clock::now() + timeout); !r) {
        return r.error().with_context("QMP socket " + path);
    }
    return qmp;
}

Status Qmp::negotiate(Clock::time_point deadline)
{
    auto greeting = receive(deadline);
    if (!greeting) {
        return greeting.error();
    }
    const auto hello = greeting->object("QMP");
    const auto version = hello ? hello->object("version") : std::nullopt;
    const auto qemu = version ? version->object("qemu") : std::nullopt;
    if (!qemu || !qemu->number("major") || !qemu->number("minor")) {
        return broken({ErrorKind::protocol, "no QMP greeting"});
    }
    version_ = {*qemu->number("major"), *qemu->number("minor")};
    auto r = run("qmp_capabilities", "{}",
                 std::chrono::duration_cast<Timeout>(deadline - Clock::now()));
    return r ? Status() : r.error();
}

Result<Json> Qmp::run(const std::string& command, const std::string& arguments,
                      Timeout timeout)
{
    const auto deadline = Clock::now() + timeout;
    const uint64_t id = ++last_id_;
    const std::string message = "{\"execute\": \"" + command +
                                "\", \"arguments\": " + arguments +
                                ", \"id\": " + std::to_string(id) + "}\n";
    if (auto r = send_line(message, deadline); !r) {
        return r.error().with_context(command);
    }
    for (;;) {
        auto answer = receive(deadline);
        if (!answer) {
            return answer.error().with_context(command);
        }
        if (answer->has("event")) {
            keep_event(std::move(*answer));
            continue;
        }
        const auto answered = answer->number("id");
        if (!answered || *answered != id) {
            continue;  // a command whose deadline has passed
        }
        if (const auto refusal = answer->object("error")) {
            const auto why = refusal->text("desc");
            return Error(ErrorKind::io, "device model refuses " + command +
                                            ": " + (why ? *why : "no reason"));
        }
        return answer;
    }
}

Result<Json> Qmp::wait_event(const std::function<bool(const Json&)>& wanted,
                             Timeout timeout)
{
    const auto deadline = Clock::now() + timeout;
    for (;;) {
        auto found = std::find_if(events_.begin(), events_.end(), wanted);
        if (found != events_.end()) {
            Json event = std::move(*found);
            events_.erase(found);
            return event;
        }
        auto message = receive(deadline);
        if (!message) {
            return message.error();
        }
        if (message->has("event")) {
            keep_event(std::move(*message));
        }
    }
}

void Qmp::keep_event(Json event)
{
    if (events_.size() == most_events) {
        events_.pop_front();
    }
    events_.push_back(std::move(event));
}

Status Qmp::send_line(const std::string& line, Clock::time_point deadline)
{
    size_t sent = 0;
    while (sent < line.size()) {
        if (auto r = wait_for(POLLOUT, deadline); !r) {
            // Half a line would spoil the next one.
            return sent > 0 ? broken(r.error()) : r.error();
        }
        const ssize_t r = send(socket_.get(), line.data() + sent,
                               line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (r >= 0) {
            sent += static_cast<size_t>(r);
        } else if (errno != EINTR && errno != EAGAIN) {
            return broken(io_error("cannot write", errno));
        }
    }
    return {};
}

Result<Json> Qmp::receive(Clock::time_point deadline)
{
    for (;;) {
        if (const auto end = received_.find('\n'); end != std::string::npos) {
            auto message = Json::parse(received_.substr(0, end));
            received_.erase(0, end + 1);
            if (!message) {
                return broken(message.error());
            }
            return message;
        }
        if (received_.size() > longest_line) {
            return broken({ErrorKind::protocol, "message too long"});
        }
        if (auto r = wait_for(POLLIN, deadline); !r) {
            return r.error();
        }
        std::array<char, 4096> buffer;
        const ssize_t r =
            recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (r > 0) {
            received_.append(buffer.data(), static_cast<size_t>(r));
        } else if (r == 0) {
            return broken(
                {ErrorKind::io, "device model closed the connection"});
        } else if (errno != EINTR && errno != EAGAIN) {
            return broken(io_error("cannot read", errno));
        }
    }
}

Status Qmp::wait_for(short events, Clock::time_point deadline)
{
    if (!socket_) {
        return Error(ErrorKind::io, "the connection is broken");
    }
    const auto ready = wait_ready(socket_.get(), events, -1, deadline);
    if (!ready) {
        return broken(ready.error());
    }
    return *ready == Ready::yes
               ? Status()
               : Error(ErrorKind::timeout, "device model does not answer");
}

Error Qmp::broken(Error error)
{
    socket_.reset();
    return error;
}

}  // namespace xl_colo
