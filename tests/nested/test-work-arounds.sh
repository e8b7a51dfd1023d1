#!/bin/bash
# What the work-arounds are for, each seen failing without it: F3 (the
# secondary's dirty bitmap sized from an empty domain) and F4 (QEMU aborts when
# it loads its state a second time). F2 is in Xen 4.18 and later only.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

# must_fail WORK-AROUND PATTERN
must_fail() {
    progress "without the work-around for $1"
    # Where both copies happen to write to the same pages, nothing differs for
    # some time.
    colo_start --verify -i 500 --max-checkpoints 40 "--without=$1" -F \
        >"$RUNDIR/$1.out" 2>&1 && fail "nothing went wrong without it"
    grep -Eq "$2" "$RUNDIR/$1.out" || {
        cat "$RUNDIR/$1.out" >&2
        fail "it failed in another way than by $1"
    }
    grep -E "$2" "$RUNDIR/$1.out" | head -n 1 | cut -c -120 | sed 's/^/    /'
    wait_for 30 "the copy to be gone" copy_is_gone
    expect_only_on a
}

must_fail f3 'verification of checkpoint [0-9]+: .* differ'
must_fail f4 'QEMU|device model|device state'
