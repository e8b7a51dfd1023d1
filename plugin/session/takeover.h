// How a secondary's session ends: whether the copy becomes the guest.
//
// That follows from four facts, by decide(), and is decided nowhere else:
//
//     copy       cause       fence      since then   verdict
//     ---------  ----------  ---------  -----------  ---------------------
//     not whole  any         any        any          discard the copy
//     whole      stopped     any        any          discard
//     whole      failed      any        any          discard
//     whole      yielded     any        any          take over
//     whole      unanswered  any        any          take over
//     whole      lost        none       any          take over
//     whole      lost        not asked  any          ask the fence
//     whole      lost        yes        any          take over
//     whole      lost        no         nothing      hold the copy
//     whole      lost        no         failover     take over
//     whole      lost        no         stop         discard
//
// To ask the fence and to hold the copy bring new facts, so decide() is called
// until it says one of the other two.
#pragma once

#include "fencing/fence.h"
#include "session/copy.h"
#include "session/peer.h"
#include "session/session.h"
#include "status/status.h"

namespace xl_colo {

// Why libxc's loop ended, as far as the copy is concerned.
enum class Cause {
    stopped,     // the primary sent STOP: it goes on with its own guest
    failed,      // a step, or somebody here ended it; the primary is there
    yielded,     // xl-colo-failover: the primary holds its guest for us
    unanswered,  // xl-colo-failover: the primary does not answer
    lost,        // nothing is heard of the primary
};

// What the fence command says of the primary: that it is off, or not.
enum class Fenced { no_command, not_asked, no, yes };

// What an admin has asked for since the fence said no.
enum class AskedSince { nothing, failover, stop };

enum class Verdict { discard, take_over, ask_fence, hold };

Verdict decide(CopyState copy, Cause cause, Fenced fenced, AskedSince asked);

// Carries the verdicts out. For the session's thread; borrows everything.
class Takeover {
public:
    // `guest`: the name that the domain gets. `timeout`: of the session.
    Takeover(Copy& copy, Peer& peer, StatusBoard& board, Log& log,
             Fence* fence, std::string guest,
             std::chrono::milliseconds timeout);

    // xl-colo-failover: asks the primary to hold its guest, and waits for what
    // it says to that. Returns why the session ends.
    Error ask_primary();

    // The end of the session, whose loop has ended for `cause`. `checkpoint` is
    // the one under way, or the last.
    SessionEnd finish(Error cause, CheckpointNumber checkpoint);
    // The same where there is nothing to go on with.
    SessionEnd discard(const Error& cause);

private:
    enum class Failover { not_asked, asked, yielded };

    Cause classify(const Error& cause);
    std::string loss(const Error& cause, CheckpointNumber checkpoint);
    Fenced ask_fence();
    AskedSince hold(Error& cause);
    SessionEnd take_over(const std::string& why, bool primary_is_off);

    Copy& copy_;
    Peer& peer_;
    StatusBoard& board_;
    Log& log_;
    Fence* fence_;
    std::string guest_;
    std::chrono::milliseconds timeout_;
    Failover failover_ = Failover::not_asked;
    bool paused_ = false;  // the copy, by us, as long as the fence is asked
};

}  // namespace xl_colo
