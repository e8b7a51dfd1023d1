#!/bin/bash
# The primary's host dies. The guest goes on on the secondary, its memory
# right, and is the only one.
#
# With the argument "busy" it dies while pages flow: checkpoints follow each
# other without a pause.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

interval=2000
[ "${1:-idle}" = busy ] && interval=1

colo_up
progress "protecting the guest, a checkpoint every $interval ms"
colo_start -i "$interval" || fail "xl-colo-start"
wait_for 120 "5 checkpoints" checkpoints_reach a 6
show_figures a

step=$(guest_value b "$guest" step)
progress "killing host a"
host_dies a
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
progress "killed to the guest's next line: $(($(now_ms) - killed_at)) ms"
on b "xl-colo-status $guest"

[ "$(status b ended)" != null ] || fail "the status does not say why"
[ "$(status b warning)" != null ] ||
    fail "the status does not warn of a primary that nobody proved dead"
expect_only_on b

progress "the survivor is looked after: its poweroff is carried out"
guest_send b "$guest" p
wait_for 30 "the guest to be gone" guest_is_gone b "$guest"
