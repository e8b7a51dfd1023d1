#!/bin/bash
# A guest with a network card, and --output=auto: where it answers otherwise than
# its copy all the time the copy is made to stand, where it answers alike the
# copy runs; status and log say so. Its host dies in the one, and then, from the
# other host, in the other, and clients do not notice.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=auto primary=a secondary=b

# protect INTERVAL: the copy's card connects some seconds after each checkpoint
# from which it runs, emulated, and has ten times the timeout for that.
protect() {
    colo_start -i "$1" -t 15 --compare-timeout 3000 --accept-split-brain ||
        fail "xl-colo-start"
}

# is_chosen true|false: both were measured, and that is what came of it.
is_chosen() {
    status_is $primary output-copy-runs "$1" &&
        status $primary output-because | grep -q '^an answer waits'
}

colo_hosts_up
# Both guest and copy are busy, with two processors each.
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers

progress "a guest whose answers are never its copy's: the copy stands"
client_starts stream stream 3600 4000
client_starts clock clock 3600
client_went_on stream
client_went_on clock
protect 20000
wait_for 600 "the copy to stand because of what was measured" is_chosen false
client_went_on stream 180
client_went_on clock 180
on a "xl-colo-status $guest"
on b "xl-colo-status $guest" | grep -A 1 output:
[ "$(frames b --source "$guest_mac" | wc -l)" = 0 ] ||
    fail "the copy's card has sent something"

progress "killing host a while the copy stands"
wait_for 120 "the copy to stand" is_chosen false
host_dies a
wait_for 120 "the guest to be taken over" status_is b state taken-over
client_went_on stream 180
client_went_on clock 180
progress "the clients heard of it $(($(now_ms) - killed_at)) ms later at the latest"
expect_only_on b
on c 'killall net-client' || fail "no clients"

progress "a is back, and the guest, on b now, answers as its copy does"
host_boots a
dead=
put_on a "root-$BED_PROFILE"
# Of the guest that was there before.
mv "$RUNDIR/a/log/guest-$guest.log" "$RUNDIR/a/log/before-$guest.log"
domain0_first a
load_filters
primary=b secondary=a
client_starts alike stream 3600 4000
client_went_on alike
sent=$(frames a --source "$guest_mac" | wc -l)
protect 40000
wait_for 900 "the copy to run because of what was measured" is_chosen true
client_went_on alike 180
on b "xl-colo-status $guest"
on a "xl-colo-status $guest" | grep -A 1 output:
[ "$(frames a --source "$guest_mac" | wc -l)" = "$sent" ] ||
    fail "the copy's card has sent something"

grep -q 'notice: .*output: the copy runs from now on: an answer waits' \
    "$RUNDIR/b/log/xl-colo-$guest.log" || fail "the log does not say so"

progress "killing host b while the copy runs"
client_starts young stream 3600 4000
client_went_on young 240
status_is b output-copy-runs true || fail "$(status b output-because)"
host_dies b
wait_for 120 "the guest to be taken over" status_is a state taken-over
client_went_on alike 180
client_went_on young 180
client_starts after connect 30
client_went_on after 120
progress "the client heard of it $(($(now_ms) - killed_at)) ms later at the latest"
on a "xl-colo-status $guest"
expect_only_on a
