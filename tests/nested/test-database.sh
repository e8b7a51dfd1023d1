#!/bin/bash
# A real database in a guest, on a journaling file system that is mounted all the
# time, on a plain volume. A client on the third machine appends numbers over one
# connection; the guest's host dies. The client does not notice: no append that was
# acknowledged is lost, none is done twice. The file system is whole at the end.
BED_GUEST=linux-database
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/database.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

colo_hosts_up
load_filters
database_up

progress "protected under its client's appends"
database_client numbers push 3600
client_went_on numbers
colo_start -i 1000 -t 40 --fence=true || fail "xl-colo-start"
wait_for 400 "5 checkpoints" checkpoints_reach a 6
client_went_on numbers 240
status_is a state protecting || fail "not protecting: $(status a ended)"
guest_is_well a
on a "xl-colo-status $guest"

progress "killing host a"
appended=$(client_progress numbers)
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
client_went_on numbers 240
progress "$appended numbers before, and it goes on: $(client_progress numbers)"
only_committed a
client_killed numbers || fail "the client has ended"
numbers_are_there "$(client_progress numbers)"
guest_is_well b

progress "the file system, as it is without the guest"
wait_for 240 "all to be merged" on b '! dmsetup table | grep -q snapshot'
on_deadline 120 b "xl destroy $guest" || fail "xl destroy"
file_system_is_whole b
