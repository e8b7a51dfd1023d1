// What the watcher of a process does when that has died, by whatever signal, in
// whatever step: nobody needs a process that is gone. What becomes of the guest
// follows from what the process has left in the WatchRecord, and is decided
// nowhere else. The first row that fits:
//
// On the primary,
//
//     the guest     the secondary                      settled by  then
//     ------------  ---------------------------------  ----------  -------
//     was given up  -                                  -           hold
//     -             has nothing to take over, or the   -           goes on
//                   session was over
//     -             may take over                      witness     claim
//     -             may take over                      fence       goes on
//     -             may take over                      nothing     hold
//
// A guest that goes on is resumed if it stands by us, at once. "Claim" holds it
// until the witness has given it to one of the two; the other one's is
// destroyed. With a fence command the copy runs only when this host is off, so
// the guest may go on until then. With nothing the secondary, to which this is
// a connection that ended, takes over at once, if it lives: the guest is paused
// before it runs twice, until an admin runs xl-colo-stop, which lets it go on,
// or destroys it.
//
// On the secondary,
//
//     the copy                                     then
//     -------------------------------------------  -------------------------
//     has become the guest, or is about to         goes on
//     is no state of the guest, or not one yet     destroy
//     is one                                       hold, paused
//
// A copy never runs on by itself. The primary has lost its secondary and goes
// on; but if that is gone, too, the copy is all that there is of the guest, so
// it is kept until an admin says: xl-colo-failover, or xl-colo-stop.
//
// What the guest sends went through the process that is gone, and goes nowhere
// since. A guest that goes on gets its network cards back, after that was
// settled; what was held back is lost.
#pragma once

#include <string>

#include "process/background.h"

namespace xl_colo {

enum class Fate { go_on, claim, hold, destroy };

Fate fate_of(const WatchRecord::Findings& found);

// Background::Aftermath. Stays with the guest as long as there is something to
// do or to look after; the exit status is that of a failure.
int see_to_what_is_left(Background& background,
                        const WatchRecord::Findings& found,
                        const std::string& how);

}  // namespace xl_colo
