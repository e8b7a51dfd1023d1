#!/bin/bash
# A guest with two disks on DRBD and a network card. Every page is compared, and
# every block by the guest itself; protection that is stopped leaves devices and
# interfaces as it found them. Its host dies: the guest goes on with the disks of
# the last checkpoint, and a client on a third machine does not notice.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

colo_hosts_up
load_filters
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest"
disks_discard a "$guest"
for host in a b; do
    network_state $host >"$RUNDIR/network-$host"
    disks_state $host >"$RUNDIR/disks-$host"
done

progress "neither a card nor a disk is protected without a third party"
colo_start >"$RUNDIR/refused" 2>&1 && fail "they are"
grep -q -e '--accept-split-brain' "$RUNDIR/refused" ||
    fail "$(cat "$RUNDIR/refused")"

progress "protection comes and goes under traffic, every page compared"
client_starts stream stream 3600 4000
client_went_on stream
colo_start -i 1000 -t 40 --accept-split-brain --verify || fail "xl-colo-start"
wait_for 900 "20 checkpoints" checkpoints_reach a 21
status_is a state protecting || fail "not protecting: $(status a ended)"
disks_right a "$guest"
disks_discard a "$guest"
on b "drbdsetup show r0" | grep -q 'discard-zeroes-if-aligned[^a-z]*no;' ||
    fail "b's DRBD would discard beneath the copy's disk"
client_went_on stream 120
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
disks_wait a
for host in a b; do
    diff "$RUNDIR/network-$host" <(network_state $host) ||
        fail "the network of $host is not as it was"
    diff "$RUNDIR/disks-$host" <(disks_state $host) ||
        fail "the disks of $host are not as they were"
done
client_went_on stream
expect_only_on a

progress "killing host a under traffic"
colo_start -i 1000 -t 40 --accept-split-brain || fail "xl-colo-start"
wait_for 400 "3 checkpoints" checkpoints_reach a 4
client_went_on stream 120
show_figures a
on a "xl-colo-status $guest"
on b "xl-colo-status $guest"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
client_went_on stream 240
client_starts after connect 30
client_went_on after 120
progress "the client heard of it $(($(now_ms) - killed_at)) ms later at the latest"
expect_only_on b
disks_right b "$guest"
only_committed a
disks_merged b
disks_right b "$guest"
