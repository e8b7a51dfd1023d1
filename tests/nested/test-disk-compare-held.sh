#!/bin/bash
# A guest with two disks on DRBD whose copy runs as well, and the process that has
# the copy is killed while that stands for a checkpoint, and its disks are let go
# of. What looks after it then holds it, host a dies, and an admin has it go on:
# its backend serves it again, and every block is right.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare

colo_hosts_up
load_filters
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400

progress "the process on b is killed in a checkpoint, then host a dies"
colo_start -i 15000 -t 40 --compare-timeout 30000 --accept-split-brain ||
    fail "xl-colo-start"
wait_for 400 "a checkpoint" checkpoints_reach a 2
for_copys_disk_let_go 'kill -9 $(pidof xl-colo-receive)'
wait_for 120 "the copy to be held" copy_is_held
host_dies a
on_deadline 120 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 120 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest" 400
disks_merged b
disks_right b "$guest"
