#!/bin/bash
# A host that was fenced while it protected a guest boots again, with its disk as
# it was, and must not have the guest beside its survivor: whoever asks there is
# told, and what would protect it again waits for an admin. He does what he is
# told, and the guest is protected by the host that it left.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

says_so() {
    grep -q "this host went down while it protected the guest with b" "$1" ||
        fail "$2 does not say that the guest may be on b: $(cat "$1")"
}

colo_hosts_up
state_of a
colo_guest_up
# The power is off by then.
colo_start -i 500 --fence true || fail "xl-colo-start"
wait_for 120 "2 checkpoints" checkpoints_reach a 3
host_dies a
wait_for 120 "b to take over" status_is b state taken-over
expect_only_on b

progress "a is back, and says where its guest may be"
host_boots a
dead=
put_on a "root-$BED_PROFILE"
state_of a
on a "xl-colo-status $guest" >"$RUNDIR/said" 2>&1 && fail "xl-colo-status: $?"
says_so "$RUNDIR/said" xl-colo-status
printf 'domain = %s\nhost = b\n' "$guest" >"$SHARE/$guest.conf"
# It has nothing to do until somebody has looked.
on a "timeout 10 xl-colo-keep /share/$guest.conf" >"$RUNDIR/said" 2>&1
says_so "$RUNDIR/said" xl-colo-keep
expect_only_on b

progress "an admin has looked: the guest is protected from b"
on a "rm /var/lib/xl-colo/$guest.protected" || fail "there is no mark"
# shellcheck disable=SC2034 # colo_start's
primary=b secondary=a
colo_start -i 500 --fence true || fail "xl-colo-start on b"
wait_for 120 "2 checkpoints" checkpoints_reach b 3
guest_runs b "$guest"
