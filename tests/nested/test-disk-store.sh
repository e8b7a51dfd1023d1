#!/bin/bash
# What the copy's disk was at the last checkpoint needs room on the secondary. A
# store that is half full has a checkpoint begin at once; one that is too small
# for what the guest writes ends protection, and the guest and its disks do not
# notice.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

store_is_full() {
    on b 'dmsetup status' | grep -qE 'kept-.: .*(Invalid|Overflow)'
}
because_of_store() { status a last-because | grep -q 'half full'; }

colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest"
disks_state b >"$RUNDIR/disks-b"

progress "half full: a checkpoint at once"
colo_start -i 600s -t 40 --accept-split-brain --disk-store-size=4M ||
    fail "xl-colo-start"
wait_for 400 "a checkpoint because of the store" because_of_store
disks_right a "$guest"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone

progress "full: protection ends, and says so"
colo_start -i 600s -t 200 --step-timeout 200 --accept-split-brain \
    --disk-store-size=1M || fail "xl-colo-start"
# DRBD goes on without it, and no checkpoint makes room.
on b 'kill -STOP $(pidof xl-colo-receive)' || fail "no process on b"
wait_for 180 "a store that is full" store_is_full
on b 'kill -CONT $(pidof xl-colo-receive)'
wait_for 240 "end of protection" status_is a state unprotected
status a ended | tee "$RUNDIR/ended"
grep -q "store" "$RUNDIR/ended" || fail "it does not say that the store is full"
wait_for 60 "the copy to be gone" copy_is_gone
disks_right a "$guest"
disks_wait a
diff "$RUNDIR/disks-b" <(disks_state b) ||
    fail "the disks of b are not as they were"
expect_only_on a
