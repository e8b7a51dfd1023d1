#!/bin/bash
# A guest with PV drivers gives memory back and takes it again while it is
# protected: every page compared after each checkpoint, also in which pages
# there are; and the survivor of a failover goes on from there.
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/pv.sh"

mib() { on "$1" "xl list $2" | awk 'NR == 2 { print $3 }'; }
has_mib() { [ "$(mib "$1" "$2")" = "$3" ]; }

# more_checkpoints: two more are taken, and no difference was found.
more_checkpoints() {
    local now
    now=$(status a checkpoints)
    wait_for 120 "2 more checkpoints" checkpoints_reach a $((now + 2))
    status_is a state protecting || fail "not protecting: $(status a ended)"
}

colo_up
pv_works a || fail "the guest's PV drivers do not work"
all=$(mib a "$guest")
less=$((all - 8))

progress "protecting it, every page compared after each checkpoint"
colo_start --verify -i 1000 || fail "xl-colo-start"
wait_for 120 "a checkpoint" checkpoints_reach a 2

progress "8 of its $all MiB less"
on a "xl mem-set $guest 88m" || fail "xl mem-set"
wait_for 120 "a guest of $less MiB" has_mib a "$guest" "$less"
more_checkpoints
wait_for 30 "a copy of $less MiB" has_mib b "$guest--incoming" "$less"

progress "all of them again"
on a "xl mem-set $guest 96m" || fail "xl mem-set"
wait_for 120 "a guest of $all MiB" has_mib a "$guest" "$all"
more_checkpoints
wait_for 30 "a copy of $all MiB" has_mib b "$guest--incoming" "$all"

progress "less, and a failover on the way"
on a "xl mem-set $guest 88m" || fail "xl mem-set"
more_checkpoints
show_figures a
on_deadline 120 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 60 "the survivor to have $less MiB" has_mib b "$guest" "$less"
pv_works b || fail "the survivor's PV drivers do not work"
expect_only_on b
