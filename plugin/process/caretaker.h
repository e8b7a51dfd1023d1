// Looks after a guest that is no longer protected, or that has been taken
// over. xl's own daemon has left when it saw the guest suspended, so somebody
// has to carry out its shutdown, reboot or crash as its configuration says.
#pragma once

#include "hypervisor/host.h"
#include "process/card_watchdog.h"
#include "session/event_queue.h"
#include "session/session.h"

namespace xl_colo {

class Caretaker : public SessionControl {
public:
    Caretaker(Host& host, StatusBoard& board, Log& log)
        : host_(host), board_(board), log_(log) {}

    // Until there is no such guest any more, or somebody asks to stop: then
    // the guest goes on, and nobody looks after it. A guest that `may_suspend`,
    // because protection asked it to and then ended, is resumed when it does;
    // a later suspend is somebody else's: an "xl save", perhaps.
    // `cards`: null, or looked after as well.
    void run(Domid domid, bool may_suspend = false,
             CardWatchdog* cards = nullptr);

    // For what is left of a copy: until it is gone, or somebody asks to stop.
    // It does nothing but be there to be asked for its status.
    void keep_watch(Domid domid);

    // Carries out a shutdown if there has been one. The guest's domid now;
    // nothing when the guest is gone or its shutdown could not be carried out.
    std::optional<Domid> attend(Domid domid);

    void request_stop(const std::string& reason) override;
    void request_failover() override {}
    void domains_changed() override;

private:
    // Whether the domain was suspended: then it is resumed.
    bool resume_suspended(Domid domid);

    Host& host_;
    StatusBoard& board_;
    Log& log_;
    EventQueue queue_;
};

}  // namespace xl_colo
