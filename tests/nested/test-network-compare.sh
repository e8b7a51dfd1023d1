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

# confirmed: frames that the guest has sent, and that waited for no checkpoint.
confirmed() {
    on a "xl-colo-status --json $guest" | python3 -c '
import json, re, sys
for device in json.load(sys.stdin)[0]["devices"]:
    if device["kind"] == "network-card":
        print(re.search(r"(\d+) let out as", device["text"])[1])'
}
is_confirmed_beyond() { [ "$(confirmed)" -gt "$1" ]; }

# The copy's card connects some seconds after each checkpoint, emulated.
protect() {
    colo_start -i "$1" -t 15 --compare-timeout 30000 --accept-split-brain \
        "${@:2}" || fail "xl-colo-start"
}

colo_hosts_up
# Both guest and copy are busy, with two processors each.
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted

progress "protection comes and goes under traffic, every page compared"
client_starts stream stream 3600 4000
client_went_on stream
protect 20000 --verify
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
client_went_on stream 180
on a "xl-colo-status $guest"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
networks_are_as_noted
client_went_on stream
expect_only_on a

progress "what both send alike waits for no checkpoint"
protect 600000
client_went_on stream 180
before=$(confirmed)
wait_for 180 "20 frames that the copy confirms" \
    is_confirmed_beyond $((before + 20))
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
