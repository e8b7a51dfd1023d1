#!/bin/bash
# A guest with a network card whose copy runs as well: what both send alike
# leaves without a checkpoint, all that a client sees is right, and so are all
# pages. Then its host dies: connections go on, one that was begun since the last
# checkpoint among them, whose numbers the copy has chosen otherwise.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare

colo_hosts_up
# Both guest and copy are busy, with two processors each.
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted

client_starts stream stream 3600 4000
client_went_on stream
# The copy's card connects some seconds after each checkpoint, emulated.
protection_comes_and_goes -i 20000 --compare-timeout 30000
expect_only_on a

progress "what both send alike waits for no checkpoint"
colo_start -i 600000 -t 15 --compare-timeout 30000 --accept-split-brain ||
    fail "xl-colo-start"
client_went_on stream 180
before=$(confirmed $guest_mac)
wait_for 180 "20 frames that the copy confirms" \
    is_confirmed_beyond $guest_mac $((before + 20))
number=$(status a checkpoints)
client_starts young stream 3600 4000
client_went_on young 180
client_went_on young
client_went_on stream
on a "xl-colo-status $guest"
on b "xl-colo-status $guest"
[ "$(status a checkpoints)" = "$number" ] ||
    fail "it took $(($(status a checkpoints) - number)) checkpoints for that"
[ "$(frames b --source "$guest_mac" | wc -l)" = 0 ] ||
    fail "the copy's card has sent something"

progress "killing host a under traffic"
host_dies a
wait_for 120 "the guest to be taken over" status_is b state taken-over
client_went_on stream 180
client_went_on young 180
client_starts after connect 30
client_went_on after 120
progress "the client heard of it $(($(now_ms) - killed_at)) ms later at the latest"
expect_only_on b
on b "xl-colo-status $guest"
[ "$(frames b --source "$guest_mac" | wc -l)" -gt 0 ] || fail "nothing from b"
