#!/bin/bash
# "xl reboot" and "xl shutdown" of a guest that does both by its PV drivers,
# while it is protected: protection ends in order, what was asked for happens on
# its host, and no copy stays.
BED_GUEST=${BED_GUEST:-linux-pv}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

protect() {
    colo_start -i 500 || fail "xl-colo-start"
    wait_for 120 "3 checkpoints" checkpoints_reach a 3
}

# ended_by WORD TIMES: so often by now, as the log says, whose process may be
# gone.
ended_by() {
    local times
    times=$(on a "grep -c 'has shut down ($1): ' \
        /var/log/xen/xl-colo-$guest.log")
    [ "$times" = "$2" ]
}

colo_up
protect

progress "xl reboot"
reboots a
ended_by reboot 1 || fail "protection did not end by the reboot"
wait_for 30 "the copy to be gone" copy_is_gone

# A guest is asked for both by the same word, which the later one could write
# over: at some moment of a checkpoint, another each time.
for round in 1 2 3 4; do
    progress "xl shutdown, protected again ($round)"
    if [ "$round" != 1 ]; then
        guest_create a "$guest"
        wait_for 240 "its first line" guest_is_beyond a "$guest" seconds 0
    fi
    protect
    show_figures a
    sleep "0.$((RANDOM % 10))"
    on a "xl shutdown $guest" || fail "xl shutdown"
    wait_for 50 "the guest to be gone" guest_is_gone a "$guest"
    ended_by poweroff "$round" || fail "protection did not end by the shutdown"
    wait_for 30 "the copy to be gone" copy_is_gone
    guest_is_gone b "$guest" || fail "the guest is on b"
done
