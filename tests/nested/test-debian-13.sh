#!/bin/bash
# Hosts of Debian 13, Xen 4.20, unpatched, with the program built for them. F2
# is in its libxenguest: without the work-around protection ends at the first
# dirty list, with it every page is right. Then host a dies. The guest is a PVH
# guest: it wants the reset of this Xen, too.
BED_PROFILE=trixie
BED_GUEST=linux-pvh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up
xen=$(on a 'xl info' | sed -n 's/^xen_version *: //p')
progress "hosts run Xen $xen"
case $xen in
4.20*) ;;
*) fail "Xen $xen is not Debian 13's" ;;
esac

progress "without the work-around for F2: must go wrong"
must_go_wrong f2 5 'where a dirty list belongs|does not ascend'

progress "with it: every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
wait_for 150 "10 checkpoints" checkpoints_reach a 11
show_figures a
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
status_is a state protecting || fail "not protecting: $(status a ended)"

step=$(guest_value b "$guest" step)
progress "killing host a"
host_dies a
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
progress "killed to the guest's next line: $(($(now_ms) - killed_at)) ms"
expect_only_on b
