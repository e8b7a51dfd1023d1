#!/bin/bash
# A guest whose network card is on no bridge, but has routes, by vif-route: its
# output waits for its checkpoints all the same, interfaces, filters and routes are
# as before when protection is stopped, and its client's connection goes on when
# its host dies, once the client's route leads to the other one.
BED_GUEST=linux-net
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

routes() { on "$1" 'ip route show'; }
leads_to() {
    on c "ip route replace $guest_address/32 via 10.77.0.$1" ||
        fail "no route on c"
}

colo_hosts_up
load_filters
for host in a b; do
    on $host 'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
        net.ipv4.conf.default.rp_filter=0' || fail "$host does not route"
done
guest_create a "$guest" \
    "vif = [\"type=vif,mac=$guest_mac,script=vif-route,ip=$guest_address\"]"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
guest_runs a "$guest"
leads_to 1
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted
for host in a b; do routes $host >"$RUNDIR/routes-$host"; done
grep -q "^$guest_address dev vif" "$RUNDIR/routes-a" ||
    fail "it is not routed: $(cat "$RUNDIR/routes-a")"
client_starts stream stream 3600 4000
client_went_on stream

protection_comes_and_goes -i 1000
for host in a b; do
    diff "$RUNDIR/routes-$host" <(routes $host) ||
        fail "the routes of $host are not as they were"
done

progress "killing host a under traffic"
colo_start -i 1000 -t 15 --accept-split-brain || fail "xl-colo-start"
wait_for 300 "3 checkpoints" checkpoints_reach a 4
client_went_on stream 120
host_dies a
leads_to 2
wait_for 240 "the guest to be taken over" status_is b state taken-over
client_went_on stream 240
client_starts after connect 30
client_went_on after 120
expect_only_on b
