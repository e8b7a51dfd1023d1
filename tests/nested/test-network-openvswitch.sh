#!/bin/bash
# A guest whose network card is in a VLAN of an Open vSwitch bridge, by
# vif-openvswitch: its output waits for its checkpoints, or for its copy's;
# interfaces, qdiscs and the bridge are as before when protection is stopped; Open
# vSwitch, policing and offloading, neither takes the filters away nor gets before
# them; and its client's connection goes on when its host dies.
BED_GUEST=linux-net
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# network_state HOST: what an admin finds there of the bridge as well.
network_state() {
    on "$1" 'tc qdisc show; ip -o link show | cut -d : -f 2-; ovs-vsctl show'
}

vswitchd='/usr/lib/openvswitch-switch/ovs-vswitchd --detach --no-chdir --pidfile \
    --verbose=console:off --log-file=/var/log/xen/ovs-vswitchd.log'

# switch_up HOST: Open vSwitch, as its package would start it; its bridge has the
# place of xenbr0, whose wire is in VLAN 20 there, without tags outside.
switch_up() {
    put_on "$1" root-openvswitch
    on "$1" 'set -e
        modprobe -a cls_flower openvswitch
        ip link del xenbr0
        mkdir -p /etc/openvswitch /run/openvswitch
        ovsdb-tool create /etc/openvswitch/conf.db \
            /usr/share/openvswitch/vswitch.ovsschema
        ovsdb-server --remote=punix:/run/openvswitch/db.sock --detach \
            --no-chdir --pidfile --verbose=console:off \
            --log-file=/var/log/xen/ovsdb-server.log
        ovs-vsctl --no-wait init
        '"$vswitchd"'
        ovs-vsctl add-br ovsbr0 -- add-port ovsbr0 eth2 tag=20
        ip link set ovsbr0 up' || fail "no Open vSwitch on $1"
}

filters() {
    on a "tc filter show dev $card ingress; tc filter show dev $card egress"
}

need_testbed
"$nested/build-openvswitch" "$BED_PROFILE" "$SHARE/root-openvswitch" || exit
colo_hosts_up
for host in a b; do
    domain0_first $host
    switch_up $host
done
load_filters
guest_create a "$guest" "vif = [\"type=vif,mac=$guest_mac,\
script=vif-openvswitch,bridge=ovsbr0.20\"]"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
guest_runs a "$guest"
wait_for 120 "answer of the guest to c" guest_answers
networks_are_noted
card=$(on a 'ovs-vsctl list-ports ovsbr0 | grep vif') || fail "no port"
[ "$(on a "ovs-vsctl get port $card tag")" = 20 ] ||
    fail "it is not in its VLAN: $(cat "$RUNDIR/network-a")"
client_starts stream stream 3600 4000
client_went_on stream

output=commit
protection_comes_and_goes -i 1000
only_committed a

progress "its copy runs as well: what both send alike does not wait"
output=compare
colo_start -i 600000 -t 15 --compare-timeout 30000 --accept-split-brain ||
    fail "xl-colo-start"
client_went_on stream 180
wait_for 180 "20 frames that the copy confirms" \
    is_confirmed_beyond $guest_mac 20
on a "xl-colo-status $guest" | head -n 12
[ "$(frames b --source "$guest_mac" | wc -l)" = 0 ] ||
    fail "the copy's card has sent something"
protection_goes

progress "output waits once more, while Open vSwitch sees to its own filters"
output=commit
colo_start -i 1000 -t 15 --accept-split-brain || fail "xl-colo-start"
wait_for 300 "3 checkpoints" checkpoints_reach a 4
filters=$(filters)
for rate in 100000 0; do
    on a "ovs-vsctl set interface $card ingress_policing_rate=$rate" ||
        fail "cannot set a rate"
done
on a "ovs-vsctl set open . other_config:hw-offload=true &&
    ovs-appctl -t ovs-vswitchd exit && $vswitchd" ||
    fail "Open vSwitch does not start again"
client_went_on stream 120
[ "$(filters)" = "$filters" ] || fail "they are not as they were: $(filters)"

progress "killing host a under traffic"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
only_committed a --last
client_went_on stream 240
client_starts after connect 30
client_went_on after 120
expect_only_on b
