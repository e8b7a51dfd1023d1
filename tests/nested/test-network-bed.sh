#!/bin/bash
# The bed for network cards, without any protection: a guest with a card serves
# clients on a third machine, every byte right both ways; what captures and
# filters its frames is on the hosts; the observer at the wire sees them.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"

guest=g1

need_testbed
"$nested/rehearse-commits" "$RUNDIR/rehearsal" ||
    fail "what is to find output that left too early"
hosts_up 2
guest_create a "$guest"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
wait_for 120 "answer of the guest to c" guest_answers
progress "the guest answers c"
on a 'ping -c 1 -W 5 10.77.0.3 >/dev/null' || fail "the guests' network"

client_starts one stream 30
client_starts two stream 25 20000
client_starts many connect 25
for client in one two many; do
    client_went_on $client
done
for client in one two many; do
    client_ends $client
done
[ "$(client_value many good)" -ge 3 ] || fail "hardly a connection worked"
[ "$(client_value many failed)" = 0 ] || fail "connections failed"
guest_runs a "$guest" 240
guest_lines a "$guest" | grep '^net: .*BROKEN' && fail "the guest's server"
guest_lines a "$guest" | grep '^net: ' | tail -n 1 | sed 's/^/    /'

progress "what the observer saw"
sent=$(frames a --source "$guest_mac" |
    grep -c " tcp $guest_address:7 10.77.0.3:")
[ "$sent" -ge 100 ] || fail "only $sent frames of the guest's server seen"
[ "$(frames b --source "$guest_mac" | wc -l)" = 0 ] ||
    fail "frames of the guest from b"
frames a --source "$guest_mac" | grep ' tcp ' | tail -n 1 | sed 's/^/    /'

# Two taps and the filters that the program needs, between them and the vif:
# from modules that nothing has loaded yet.
progress "taps and filters"
on a 'set -e
    vif=vif$(xl domid '"$guest"').0
    bridge link show dev $vif | grep -q "master xenbr0"
    ip tuntap add dev tap0 mode tap vnet_hdr
    ip link set tap0 up
    trap "ip link del tap0; tc qdisc del dev $vif clsact" EXIT
    tc -batch - <<END
qdisc add dev $vif clsact
qdisc add dev tap0 clsact
filter add dev $vif ingress prio 1 handle 5 fw action skbedit mark 0 pipe \
    action pass
filter add dev tap0 ingress matchall action skbedit mark 5 pipe \
    action mirred ingress redirect dev $vif
filter add dev $vif ingress prio 2 matchall action mirred egress redirect \
    dev tap0
END
    tc filter show dev $vif ingress | grep -q "Redirect to device tap0"
    ! ping -c 1 -W 2 '"$guest_address"' >/dev/null' ||
    fail "taps or filters on host a"
wait_for 60 "answer of the guest when the filters are gone" guest_answers

progress "a client loses its connection when host a dies"
client_starts lost stream 600 20000
client_went_on lost
host_kill a
on c true || fail "c went with host a"
on c 'ping -c 1 -W 5 10.77.0.2 >/dev/null' || fail "the network without a"
before=$(client_progress lost)
sleep 10
[ "$(client_progress lost)" = "$before" ] || fail "bytes from a dead host"
