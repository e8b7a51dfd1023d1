#!/bin/bash
# The seed's claim: without the secondary's dirty list no checkpoint makes an
# exact copy, and the comparison of test-checkpoints finds that out. So it does
# with digests that are no digests.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

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
