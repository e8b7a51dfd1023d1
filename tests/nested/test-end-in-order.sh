#!/bin/bash
# Protection ends in order: an admin's failover, a guest that powers off,
# reboots or crashes, and signals to either process.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

protect() {
    colo_start -i 500 || fail "xl-colo-start"
    wait_for 60 "2 checkpoints" checkpoints_reach a 3
}

# The guest ends by itself: KEY makes it. The copy goes in any case.
guest_ends() {
    progress "the guest $2"
    protect
    guest_send a "$guest" "$1"
    wait_for 60 "the copy to be gone" copy_is_gone
    guest_is_gone b "$guest" || fail "the secondary took over"
}

progress "SIGTERM to the primary's process"
protect
on a 'kill -TERM $(pidof xl-colo-start)' || fail "cannot signal the process"
wait_for 30 "a to be unprotected" status_is a state unprotected
wait_for 30 "the copy to be gone" copy_is_gone
guest_runs a "$guest"

progress "SIGTERM to the secondary's process"
protect
on b 'kill -TERM $(pidof xl-colo-receive)' || fail "cannot signal the process"
wait_for 30 "a to be unprotected" status_is a state unprotected
wait_for 30 "the copy to be gone" copy_is_gone
guest_runs a "$guest"

starts() {
    guest_lines a "$guest" | grep -c started
}
started_beyond() {
    [ "$(starts)" -gt "$1" ]
}
before=$(starts)
guest_ends r "reboots"
wait_for 60 "the guest to be started anew" started_beyond "$before"
wait_for 60 "its first line" guest_is_beyond a "$guest" seconds 0
expect_only_on a

for end in "p powers off" "c crashes"; do
    guest_ends "${end%% *}" "${end#* }"
    wait_for 60 "the guest to be gone" guest_is_gone a "$guest"
    guest_create a "$guest"
    guest_runs a "$guest"
done

progress "failover on an admin's word"
protect
step=$(guest_value b "$guest" step)
on_deadline 60 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
wait_for 20 "the guest to be gone from a" guest_is_gone a "$guest"
expect_only_on b
