#!/bin/bash
# Initial copy and at least 10 checkpoints, every page compared after each;
# then the seed's claim: the same run without the secondary's dirty list in it
# must fail the comparison. One run shows that the other can fail.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

progress "protecting the guest, every page compared after each checkpoint"
colo_start --verify -i 500 || fail "xl-colo-start"
wait_for 120 "10 checkpoints" checkpoints_reach a 11
for host in a b; do
    on "$host" "xl-colo-status" || fail "xl-colo-status on $host"
done
show_figures a
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
status_is a state protecting || fail "not protecting: $(status a ended)"
status_is b role secondary || fail "b is not the secondary"
guest_runs a "$guest"

progress "stopping in order"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
expect_only_on a

# must_be_found_out WITHOUT WHAT
must_be_found_out() {
    local out=$RUNDIR/$1.out
    progress "the same with $2: must be found out"
    colo_start --verify -i 500 --max-checkpoints 10 "--without=$1" -F \
        >"$out" 2>&1 && fail "ten checkpoints without $1 passed the comparison"
    grep -q 'verification of checkpoint .* differ' "$out" || {
        cat "$out" >&2
        fail "it failed for another reason than the comparison"
    }
    grep 'verification of checkpoint' "$out" | cut -c -120 | sed 's/^/    /'
    wait_for 20 "the copy to be gone" copy_is_gone
    expect_only_on a
}
must_be_found_out back-channel "the back channel's list dropped"
must_be_found_out digest "digests that do not tell pages apart"
