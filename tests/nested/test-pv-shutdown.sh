#!/bin/bash
# "xl reboot" and "xl shutdown" of a guest that does both by its PV drivers,
# while it is protected: protection ends in order, what was asked for happens on
# its host, and no copy stays.
BED_GUEST=linux-pvh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

protect() {
    colo_start -i 500 || fail "xl-colo-start"
    wait_for 120 "3 checkpoints" checkpoints_reach a 3
}

# ended_by WORD: as the log says, whose process may be gone.
ended_by() {
    on a "grep -q 'has shut down ($1): ' /var/log/xen/xl-colo-$guest.log"
}

colo_up
protect

progress "xl reboot"
# A guest that is asked to suspend while it does so may take libxl's minute.
reboots a 150
ended_by reboot || fail "protection did not end by the reboot"
wait_for 30 "the copy to be gone" copy_is_gone

progress "xl shutdown, protected again"
protect
on a "xl shutdown $guest" || fail "xl shutdown"
wait_for 150 "the guest to be gone" guest_is_gone a "$guest"
ended_by poweroff || fail "protection did not end by the shutdown"
wait_for 30 "the copy to be gone" copy_is_gone
guest_is_gone b "$guest" || fail "the guest is on b"
