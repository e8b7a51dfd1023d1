#!/bin/bash
# Two hosts and a witness, a folder that both reach (it would be a third host's).
# Whatever happens to wire, hosts and processes, the guest goes on in one place.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

witness="'xl-colo-witness claim /share/witness'"

protect() {
    colo_start -i 500 --witness "$witness" || fail "xl-colo-start"
    wait_for 120 "2 checkpoints" checkpoints_reach a 3
}

claims() { find "$SHARE/witness" -mindepth 1 | wc -l; }
no_claims() { [ "$(claims)" = 0 ]; }

colo_up
mkdir "$SHARE/witness"

progress "a session that ends in order leaves no claim"
protect
on a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 30 "the copy to be gone" copy_is_gone
no_claims || fail "a claim is left"

progress "only the wire breaks: the primary goes on"
protect
bed cut
wait_for 60 "a to notice" status_is a state unprotected
guest_runs a "$guest" 120
wait_for 120 "the copy to be gone" copy_is_gone
expect_only_on a
bed join

progress "a primary that was asleep finds that it has lost"
protect
step=$(guest_value b "$guest" step)
host_freeze a
wait_for 120 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
host_thaw a
wait_for 120 "a to give its guest up" guest_is_gone a "$guest"
expect_only_on b
on b "xl destroy $guest"
wait_for 60 "the process on b to leave" on b "! xl-colo-status $guest"
guest_create a "$guest"
guest_runs a "$guest"

progress "the primary's process is killed in the middle of checkpoints"
colo_start -i 20 --witness "$witness" || fail "xl-colo-start"
wait_for 120 "5 checkpoints" checkpoints_reach a 6
passes=$(guest_value a "$guest" passes)
on a 'kill -KILL $(pidof xl-colo-start)' || fail "cannot kill the process"
killed_at=$(now_ms)
wait_for 60 "the guest to go on" guest_is_beyond a "$guest" passes "$passes"
progress "killed to the guest's next pass: $(($(now_ms) - killed_at)) ms"
wait_for 120 "the copy to be gone" copy_is_gone
expect_only_on a
on a "xl-colo-status $guest" | sed 's/^/    /'
on a "xl-colo-stop $guest"

progress "the copy's process is killed"
protect
on b 'kill -KILL $(pidof xl-colo-receive)' || fail "cannot kill the process"
wait_for 60 "a to be unprotected" status_is a state unprotected
# In the middle of a checkpoint it is no state of the guest, and destroyed.
wait_for 60 "the copy to be held or gone" \
    eval 'copy_is_gone || status_is b state fencing 2>/dev/null'
copy_is_gone || on b "xl-colo-stop $guest"
wait_for 60 "the copy to be gone" copy_is_gone
expect_only_on a

progress "host a dies"
protect
step=$(guest_value b "$guest" step)
host_dies a
wait_for 120 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
expect_only_on b
