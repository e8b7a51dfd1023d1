#!/bin/bash
# A Linux guest with its PV drivers, and work for them: timers, threads that
# wake each other, xenstore and watches on it, the PV console both ways. Every
# page is compared after each checkpoint; then a failover, after which all of
# that and "xl shutdown" must work on the survivor.
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

colo_up
pv_works a || fail "the guest's PV drivers do not work"

progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
wait_for 400 "20 checkpoints" checkpoints_reach a 21
status_is a state protecting || fail "not protecting: $(status a ended)"
[ "$(status a verified-checkpoints)" -ge 21 ] ||
    fail "checkpoints were taken that nobody compared"
show_figures a

# Each comparison takes longer than the guest then runs, so whether its memory
# is right, it says itself on the survivor.
progress "failover"
on_deadline 120 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 20 "the guest to be gone from a" guest_is_gone a "$guest"
pv_works b || fail "the survivor's PV drivers do not work"
expect_only_on b

progress "its clocks"
clocks_went_on || fail "the guest's clocks are wrong"

progress "xl shutdown on the survivor"
on b "xl shutdown $guest" || fail "xl shutdown"
wait_for 60 "the guest to be gone" guest_is_gone b "$guest"
