// A client of QEMU's monitor (QMP) on a unix socket.
//
// QEMU speaks first (the greeting with its version), wants qmp_capabilities,
// and from then on answers commands and sends events in between. A line is one
// message. Each command carries a number, so an answer that comes after its
// deadline is told apart from the next command's and dropped.
#pragma once

#include <chrono>
#include <compare>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace xl_colo {

struct QemuVersion {
    uint64_t major = 0;
    uint64_t minor = 0;
    auto operator<=>(const QemuVersion&) const = default;
};

// One thread at a time. Errors: io (the socket broke, or QEMU said no, with its
// own words), timeout, protocol. After anything but a "no" in words and a
// timeout the connection is of no more use: usable() tells.
class Qmp {
public:
    using Timeout = std::chrono::milliseconds;
    // Under emulation QEMU has been seen to take 200 ms for what is immediate
    // elsewhere; a device model that is silent for longer than this is stuck.
    static constexpr Timeout patience{30'000};

    // Connects and negotiates. The socket serves one client at a time; a second
    // one waits for its greeting, so the deadline tells.
    static Result<std::unique_ptr<Qmp>> connect(const std::string& path,
                                                Timeout timeout = patience);

    QemuVersion version() const { return version_; }
    bool usable() const { return static_cast<bool>(socket_); }

    // `arguments` is one JSON object. The answer, which has a member "return".
    Result<Json> run(const std::string& command,
                     const std::string& arguments = "{}",
                     Timeout timeout = patience);

    // The oldest event since the last forget_events() that `wanted` accepts,
    // or the next to come; takes it.
    Result<Json> wait_event(const std::function<bool(const Json&)>& wanted,
                            Timeout timeout = patience);
    void forget_events() { events_.clear(); }

private:
    using Clock = std::chrono::steady_clock;

    explicit Qmp(UniqueFd socket) : socket_(std::move(socket)) {}
    Status negotiate(Clock::time_point deadline);
    Status send_line(const std::string& line, Clock::time_point deadline);
    Result<Json> receive(Clock::time_point deadline);
    Status wait_for(short events, Clock::time_point deadline);
    void keep_event(Json event);
    Error broken(Error error);

    UniqueFd socket_;
    QemuVersion version_;
    std::string received_;
    std::deque<Json> events_;
    uint64_t last_id_ = 0;
};

}  // namespace xl_colo
