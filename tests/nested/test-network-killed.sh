#!/bin/bash
# test-network-killed.sh [MOMENT]: a guest with a network card, and its host dies
# at a moment that matters, under the eyes of clients:
#
#     checkpoint     the guest stands for a checkpoint
#     uncommitted    it goes on, what it has sent waits, and host b does not say
#                    that it has the checkpoint; it hears of all at once then
#     unconnected    its copy runs as well, from a checkpoint just now, and is not
#                    connected to its card again
#
# Nothing has left that the survivor does not know of, no connection is lost, and
# new ones are made.
moment=${1:-checkpoint}
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
# b's process stands for a part of that, and is not to take itself for silent.
options=(-i 1000 -t 40)
[ "$moment" != unconnected ] || {
    output=compare
    options=(-i 20000 -t 15 --compare-timeout 30000)
}

# When it dies, processes of a's may stand already: what matters is what has
# happened until then, not when the power goes.
dies_at_checkpoint() {
    on_deadline 120 a "
        request=/local/domain/\$(xl domid $guest)/control/shutdown
        worker=\$(pidof xl-colo-start)
        until [ \"\$(xenstore-read \$request)\" = suspend ]; do :; done
        kill -STOP \$worker" || fail "no checkpoint"
    host_dies a
}
is_incomplete() {
    on b "grep 'which is not complete: the guest goes on without it' \
        /var/log/xen/xl-colo-$guest.log"
}

dies_at_uncommitted() {
    on b 'kill -STOP $(pidof xl-colo-receive)' || fail "no process on b"
    # The checkpoint under way when that stood was committed by nobody, nor any
    # that began since.
    local number
    sleep 3
    number=$(status a checkpoints)
    on a "xl-colo-status $guest"
    sleep 3
    [ "$(status a checkpoints)" = "$number" ] || fail "b has committed one"
    host_dies a
    on b 'kill -CONT $(pidof xl-colo-receive)' || fail "no process on b"
}

card_state() {
    on b "xenstore-read \
        /local/domain/\$(xl domid $guest--incoming)/device/vif/0/state"
}
dies_at_unconnected() {
    local number
    number=$(status a checkpoints)
    wait_for 120 "the next checkpoint" checkpoints_reach a $((number + 1))
    host_dies a
    [ "$(card_state)" != 4 ] || progress "its copy was connected by then"
}

colo_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
client_starts stream stream 3600 4000
client_starts before connect 3600
client_went_on stream
client_went_on before
colo_start "${options[@]}" --accept-split-brain || fail "xl-colo-start"
wait_for 300 "3 checkpoints" checkpoints_reach a 4
client_went_on stream 180

progress "host a dies: $moment"
dies_at_"$moment"
wait_for 240 "the guest to be taken over" status_is b state taken-over
[ "$moment" != checkpoint ] || is_incomplete || fail "it was complete"
client_went_on stream 240
client_went_on before 120
client_starts after connect 30
client_went_on after 120
expect_only_on b
on b "grep 'primary lost' /var/log/xen/xl-colo-$guest.log"
[ "$output" = compare ] || only_committed a
