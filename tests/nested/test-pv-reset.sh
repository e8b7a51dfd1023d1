#!/bin/bash
# A guest with PV drivers, where it goes wrong: without the reset its copy
# panics when it goes on from a checkpoint; and a guest that does not answer the
# request to suspend goes on, unprotected.
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

colo_up
pv_works a || fail "the guest's PV drivers do not work"

progress "a guest that does not answer"
colo_start -i 500 || fail "xl-colo-start"
wait_for 120 "2 checkpoints" checkpoints_reach a 3
on a "xl pause $guest" || fail "xl pause"
wait_for 120 "a to be unprotected" status_is a state unprotected
case $(status a ended) in
*"within a minute"*) ;;
*) fail "it does not say why: $(status a ended)" ;;
esac
on a "xl unpause $guest" || fail "xl unpause"
wait_for 60 "the copy to be gone" copy_is_gone
pv_works a || fail "the guest does not go on"

if console_says b "Kernel panic"; then
    fail "the guest fell over with the reset, too"
fi

progress "without the reset"
colo_start -i 500 --without=pv-reset || fail "xl-colo-start"
wait_for 120 "3 checkpoints" checkpoints_reach a 4
on_deadline 60 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 20 "the guest to be gone from a" guest_is_gone a "$guest"
# Xen has a place for the vCPU's info still, and refuses the new one. Linux
# panics, and the guest that would work after that is a freshly booted one.
wait_for 60 "panic without the reset" \
    console_says b "panic.*register_vcpu_info failed"
