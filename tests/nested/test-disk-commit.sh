#!/bin/bash
# A guest with two disks on DRBD and a network card. Every page is compared, and
# every block, by both hosts and by the guest itself; blocks that are changed
# behind DRBD's back are found; protection that is stopped leaves devices and
# interfaces as it found them. Its host dies: the guest goes on with the disks of
# the last checkpoint, and a client on a third machine does not notice.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

# not_compared: how often a disk was left out; or how many "checkpoints" there
# were.
not_compared() {
    if [ "${1:-}" = checkpoints ]; then
        status a checkpoints
    else
        on a "grep -c 'is not compared this time' /var/log/xen/xl-colo-$guest.log" ||
            true
    fi
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest"
for host in a b; do
    network_state $host >"$RUNDIR/network-$host"
    disks_state $host >"$RUNDIR/disks-$host"
done

progress "neither a card nor a disk is protected without a third party"
colo_start >"$RUNDIR/refused" 2>&1 && fail "they are"
grep -q -e '--accept-split-brain' "$RUNDIR/refused" ||
    fail "$(cat "$RUNDIR/refused")"

progress "protection comes and goes under traffic, pages and disks compared"
client_starts stream stream 3600 4000
client_went_on stream
colo_start -i 5000 -t 40 --accept-split-brain --verify-disks || fail "xl-colo-start"
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
# The guest stands for most of the time.
disks_right a "$guest" 600
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
progress "of $((2 * $(not_compared checkpoints))) comparisons of a disk \
$(not_compared) were left out"

progress "a disk of b's that is not a's is found"
colo_start -i 5000 -t 40 --accept-split-brain --verify-disks || fail "xl-colo-start"
wait_for 400 "a checkpoint" checkpoints_reach a 2
# In each MiB, as the guest may overwrite some of it.
on b 'for i in 0 1 2 3 4 5 6; do
    echo spoilt | dd of=/dev/mapper/xl-colo-r1-0-real bs=4k seek=$((256 * i + 9)) \
        conv=sync,notrunc oflag=direct 2>/dev/null || exit
done' || fail "cannot spoil the disk of b"
wait_for 240 "end of protection" status_is a state unprotected
status a ended | tee "$RUNDIR/ended"
grep -q 'differ.* of 1 MiB each: xvdb at' "$RUNDIR/ended" ||
    fail "it does not say what differs"
grep -q 'xvda at' "$RUNDIR/ended" && fail "xvda differs, too"
wait_for 60 "the copy to be gone" copy_is_gone
disks_right a "$guest"
disks_do b "invalidate r1"
disks_wait a

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
