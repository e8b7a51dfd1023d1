#!/bin/bash
# A guest with a network card, whose clients on a third machine do not notice
# that its host dies: a connection that is open goes on with every byte right,
# and new ones are made. Before that, protection comes and goes, and leaves
# interfaces, bridges and filters as it found them.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

colo_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted

progress "a guest with a card is not protected without a third party"
colo_start >"$RUNDIR/refused" 2>&1 && fail "it is"
grep -q -e '--accept-split-brain' "$RUNDIR/refused" ||
    fail "$(cat "$RUNDIR/refused")"

progress "protection comes and goes under traffic, every page compared"
client_starts stream stream 3600 4000
client_starts before connect 600
client_went_on before
colo_start -i 1000 -t 15 --accept-split-brain --verify || fail "xl-colo-start"
wait_for 900 "20 checkpoints" checkpoints_reach a 21
status_is a state protecting || fail "not protecting: $(status a ended)"
client_went_on stream 120
client_went_on before 120
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
networks_are_as_noted
client_went_on stream
expect_only_on a

progress "killing host a under traffic"
colo_start -i 1000 -t 15 --accept-split-brain || fail "xl-colo-start"
wait_for 300 "5 checkpoints" checkpoints_reach a 6
client_went_on stream 120
client_starts during connect 60
client_went_on during 120
show_figures a
on a "xl-colo-status $guest"
[ "$(frames b --source "$guest_mac" | wc -l)" = 0 ] ||
    fail "the copy's card has sent something"
host_dies a
wait_for 120 "the guest to be taken over" status_is b state taken-over
client_went_on stream 180
client_starts after connect 30
client_went_on after 120
progress "the client heard of it $(($(now_ms) - killed_at)) ms later at the latest"
expect_only_on b
on b "xl-colo-status $guest"
[ "$(frames b --source "$guest_mac" | wc -l)" -gt 0 ] || fail "nothing from b"
only_committed a
[ -z "$(on b 'ip -o link show | grep " xc"')" ] || fail "taps are left on b"
