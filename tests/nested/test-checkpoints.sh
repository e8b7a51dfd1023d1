#!/bin/bash
# Initial copy and at least 10 checkpoints, every page compared after each. That
# the comparison can fail test-comparison shows.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

progress "protecting the guest, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
wait_for 120 "10 checkpoints" checkpoints_reach a 11
for host in a b; do
    on "$host" "xl-colo-status" || fail "xl-colo-status on $host"
done
show_figures a
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
status_is a state protecting || fail "not protecting: $(status a ended)"
status_is b role secondary || fail "b is not the secondary"
guest_runs a "$guest"

progress "stopping in order"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
expect_only_on a
