#!/bin/bash
# Both hosts die, the second one while it merges what the guest's disk was at the
# last checkpoint: its disk is no state that there was, and the first one's is.
# The guest is started there again, every acknowledged append is in its database;
# the other host comes back, gets the whole disk, and takes over once more.
BED_GUEST=linux-database
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/database.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

protect() {
    colo_start -i 1000 -t 40 --fence=true || fail "xl-colo-start"
    wait_for 400 "3 checkpoints" checkpoints_reach a 4
    client_went_on "$1" 240
}
# crashes_as_it_merges: host b, by itself, once it puts back what the last
# checkpoint had. That takes less time than anybody could look at it from here.
crashes_as_it_merges() {
    on b 'while :; do
        case $(dmsetup table xl-colo-'"$guest"'-xvda-0) in
        *snapshot-merge*) echo b >/proc/sysrq-trigger ;;
        esac
    done >/dev/null 2>&1 </dev/null &' || fail "no watch on b"
}
has_crashed() { ! on_deadline 20 b true; }

# returns HOST: it boots, as after a power failure.
returns() {
    host_boots "$1"
    put_on "$1" "root-$BED_PROFILE"
    volume_on "$1"
}

colo_hosts_up
load_filters
database_up
database_client numbers push 3600
client_went_on numbers

progress "host a dies, and host b while it merges"
protect numbers
crashes_as_it_merges
host_dies a
appended=$(client_progress numbers)
wait_for 240 "host b to crash" has_crashed
host_kill b
client_killed numbers
progress "$appended numbers were acknowledged"

progress "host a is back: nothing is begun by itself, the admin says what to do"
returns a
colo_start --fence=true >"$RUNDIR/refused" 2>&1 && fail "there is no guest"
on a "xl-colo-status $guest" 2>&1 | sed 's/^/    /'
[ -n "$(on a "ls /var/lib/xl-colo | grep protected")" ] ||
    fail "nothing tells that the guest may be elsewhere"
on a "rm /var/lib/xl-colo/$guest.protected"
on a "rm -f /var/log/xen/guest-$guest*.log"
colo_guest_up
wait_for 240 "answer of the database" database_answers
numbers_are_there "$appended"
guest_is_well a

progress "host b is back, and gets the whole disk"
returns b
dead=
load_filters
database_client more push 3600
client_went_on more
protect more
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
client_went_on more 240
client_killed more || fail "the client has ended"
numbers_are_there "$(client_progress more)"
guest_is_well b
wait_for 240 "all to be merged" on b '! dmsetup table | grep -q snapshot'
on_deadline 120 b "xl destroy $guest" || fail "xl destroy"
file_system_is_whole b
