// How a primary ends: what becomes of its guest, and what the secondary is
// told. One table decides; it is the primary's column of "The end" in
// docs/specs/colo-wire.md. The first row that fits:
//
//     peer  guest      failover  why ended     copy     claim       then
//     gone  not stuck  -         -             perhaps  not asked,
//                                                       unknown     claim
//     gone  not stuck  -         -             perhaps  theirs      give_up
//     gone  not stuck  wanted    -             perhaps  yours       as below
//     gone  ended      -         -             -        -           go_on
//     -     ended      -         -             -        -           go_on: STOP
//     -     -          wanted    -             -        -           hand_over
//     -     suspended  -         -             -        -           resume
//     -     stuck      -         peer_stopped  -        -           hold
//     -     stuck      -         -             perhaps  -           yield
//     -     stuck      -         -             none     -           hold
//     gone  runs       -         -             -        -           go_on
//     -     runs       -         peer_stopped  -        -           go_on: BYE
//     -     runs       -         -             -        -           go_on: STOP
//
// After resume it is looked up again, and after claim, and where a peer has not
// answered a STOP: it counts as gone then. Without a witness nobody is asked,
// and after go_on the copy may run as well if there perhaps is one and the peer
// is gone: the status says what to check.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "fencing/witness.h"
#include "session/own_guest.h"
#include "session/peer.h"
#include "session/session.h"
#include "status/status.h"
#include "wire/link.h"

namespace xl_colo {

enum class Failover { not_wanted, wanted };  // by the secondary's admin

enum class GuestLeft {
    runs,
    suspended,  // by us
    stuck,      // suspended by us, and it could not be resumed
    ended,      // by itself, or an admin made it: its monitor carries that out
};

enum class CopyLeft {
    none,     // the secondary has no state of the guest to go on with
    perhaps,  // all of a checkpoint has been on its way to it
};

enum class Then {
    claim,      // the guest, which stands until the witness has answered
    give_up,    // destroy it: the secondary has it
    hand_over,  // it is held here until the secondary runs it
    resume,     // it goes on; then decide again
    hold,       // it stands here, and nobody else has it
    yield,      // it stands here, and is the secondary's if that can run it
    go_on,      // unprotected
};

enum class LastWord { none, bye, stop };  // to the secondary

struct PrimaryFacts {
    GuestLeft guest;
    Failover failover;
    ErrorKind why;
    CopyLeft copy;
    Claimed claimed;
};

struct PrimaryEnding {
    Then then;
    LastWord word = LastWord::none;
    bool operator==(const PrimaryEnding&) const = default;
};

PrimaryEnding decide_primary_end(const PrimaryFacts& facts);

// Carries that out. Borrows all; the session's thread, after libxc's save has
// returned.
class PrimaryEnd {
public:
    struct Settings {
        std::chrono::milliseconds timeout;     // of the session
        std::chrono::milliseconds until_gone;  // see SessionOptions
    };
    // `witness`: null where there is none.
    PrimaryEnd(Domain& domain, OwnGuest& guest, Peer& peer, Link& link,
               StatusBoard& board, Log& log, Witness* witness,
               Settings settings)
        : domain_(domain),
          guest_(guest),
          peer_(peer),
          link_(link),
          board_(board),
          log_(log),
          witness_(witness),
          settings_(settings)
    {
    }

    SessionEnd carry_out(Error cause, CopyLeft copy);

private:
    void let_go_away();
    void look_at_guest(PrimaryFacts& facts, Error& cause);
    GuestLeft resume();
    void stand_still();
    std::optional<SessionEnd> claim(PrimaryFacts& facts, const Error& cause);
    Status let_go();
    SessionEnd give_up(const Error& cause);
    std::optional<SessionEnd> go_on(LastWord word, PrimaryFacts& facts,
                                    const Error& cause);
    SessionEnd stand_here(const Error& cause, const char* what_to_check);
    Status hold();
    Status yield();
    SessionEnd hand_over();
    SessionEnd leave_to_copy(const Error& cause);

    Domain& domain_;
    OwnGuest& guest_;
    Peer& peer_;
    Link& link_;
    StatusBoard& board_;
    Log& log_;
    Witness* witness_;
    const Settings settings_;
    bool paused_ = false;  // by us, until the witness has answered
};

}  // namespace xl_colo
