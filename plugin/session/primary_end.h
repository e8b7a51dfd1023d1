// How a primary ends: what becomes of its guest, and what the secondary is
// told. One table decides; it is the primary's column of "The end" in
// docs/specs/colo-wire.md. The first row that fits:
//
//     failover  guest      why it ended   copy     then
//     wanted    -          -              -        hand_over
//     -         ended      -              -        go_on: STOP
//     -         suspended  -              -        resume, then look again
//     -         stuck      peer_stopped   -        hold
//     -         stuck      -              perhaps  leave_to_copy
//     -         stuck      -              none     hold
//     -         runs       peer_lost      -        go_on
//     -         runs       peer_stopped   -        go_on: BYE
//     -         runs       -              -        go_on: STOP
//
// After go_on without an answer to the STOP, and after a loss, the copy may run
// as well if there perhaps is one: then the status says what to check.
#pragma once

#include <chrono>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "session/own_guest.h"
#include "session/peer.h"
#include "session/session.h"
#include "status/status.h"

namespace xl_colo {

enum class Failover { not_wanted, wanted };  // by the secondary's admin

enum class GuestLeft {
    runs,
    suspended,  // by us
    stuck,      // suspended by us, and it could not be resumed
    ended,      // by itself: its shutdown is the monitor's to carry out
};

enum class CopyLeft {
    none,     // the secondary has no state of the guest to go on with
    perhaps,  // all of a checkpoint has been on its way to it
};

enum class Then {
    hand_over,      // the guest is held here until the secondary runs it
    resume,         // the guest; then decide again
    hold,           // it stands here, and nobody else has it
    leave_to_copy,  // it stands here; the secondary gets no STOP and takes over
    go_on,          // unprotected
};

enum class LastWord { none, bye, stop };  // to the secondary

struct PrimaryEnding {
    Then then;
    LastWord word = LastWord::none;
    bool operator==(const PrimaryEnding&) const = default;
};

PrimaryEnding decide_primary_end(Failover failover, GuestLeft guest,
                                 ErrorKind why, CopyLeft copy);

// Carries that out. Borrows all; the session's thread, after libxc's save has
// returned.
class PrimaryEnd {
public:
    PrimaryEnd(Domain& domain, OwnGuest& guest, Peer& peer, StatusBoard& board,
               Log& log, std::chrono::milliseconds timeout)
        : domain_(domain),
          guest_(guest),
          peer_(peer),
          board_(board),
          log_(log),
          timeout_(timeout)
    {
    }

    SessionEnd carry_out(Error cause, CopyLeft copy);

private:
    GuestLeft resume();
    SessionEnd go_on(LastWord word, const Error& cause, CopyLeft copy);
    SessionEnd stand_here(const Error& cause, const char* what_to_check);
    Status hold();
    SessionEnd hand_over();

    Domain& domain_;
    OwnGuest& guest_;
    Peer& peer_;
    StatusBoard& board_;
    Log& log_;
    const std::chrono::milliseconds timeout_;
};

}  // namespace xl_colo
