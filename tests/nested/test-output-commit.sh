#!/bin/bash
# The copy of a guest with PV drivers stands until it takes over: nothing of it
# runs between checkpoints, every page is right after each of them, and it is
# never reset, since it has bound nothing that would be in the guest's way.
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

# copy_has_run: the copy has written a line since it is one.
copy_has_run() {
    guest_lines b "$guest--incoming" | grep -q . || guest_lines b "$guest" |
        grep -q .
}

colo_up
pv_works a || fail "the guest's PV drivers do not work"

progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
count_introductions
wait_for 600 "10 checkpoints" checkpoints_reach a 11
status_is a state protecting || fail "not protecting: $(status a ended)"
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
show_figures a
[ "$(introductions)" = 0 ] || fail "the copy was reset $(introductions) times"
copy_has_run && fail "the copy has run"

progress "killing host a"
host_dies a
wait_for 90 "the guest to be taken over" status_is b state taken-over
pv_works b || fail "the survivor's PV drivers do not work"
expect_only_on b
[ "$(introductions)" = 0 ] || fail "the copy was reset at its takeover"
