// Where requests meet the one who carries them out: the control socket's
// threads and the signals on one side, on the other first the session, later
// the caretaker. Either may come and go while requests arrive.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "control/control_server.h"
#include "session/session.h"
#include "status/status.h"

namespace xl_colo {

class Requests : public ControlHandler {
public:
    explicit Requests(StatusBoard& board) : board_(board) {}

    // Requests go to `control` from now on; none: they are dropped. It must
    // stay until the next call.
    void hand_to(SessionControl* control);
    // The session is over: waiting requests are answered.
    void session_ended(const SessionEnd& end);

    SessionStatus status() override { return board_.read(); }
    Result<std::string> stop() override;
    Result<std::string> failover() override;

    // From the host, any thread.
    void signalled(const std::string& name);
    void domains_changed();

private:
    const SessionEnd& wait_for_end(std::unique_lock<std::mutex>& lock);

    StatusBoard& board_;
    std::mutex mutex_;
    std::condition_variable ended_;
    SessionControl* control_ = nullptr;
    std::optional<SessionEnd> end_;
};

}  // namespace xl_colo
