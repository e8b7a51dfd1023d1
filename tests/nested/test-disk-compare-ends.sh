#!/bin/bash
# A guest with two disks on DRBD whose copy runs as well, and ends of that which
# nobody asked for: the process that has the copy is killed, and host a dies while
# the copy stands for a checkpoint that is never complete. The backend of the
# copy's disks has let go of it by then, and has to serve it again.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare

protect() {
    colo_start -i "$1" -t 40 --compare-timeout 30000 --accept-split-brain ||
        fail "xl-colo-start"
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400
for host in a b; do disks_state $host >"$RUNDIR/disks-$host"; done

progress "the process that has the copy is killed: the copy is held"
protect 15000
wait_for 400 "2 checkpoints" checkpoints_reach a 3
on b 'kill -9 $(pidof xl-colo-receive)' || fail "none on b"
wait_for 120 "a to go on alone" status_is a state unprotected
wait_for 120 "the copy to be held" copy_is_held
disks_right a "$guest" 400
# It says how protection ended, and that was not in order.
on_deadline 60 b "xl-colo-stop $guest" && fail "xl-colo-stop says that all is well"
wait_for 120 "the copy to be gone" copy_is_gone
disks_wait a
for host in a b; do
    diff "$RUNDIR/disks-$host" <(disks_state $host) ||
        fail "the disks of $host are not as they were"
done
expect_only_on a

progress "host a dies while the copy stands, and its disks are let go of"
protect 15000
wait_for 400 "a checkpoint" checkpoints_reach a 2
client_starts stream stream 3600 4000
client_went_on stream 180
# A process that does not go on commits nothing.
for_copys_disk_let_go \
    "/usr/lib/testbed/plain-shell a 'kill -STOP \$(pidof xl-colo-start)'"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
on b "grep 'which is not complete: the guest goes on without it' \
    /var/log/xen/xl-colo-$guest.log" || fail "the checkpoint was complete"
client_went_on stream 240
expect_only_on b
disks_right b "$guest" 400
disks_merged b
disks_right b "$guest"
