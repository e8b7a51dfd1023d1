#!/bin/bash
# The primary's host stands still for longer than the timeout, and then goes
# on: nobody is dead, but the secondary cannot know that.
#
# Without a fence command both copies run in the end. Each host says so in
# plain words, and what to do. With one that says no, the copy stays paused
# until an admin decides.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

status_warns() {
    [[ $(status "$1" warning) == *"$2"* ]]
}

# warns HOST PART: its status warns, in these words among others.
warns() {
    local warning
    warning=$(status "$1" warning)
    echo "    $1: $(status "$1" state): $warning"
    [[ $warning == *"$2"* ]] || fail "$1 does not warn of \"$2\""
}

colo_up
progress "protecting the guest without a fence command"
colo_start -i 1000 || fail "xl-colo-start"
wait_for 120 "3 checkpoints" checkpoints_reach a 4

step=$(guest_value b "$guest" step)
progress "host a stands still"
host_freeze a
wait_for 60 "b to take over" status_is b state taken-over
warns b 'nothing proved the primary dead'
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"

progress "host a goes on"
host_thaw a
wait_for 120 "a to notice" status_is a state unprotected
warns a 'may have taken over'
warns b 'destroy its guest if it still runs'
on a "xl-colo-status $guest"
on b "xl-colo-status $guest"
guest_runs a "$guest" 120
guest_runs b "$guest" 120
progress "both run; an admin decides for b's"
on a "xl destroy $guest"
expect_only_on b
on b "xl destroy $guest"
wait_for 60 "the process on b to leave" on b "! xl-colo-status $guest"

progress "protecting it with a fence command that says no"
guest_create a "$guest"
guest_runs a "$guest"
colo_start -i 1000 --fence "'test -e /tmp/primary-is-off'" ||
    fail "xl-colo-start"
wait_for 120 "3 checkpoints" checkpoints_reach a 4
host_freeze a
wait_for 60 "b to ask for the fence" status_is b state fencing
wait_for 60 "b to be told no" status_warns b 'said no'
warns b 'xl-colo-failover'
on b "xl list $guest--incoming" | grep -E ' --p--- ' ||
    fail "the copy is not paused while nobody knows"
host_thaw a
wait_for 120 "a to notice" status_is a state unprotected
status_is b state fencing || fail "b went on without the fence"
guest_runs a "$guest" 120
progress "only a's runs; an admin gives the copy up"
on b "xl-colo-stop $guest"
wait_for 60 "the copy to be gone" copy_is_gone
expect_only_on a
