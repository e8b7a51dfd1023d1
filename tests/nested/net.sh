# What the tests of guests with a network card share; sourced after lib.sh, with
# BED_GUEST=linux-net or linux-pv-net. There is a machine c without Xen on the
# guests' network, where clients of the guest's server run, and what each
# machine sends, there and on the wire, is in $RUNDIR/switch/; see
# bed/networks.py.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # lib.sh's

BED_CLIENT=yes
guest_address=10.77.0.10  # as guests/net.c has it

# load_filters: what tc's filters are made of; otherwise the kernel has them
# loaded one by one, for which an emulated host stands still for seconds.
load_filters() {
    local host
    for host in a b; do
        on $host 'modprobe -a act_gact act_mirred act_skbedit cls_fw \
            cls_matchall sch_ingress' || fail "no filters on $host"
    done
}

# network_state HOST: what an admin finds there of interfaces and filters.
network_state() {
    on "$1" 'tc qdisc show; tc filter show dev xenbr0; ip -o link show |
        cut -d : -f 2-; bridge link show | cut -d : -f 2-'
}

# Of both hosts: what they are now; and whether they are as they were then.
networks_are_noted() {
    local host
    for host in a b; do
        network_state $host >"$RUNDIR/network-$host"
    done
}
networks_are_as_noted() {
    local host
    for host in a b; do
        diff "$RUNDIR/network-$host" <(network_state $host) ||
            fail "the network of $host is not as it was"
    done
}

# guest_answers: from c. The first answer may wait for an ARP request that is
# made again.
guest_answers() { on c "ping -c 1 -W 2 $guest_address >/dev/null"; }

# client_starts NAME stream|connect|clock SECONDS [BYTES-A-SECOND]: on c, in the
# background. See guests/net-client.c.
client_starts() {
    on c "/share/net-client $2 $guest_address ${*:3} </dev/null \
        >/host/log/$1.log 2>&1 &" || fail "no client $1"
}

# client_value NAME KEY: as the client said it last; 0 before it has.
client_value() {
    local word
    for word in $(grep ' longest-ms=.' "$RUNDIR/c/log/$1.log" 2>/dev/null |
        tail -n 1); do
        if [ "${word%%=*}" = "$2" ]; then
            echo "${word#*=}"
            return
        fi
    done
    echo 0
}

# client_progress NAME: bytes that have come back, or what else has worked.
client_progress() {
    if grep -qsE '^(connect|clock):' "$RUNDIR/c/log/$1.log"; then
        client_value "$1" good
    else
        client_value "$1" received
    fi
}

client_is_beyond() {
    client_is_right "$1"
    [ "$(client_progress "$1")" -gt "$2" ]
}

# client_is_right NAME: no wrong byte; its connection is not lost.
client_is_right() {
    local wrong
    if wrong=$(grep -sE 'wrong byte|BROKEN|net-client:' \
        "$RUNDIR/c/log/$1.log"); then
        fail "client $1: $wrong"
    fi
}

# client_went_on NAME [SECONDS]: since now, more has come back, all of it right.
client_went_on() {
    wait_for "${2:-60}" "answer to client $1" \
        client_is_beyond "$1" "$(client_progress "$1")"
}

client_has_ended() {
    client_is_right "$1"
    grep -q ' ended ' "$RUNDIR/c/log/$1.log"
}

# client_ends NAME [SECONDS]: when its own time is over: in order, each byte
# that it sent answered. Says what it did.
client_ends() {
    wait_for "${2:-360}" "end of client $1" client_has_ended "$1"
    progress "client $1: $(tail -n 1 "$RUNDIR/c/log/$1.log")"
}

# confirmed MAC: frames that the guest has sent by that card, and that waited for
# no checkpoint, as its copy has sent the same.
confirmed() {
    on a "xl-colo-status --json $guest" | python3 -c '
import json, re, sys
for device in json.load(sys.stdin)[0]["devices"]:
    if device["name"] == sys.argv[1]:
        print(re.search(r"(\d+) let out as", device["text"])[1])' "$1"
}
is_confirmed_beyond() { [ "$(confirmed "$1")" -gt "$2" ]; }

# protection_comes_and_goes OPTION...: with every page compared, under the traffic
# of client stream, from a to b; what was noted of the networks is so again.
protection_comes_and_goes() {
    progress "protection comes and goes under traffic, every page compared"
    colo_start -t 15 --accept-split-brain --verify "$@" ||
        fail "xl-colo-start"
    wait_for 400 "3 checkpoints" checkpoints_reach a 4
    status_is a state protecting || fail "not protecting: $(status a ended)"
    client_went_on stream 180
    on a "xl-colo-status $guest"
    protection_goes
}
protection_goes() {
    on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
    wait_for 60 "the copy to be gone" copy_is_gone
    networks_are_as_noted
    client_went_on stream
}

# frames MACHINE [OPTION]...: what the machine has sent into the guests'
# network, a line a frame; see bed/frames.py.
frames() { bed frames --host "$@"; }

# session HOST: what the program there has sent to its peer by plain-shell, a
# line a frame; see bed/session.py. Its times are on the same clock.
session() { bed session --host "$1"; }

# only_committed HOST [--last]: nothing of the guest left HOST, where it was
# protected, or was the last time, before the checkpoint that knows of it was
# committed; see bed/commits.py. Says how much did.
only_committed() {
    local said
    said=$(bed commits --host "$1" --source "$guest_mac" "${@:2}") ||
        fail "output left before its commit: $(head -n 3 <<<"$said")"
    progress "$said"
}
