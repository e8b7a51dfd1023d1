// What both commands do around their session: the control socket, the host's
// events, and the guest's care after protection has ended.
#pragma once

#include <memory>

#include "control/control_server.h"
#include "process/caretaker.h"
#include "process/requests.h"
#include "process/signals_and_watches.h"
#include "process/watch_record.h"

namespace xl_colo {

class DomainProcess {
public:
    // Opens the control socket of `status.domain`. Error refused when that
    // domain has a live process on this host already. One that is `starting`
    // has another socket, until it asks for the domain's by begin_serving();
    // with the same error. The board tells `log`, and `record`, if there is
    // one, which must outlive it.
    static Result<std::unique_ptr<DomainProcess>> open(
        Host& host, Log& log, SessionStatus status,
        WatchRecord* record = nullptr,
        ControlPlace place = ControlPlace::serving);
    Status begin_serving() { return server_->begin_serving(); }
    // Whoever asked for an end is told that it has come, whatever came of it.
    ~DomainProcess();

    StatusBoard& board() { return board_; }

    // Before run(): requests go to `control`; none: they wait for the session.
    void hand_requests_to(SessionControl* control)
    {
        requests_.hand_to(control);
    }
    // In place of run(): there will be no session, because of that. The
    // guest is as it was.
    void give_up(const Error& why);

    // Runs the session with requests going to it, then says how it ended.
    template <typename Session>
    SessionEnd run(Session& session)
    {
        requests_.hand_to(&session);
        SessionEnd end = session.run();
        // Requests may still be on their way into the session.
        requests_.hand_to(nullptr);
        announce(end);
        return end;
    }

    // After run(): until the guest is gone or somebody wants its place. See
    // Caretaker::run().
    void take_care(Domid domid, bool may_suspend = false);
    // The same for a guest that was just taken over, with these devices.
    void take_care_of_taken(Domid domid,
                            const std::vector<DeviceFacts>& devices);
    // Instead of it: a copy that could not be destroyed stays in the status
    // until it is gone or somebody wants its place.
    void keep_watch(Domid domid);
    // Instead of it: carries out a shutdown that has happened already.
    void settle(Domid domid);

private:
    DomainProcess(Host& host, Log& log, SessionStatus status,
                  WatchRecord* record);
    void announce(const SessionEnd& end);

    Host& host_;
    Log& log_;
    StatusBoard board_;
    Requests requests_;
    std::unique_ptr<DomainWatch> watch_;
    std::unique_ptr<ControlServer> server_;
    std::unique_ptr<SignalsAndWatches> events_;
    bool ended_ = false;  // and that was announced
};

}  // namespace xl_colo
