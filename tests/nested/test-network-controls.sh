#!/bin/bash
# What two rules for network cards are for, seen by leaving them out: a copy whose
# card's backend does not let go is written to while it is read; without holding a
# guest's output a client has heard what no survivor knows, and its connection is
# lost.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# differs CHECKPOINTS WHAT [OPTION]...: with WHAT left out pages differ, within so
# many, and the guest goes on.
differs() {
    local out=$RUNDIR/without-$2.out
    colo_start --accept-split-brain --verify --max-checkpoints "$1" \
        "--without=$2" -F "${@:3}" >"$out" 2>&1 &&
        fail "$1 checkpoints without $2, and nothing went wrong"
    grep -q 'differ' "$out" || {
        cat "$out" >&2
        fail "it failed in another way than for want of $2"
    }
    grep 'differ' "$out" | head -n 1 | cut -c -120 | sed 's/^/    /'
    wait_for 60 "the copy to be gone" copy_is_gone
    client_went_on stream 120
    expect_only_on a
}

# It may well have been reset.
stream_went_on() { [ "$(client_progress stream)" -gt "$1" ]; }

colo_hosts_up
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted
client_starts stream stream 3600 40000
client_went_on stream

progress "without the backend's letting go of the copy's card"
# shellcheck disable=SC2034 # colo_start's
output=compare
differs 20 let-go -i 15000 -t 15 --compare-timeout 30000

networks_are_as_noted

progress "without holding output"
output=commit
# The only checkpoint is that at which protection begins.
colo_start --accept-split-brain -t 15 -i 600s --without=output-hold ||
    fail "xl-colo-start"
client_went_on stream 120
client_went_on stream
if said=$(bed commits --host a --source "$guest_mac"); then
    fail "nothing left before its commit: $said"
fi
head -n 1 <<<"$said" | sed 's/^/    /'
host_dies a
wait_for 120 "the guest to be taken over" status_is b state taken-over
expect_only_on b
client_starts after connect 30
client_went_on after 120
heard=$(client_progress stream)
if await 60 stream_went_on "$heard"; then
    fail "its client goes on all the same"
fi
progress "the guest goes on, and the client that heard too much does not"
