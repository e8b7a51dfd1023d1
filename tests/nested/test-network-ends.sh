#!/bin/bash
# A guest with a network card, and other ways in which its protection ends, under
# the eyes of a client: the process that holds its output back is killed, an admin
# has the guest go over to b, and the secondary dies.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

# protect [OPTION]...: with a client's connection going on.
protect() {
    colo_start -i 1000 -t 15 "$@" || fail "xl-colo-start"
    wait_for 300 "3 checkpoints" checkpoints_reach "${primary:-a}" 4
    client_went_on stream 120
}

need_testbed
mkdir -p "$SHARE/claims"
colo_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
client_starts stream stream 3600 4000

progress "the process on a is killed: its card opens again when the witness says so"
protect --witness "'xl-colo-witness \$XL_COLO_ACTION /share/claims'"
on a 'kill -9 $(pidof xl-colo-start)' || fail "no process on a"
client_went_on stream 180
wait_for 60 "the copy to be gone" copy_is_gone
[ -z "$(on a 'tc qdisc show | grep clsact')" ] || fail "filters are left on a"
expect_only_on a

progress "xl-colo-failover, and the client's connection goes with the guest"
protect --accept-split-brain
on_deadline 120 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 60 "b to take over" status_is b state taken-over
client_went_on stream 180
expect_only_on b
[ -z "$(on b 'tc qdisc show | grep clsact')" ] || fail "filters are left on b"

progress "protected from there, and its secondary dies: what waited leaves"
primary=b secondary=a
protect --accept-split-brain
host_dies a
wait_for 120 "b to notice" status_is b state unprotected
client_went_on stream 180
expect_only_on b
[ -z "$(on b 'tc qdisc show | grep clsact')" ] || fail "filters are left on b"
