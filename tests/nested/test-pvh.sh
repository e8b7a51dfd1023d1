#!/bin/bash
# A PVH guest, which has no emulated devices and no device model: every page is
# compared after each checkpoint; then its host dies, and what uses its PV
# drivers, and "xl reboot", must work on the survivor.
BED_GUEST=linux-pvh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

colo_up
pv_works a || fail "the guest's PV drivers do not work"
clocks_differ 3600

progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
count_introductions
wait_for 900 "20 checkpoints" checkpoints_reach a 21
status_is a state protecting || fail "not protecting: $(status a ended)"
[ "$(status a verified-checkpoints)" -ge 21 ] ||
    fail "checkpoints were taken that nobody compared"
[ "$(introductions)" -ge 15 ] || fail "the copy was reset $(introductions) times"
show_figures a
all_acknowledged || fail "the guest did not acknowledge every request"

progress "killing host a"
host_dies a
wait_for 90 "the guest to be taken over" status_is b state taken-over
pv_works b || fail "the survivor's PV drivers do not work"
expect_only_on b
clocks_went_on || fail "the guest's clocks are wrong"

progress "xl reboot on the survivor"
reboots b
