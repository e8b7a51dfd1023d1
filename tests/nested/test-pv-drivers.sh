#!/bin/bash
# A Linux guest with its PV drivers, and work for them: timers, threads that
# wake each other, xenstore and watches on it, the PV console both ways. Every
# page is compared after each checkpoint, while its balloon gives memory back
# and takes it again; then a failover one checkpoint after it was told to give
# some back, and all of that and "xl shutdown" must work on the survivor.
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

mib() { on "$1" "xl list $2" | awk 'NR == 2 { print $3 }'; }
has_mib() { [ "$(mib "$1" "$2")" = "$3" ]; }

# target MIB: as the guest's configuration counts them; "xl list" does
# without the video memory.
target() {
    progress "xl mem-set $1m"
    on a "xl mem-set $guest ${1}m" || fail "xl mem-set"
}

# both_have MIB: also after two checkpoints more, which found no difference.
both_have() {
    wait_for 300 "a guest of $1 MiB" has_mib a "$guest" "$1"
    wait_for 300 "2 more checkpoints" \
        checkpoints_reach a $(($(status a checkpoints) + 2))
    status_is a state protecting || fail "not protecting: $(status a ended)"
    wait_for 60 "a copy of $1 MiB" has_mib b "$guest--incoming" "$1"
}

colo_up
pv_works a || fail "the guest's PV drivers do not work"
clocks_differ -3600
all=$(mib a "$guest")

progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 1000 || fail "xl-colo-start"
wait_for 600 "8 checkpoints" checkpoints_reach a 9
show_figures a
pv_works a 240 || fail "its PV drivers do not work while it is protected"

target 88
both_have $((all - 8))
target 96
both_have "$all"
wait_for 900 "20 checkpoints" checkpoints_reach a 21
target 90
wait_for 120 "a checkpoint" \
    checkpoints_reach a $(($(status a checkpoints) + 1))
status_is a state protecting || fail "not protecting: $(status a ended)"
[ "$(status a verified-checkpoints)" -ge 21 ] ||
    fail "checkpoints were taken that nobody compared"
show_figures a
all_acknowledged || fail "the guest did not acknowledge every request"

# Each comparison takes longer than the guest then runs, so whether its memory
# is right, it says itself on the survivor.
progress "failover"
on_deadline 120 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 20 "the guest to be gone from a" guest_is_gone a "$guest"
pv_works b || fail "the survivor's PV drivers do not work"
wait_for 120 "a survivor of $((all - 6)) MiB" has_mib b "$guest" $((all - 6))
expect_only_on b

progress "its clocks"
clocks_went_on || fail "the guest's clocks are wrong"

progress "xl shutdown on the survivor"
on b "xl shutdown $guest" || fail "xl shutdown"
wait_for 60 "the guest to be gone" guest_is_gone b "$guest"
