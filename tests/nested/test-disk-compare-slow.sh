#!/bin/bash
# A guest with two disks on DRBD whose copy runs as well, on disks of b's that
# take three seconds for each read, and whose backend has no pages of the guest's
# but for the time of a request: it has some under way whenever the copy is made to
# stand, does not let go of their pages when it is told so for the first time, and
# is waited for. Every page and every block is right.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare

# reads_take MS: on b, beneath vg-r0 and vg-r1, which have to be of a kind that
# may stand twice.
reads_take() {
    local number=0 r at
    for r in $resources; do
        at=$((number * disk_sectors))
        on b "dmsetup load slow-$r --table \
                '0 $disk_sectors delay /dev/vda $at $1 /dev/vda $at 0' &&
            dmsetup suspend --nolockfs slow-$r && dmsetup resume slow-$r" ||
            fail "cannot slow down slow-$r on b"
        number=$((number + 1))
    done
}
slow_b_down() {
    local r
    on b 'modprobe dm-delay' || fail "no dm-delay on b"
    for r in $resources; do
        on b "dmsetup create slow-$r --notable" || fail "no slow-$r on b"
    done
    reads_take 3000
    for r in $resources; do
        on b "dmsetup load vg-$r --table \
                '0 $disk_sectors linear /dev/mapper/slow-$r 0' &&
            dmsetup suspend --nolockfs vg-$r && dmsetup resume vg-$r" ||
            fail "vg-$r is not slow on b"
    done
}

protect() {
    colo_start -i 8000 -t 40 --compare-timeout 30000 --accept-split-brain "$@"
}

colo_hosts_up
load_filters
disks_up
slow_b_down
on b 'echo N >/sys/module/xen_blkback/parameters/feature_persistent' ||
    fail "b keeps pages mapped"
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400

progress "every page compared"
protect --verify || fail "xl-colo-start"
wait_for 600 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
reads_take 0
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest" 600
disks_merged b 6
