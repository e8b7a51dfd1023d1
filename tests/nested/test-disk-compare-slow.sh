#!/bin/bash
# A guest with two disks on DRBD whose copy runs as well, on disks of b's that
# take half a second for each read: the backend has requests under way whenever
# the copy is made to stand, and does not let go of it when it is told so for the
# first time. Without the second time pages differ; with it every page and every
# block is right.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare

# Beneath vg-r0 and vg-r1, which have to be of a kind that may stand twice.
slow_down_b() {
    local number=0 r
    for r in $resources; do
        on b "modprobe dm-delay && dmsetup create slow-$r --table \
            '0 $disk_sectors delay /dev/vda $((number * disk_sectors)) 500 \
                /dev/vda $((number * disk_sectors)) 0' &&
            dmsetup load vg-$r --table \
                '0 $disk_sectors linear /dev/mapper/slow-$r 0' &&
            dmsetup suspend --nolockfs vg-$r && dmsetup resume vg-$r" ||
            fail "cannot slow down vg-$r on b"
        number=$((number + 1))
    done
}

colo_hosts_up
load_filters
disks_up
slow_down_b
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400

progress "without waiting until the backend has let go: must be found out"
# By then the copy is connected to its disks, and reads.
must_go_wrong second-close 8 'verification of checkpoint [0-9]+: .* differ' 8000
disks_wait a

progress "with it, every page compared"
colo_start -i 5000 -t 40 --compare-timeout 30000 --accept-split-brain --verify ||
    fail "xl-colo-start"
wait_for 600 "5 checkpoints" checkpoints_reach a 6
status_is a state protecting || fail "not protecting: $(status a ended)"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest" 600
disks_merged b 6
