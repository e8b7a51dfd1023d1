// How a secondary's session ends: whether the copy becomes the guest.
//
// That follows from five facts, by decide(), and is decided nowhere else. What
// the primary did comes first:
//
//     copy       cause         verdict
//     ---------  ------------  ------------------------------
//     not whole  any           discard the copy
//     whole      stopped       discard
//     whole      failed        discard
//     whole      yielded       take over
//     whole      lost, silent  by the witness, if there is one
//     whole      lost          without a witness, by the fence
//     whole      silent        without a witness, by an admin
//
// The witness:
//
//     copy     claim                  since then  verdict
//     -------  ---------------------  ----------  ---------------
//     any      theirs                 any         discard
//     any      yours                  any         by the fence
//     any      not asked, unknown     stop        discard
//     running  not asked, unknown     else        pause the copy
//     stands   not asked              else        ask the witness
//     stands   unknown                nothing     hold the copy
//     stands   unknown                failover    take over
//
// The fence:
//
//     copy     fence          since then  verdict
//     -------  -------------  ----------  --------------
//     any      none, yes      any         take over
//     any      not asked, no  stop        discard
//     running  not asked, no  else        pause the copy
//     stands   not asked      else        ask the fence
//     stands   no             nothing     hold the copy
//     stands   no             failover    take over
//
// An admin:
//
//     copy     since then  verdict
//     -------  ----------  --------------
//     any      stop        discard
//     running  else        pause the copy
//     stands   nothing     hold the copy
//     stands   failover    take over
//
// To pause, to ask and to hold bring new facts, so decide() is called until it
// says one of the other two. Who is heard is not lost: nobody takes over from
// him. Nor does a host that was itself silent, for whatever reason: its primary
// has lost it and goes on alone, if it lives, and is not to be fenced for that.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "fencing/fence.h"
#include "fencing/witness.h"
#include "session/copy.h"
#include "session/peer.h"
#include "session/session.h"
#include "status/status.h"

namespace xl_colo {

// Why libxc's loop ended, as far as the copy is concerned.
enum class Cause {
    stopped,     // the primary sent STOP: it goes on with its own guest
    failed,      // a step, or somebody here ended it; the primary is there
    yielded,     // the primary holds its guest for us: xl-colo-failover, or it
                 // cannot run it any more
    lost,        // nothing is heard of the primary
    silent,      // the same, and nothing was heard of us before
};

// What the fence command says of the primary: that it is off, or not.
enum class Fenced { no_command, not_asked, no, yes };

// What an admin has asked for since the primary was lost; a failover only since
// there is a warning of why the copy is held.
enum class AskedSince { nothing, failover, stop };

enum class Verdict { discard, take_over, pause, ask_witness, ask_fence, hold };

struct Facts {
    CopyState copy;
    Cause cause;
    Claimed claimed;
    Fenced fenced;
    AskedSince asked;
};

Verdict decide(const Facts& facts);

// Carries the verdicts out. For the session's thread; borrows everything.
class Takeover {
public:
    struct Settings {
        std::string guest;  // the name that the domain gets
        std::chrono::milliseconds timeout;      // of the session
        std::chrono::milliseconds yield_limit;  // see ask_primary()
    };
    Takeover(Copy& copy, Peer& peer, StatusBoard& board, Log& log,
             Fence* fence, Witness* witness, Link& link, Settings settings);

    // xl-colo-failover: asks the primary to hold its guest, and waits until it
    // says that it does or is lost. One that is heard and says nothing for the
    // limit, or anything else that ends the session meanwhile, ends it without
    // a takeover. Returns why the session ends.
    Error ask_primary();

    // The end of the session, whose loop has ended for `cause`. `checkpoint` is
    // the one under way, or the last.
    SessionEnd finish(Error cause, CheckpointNumber checkpoint);
    // The same where there is nothing to go on with.
    SessionEnd discard(const Error& cause);

private:
    Cause classify(Error& cause);
    void hold_back(const std::string& why);
    Claimed ask_witness();
    std::string loss(const Error& cause, CheckpointNumber checkpoint);
    Fenced ask_fence();
    void pause();
    AskedSince hold(std::chrono::milliseconds patience, Error& cause);
    SessionEnd take_over(std::string why, bool primary_is_off);
    std::optional<SessionEnd> make_it_run(const std::string& why);

    Copy& copy_;
    Peer& peer_;
    StatusBoard& board_;
    Log& log_;
    Fence* fence_;      // or null
    Witness* witness_;  // or null
    Link& link_;
    Settings settings_;
    bool asked_ = false;    // the primary, for its guest
    bool yielded_ = false;  // it holds that for us
};

}  // namespace xl_colo
