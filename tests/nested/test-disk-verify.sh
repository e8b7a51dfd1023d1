#!/bin/bash
# A guest with two disks on DRBD, of which both hosts compare each byte at each
# checkpoint, beside the guest itself; and blocks that are changed behind DRBD's
# back are found, as are those that a snapshot misses which comes too late. What the
# guest has discarded is compared as well.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

# left_out: how often a disk was not compared at a checkpoint.
left_out() {
    on a "grep -c 'is not compared this time' /var/log/xen/xl-colo-$guest.log" ||
        true
}

compare_disks() {
    colo_start -i 5000 -t 40 --accept-split-brain --verify-disks ||
        fail "xl-colo-start"
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400
disks_discard a "$guest"

progress "pages and disks compared at each checkpoint"
compare_disks
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
# The guest stands for most of the time.
disks_right a "$guest" 600
disks_discard a "$guest"
compared=$(($(status a checkpoints) * 2))
[ "$(left_out)" -lt "$compared" ] || fail "no disk was compared"
progress "$(left_out) of $compared comparisons of a disk were left out"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone

progress "a disk of b's that is not a's is found"
compare_disks
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

progress "b gets xvdb once more, as DRBD knows of no difference"
disks_do b "invalidate r1"
disks_wait a

progress "an origin that is there before its first snapshot"
# What is compared at a checkpoint has not been written to since: what a snapshot
# has missed is found by the guest alone, once it goes on from it.
is_broken() { guest_lines b "$guest" | grep '^disk: .*BROKEN'; }
colo_start -i 60000 -t 40 --accept-split-brain --without=first-snapshot ||
    fail "xl-colo-start"
disks_right a "$guest"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
wait_for 240 "a block that is wrong" is_broken >"$RUNDIR/broken"
head -n 1 "$RUNDIR/broken" | cut -c -120 | sed 's/^/    /'
