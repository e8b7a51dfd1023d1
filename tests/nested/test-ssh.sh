#!/bin/bash
# Over real ssh, as admins use it: a start with the default transport, a login
# that fails with one message that says so, and a failover when the primary's
# host dies under the connection.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

progress "nobody may log in yet"
if out=$(on_deadline 90 a "xl-colo-start $guest b" 2>&1); then
    fail "protected without a login"
fi
echo "$out" | grep -q 'error:.*ssh' || fail "the message is: $out"
echo "    $(echo "$out" | grep error: | tail -n 1 | cut -c -140)"
expect_only_on a

progress "with a key"
ssh_up a b
on_deadline 180 a "xl-colo-start --timeout 5 -i 500 $guest b" ||
    fail "xl-colo-start over ssh"
wait_for 120 "3 checkpoints" checkpoints_reach a 4
show_figures a

progress "killing host a"
step=$(guest_value b "$guest" step)
host_dies a
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" \
    guest_is_beyond b "$guest" step "$step"
progress "killed to the guest's next line: $(($(now_ms) - killed_at)) ms"
expect_only_on b
