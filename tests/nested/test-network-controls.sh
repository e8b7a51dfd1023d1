#!/bin/bash
# What holding a guest's output back is for, seen by leaving it out: a client has
# heard what no survivor knows, and its connection is lost.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# It may well have been reset.
stream_went_on() { [ "$(client_progress stream)" -gt "$1" ]; }

colo_hosts_up
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
client_starts stream stream 3600 40000
client_went_on stream

progress "without holding output"
# shellcheck disable=SC2034 # colo_start's
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
