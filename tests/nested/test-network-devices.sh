#!/bin/bash
# Cards and disks that are attached to a protected guest, or detached from it:
# each ends its protection, with one message that says which; the guest goes on
# with what it has now, its client's connection too, and is protected again with
# that. Interfaces, bridges and filters are in the end as they were.
BED_GUEST=${BED_GUEST:-linux-net}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
second_mac=00:16:3e:77:00:11

protect() {
    colo_start -i 1000 -t 15 --accept-split-brain || fail "xl-colo-start"
    wait_for 300 "2 checkpoints" checkpoints_reach a 3
    client_went_on stream 120
}

# ends_protection WHAT COMMAND...: on a, and WHAT is why.
ends_protection() {
    local what=$1 why
    shift
    on_deadline 60 a "$*" || fail "$*"
    wait_for 60 "a to be unprotected" status_is a state unprotected
    why=$(status a ended)
    echo "    $why"
    grep -q "^$what, .*start protection again" <<<"$why" ||
        fail "the message is another one"
    wait_for 60 "the copy to be gone" copy_is_gone
    client_went_on stream 120
    expect_only_on a
    [ -z "$(on a 'tc qdisc show | grep clsact; ip -o link show | grep " xc"')" ] ||
        fail "taps or filters are left on a"
}

colo_up
load_filters
for host in a b; do
    on $host 'modprobe brd rd_nr=1 rd_size=1024 && modprobe xen-blkback' ||
        fail "no disk on $host"
done
wait_for 120 "answer of the guest to c" guest_answers
for host in a b; do
    network_state $host >"$RUNDIR/network-$host"
done
client_starts stream stream 3600 4000

progress "xl network-attach"
protect
ends_protection "network card $second_mac was attached" \
    "xl network-attach $guest type=vif mac=$second_mac bridge=xenbr0"

progress "xl network-detach"
protect
ends_protection "network card $second_mac was detached" \
    "xl network-detach $guest $second_mac"

progress "xl block-attach"
protect
ends_protection "disk xvdz was attached" \
    "xl block-attach $guest phy:/dev/ram0,xvdz,r"

progress "xl block-detach"
protect
# Its driver is not in this guest, which so cannot release it.
ends_protection "disk xvdz was detached" "xl block-detach --force $guest xvdz"

progress "xl destroy is told as what it is"
for host in a b; do
    diff "$RUNDIR/network-$host" <(network_state $host) ||
        fail "the network of $host is not as it was"
done
protect
log=/var/log/xen/xl-colo-$guest.log
on_deadline 120 a "xl destroy $guest" || fail "xl destroy"
wait_for 60 "the copy to be gone" copy_is_gone
guest_is_gone b "$guest" || fail "b took over a guest that was destroyed"
said=$(on a "grep 'protection ended' $log | tail -n 1")
echo "    $said"
grep -q 'the guest has stopped' <<<"$said" ||
    fail "the message is another one"
