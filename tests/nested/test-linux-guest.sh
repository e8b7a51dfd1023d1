#!/bin/bash
# A Linux guest without PV drivers: every page compared after
# each checkpoint, and it goes on where its host dies.
BED_GUEST=linux
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up
progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
count_introductions
wait_for 120 "4 checkpoints" checkpoints_reach a 5
show_figures a
status_is a state protecting || fail "not protecting: $(status a ended)"
[ "$(status a verified-checkpoints)" -ge 5 ] ||
    fail "checkpoints were taken that nobody compared"
[ "$(introductions)" = 0 ] || fail "the copy was reset, without PV drivers"

step=$(guest_value b "$guest" step)
progress "killing host a"
host_dies a
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
expect_only_on b
