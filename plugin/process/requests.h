// Where requests meet the one who carries them out: the control socket's
// threads and the signals on one side; on the other first whoever connects to
// the peer, then the session, then the caretaker. Each comes and goes while
// requests arrive: one that comes in between waits for the next.
//
//     not begun   stop: the process ends, and nothing has changed
//     running     stop: protection ends
//     ended       stop: the process leaves its place
//
// A wish to stop is fulfilled by the next of these steps, whatever brings it
// about: it does not wait for another one after that.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "control/control_server.h"
#include "session/session.h"
#include "status/status.h"

namespace xl_colo {

class Requests : public SessionHandler {
public:
    explicit Requests(StatusBoard& board) : board_(board) {}

    // Requests go to `control` from now on, those that wait at once; none: they
    // wait. It must stay until the next call.
    void hand_to(SessionControl* control);
    // The session is over, or will never begin: who waits for that is answered.
    void session_ended(const SessionEnd& end);

    SessionStatus status() override { return board_.read(); }
    Result<std::string> stop() override;
    Result<std::string> failover() override;

    // From the host, any thread.
    void signalled(const std::string& name);
    void domains_changed();

private:
    void ask_to_stop(const std::string& reason);
    const SessionEnd& wait_for_end(std::unique_lock<std::mutex>& lock);

    StatusBoard& board_;
    std::mutex mutex_;
    std::condition_variable ended_;
    SessionControl* control_ = nullptr;
    std::optional<SessionEnd> end_;

    // What waits for somebody.
    std::optional<std::string> stop_;  // the first one's reason
    bool failover_ = false;
    bool domains_changed_ = false;
};

}  // namespace xl_colo
