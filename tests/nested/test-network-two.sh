#!/bin/bash
# A guest with two network cards of two queues each, on networks of their own, on
# each of which it has a client: with comparison every page is the same, and both cards' output is
# compared; with output commit nothing leaves by either before its checkpoint is
# committed, and both clients' connections outlive the guest's host.
BED_GUEST=linux-net
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

second_mac=00:16:3e:77:00:11
second_address=10.78.0.10  # as guests/net.c has it

# on_second COMMAND...: of net.sh's, with the other card's address.
on_second() { guest_address=$second_address guest_mac=$second_mac "$@"; }

both_went_on() {
    client_went_on first "$@"
    client_went_on second "$@"
}

colo_hosts_up
domain0_first a
domain0_first b
load_filters
for host in a b; do
    on $host 'echo 2 >/sys/module/xen_netback/parameters/max_queues' ||
        fail "no second queue on $host"
done
guest_create a "$guest" "vif = [\"type=vif,mac=$guest_mac,bridge=xenbr0\",
    \"type=vif,mac=$second_mac,bridge=xenbr0\"]"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
guest_runs a "$guest"
on c 'ip address add 10.78.0.3/24 dev eth1' || fail "no second network on c"
wait_for 120 "answer of the guest to c" guest_answers
wait_for 120 "answer of its second card" on_second guest_answers
queues=$(on a "xenstore-ls -f /local/domain/\$(xl domid $guest)/device/vif" |
    grep -c 'multi-queue-num-queues = "2"')
[ "$queues" = 2 ] || fail "$queues of two cards have two queues"
networks_are_noted
client_starts first stream 3600 4000
on_second client_starts second stream 3600 4000
both_went_on

progress "both run: every page and both cards' output compared"
output=compare
colo_start -i 20000 -t 15 --compare-timeout 30000 --accept-split-brain \
    --verify || fail "xl-colo-start"
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
both_went_on 180
on a "xl-colo-status $guest"
for mac in $guest_mac $second_mac; do
    wait_for 240 "frame of $mac that the copy confirms" \
        is_confirmed_beyond $mac 0
    [ "$(frames b --source $mac | wc -l)" = 0 ] ||
        fail "the copy's card $mac has sent something"
done
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
networks_are_as_noted
both_went_on

progress "output commit: killing host a under traffic"
# shellcheck disable=SC2034 # colo_start's
output=commit
colo_start -i 1000 -t 15 --accept-split-brain || fail "xl-colo-start"
wait_for 300 "5 checkpoints" checkpoints_reach a 6
both_went_on 180
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
both_went_on 240
expect_only_on b
only_committed a --last
on_second only_committed a --last
