#!/bin/bash
# A guest outlives its host: two emulated Xen hosts, a guest with a network card
# on the first, protected by xl-colo-start, and on a third machine a client of
# its server. Then the first host is killed outright, and the client's connection
# goes on.
# Called by ./bootstrap demo.
BED_GUEST=linux-net
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

guest_says() {
    guest_lines "$1" "$guest" | grep '^workload' | tail -n "${2:-2}" |
        sed 's/^/    guest: /'
}

client_says() {
    tail -n "${1:-2}" "$RUNDIR/c/log/stream.log" | sed 's/^/    client: /'
}

progress "booting two Xen hosts, a and b, and a machine c without Xen"
colo_up
load_filters
wait_for 120 "answer of the guest to c" guest_answers
progress "the guest runs on a; all the time it checks all of its memory:"
guest_says a
progress "on c a client of its server checks every byte that comes back:"
client_starts stream stream 3600 4000
client_went_on stream
client_says

progress "root@a# xl-colo-start --accept-split-brain $guest b"
colo_start --accept-split-brain | sed 's/^/    /'
wait_for 300 "5 checkpoints" checkpoints_reach a 6

for host in a b; do
    progress "root@$host# xl-colo-status"
    on "$host" "xl-colo-status $guest" | sed 's/^/    /'
done
show_figures a >"$RUNDIR/figures"
progress "guest and client:"
guest_says a
client_says

step=$(guest_value b "$guest" step)
progress "killing host a: SIGKILL to its emulator, as if the power went"
host_dies a
wait_for 90 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
outage=$(($(now_ms) - killed_at))
client_went_on stream 180
expect_only_on b

progress "the guest runs on b, its memory intact; the client has not noticed:"
guest_says b 3
client_says 3
progress "root@b# xl-colo-status"
on b "xl-colo-status $guest" | sed 's/^/    /'

progress "summary"
cat "$RUNDIR/figures"
echo "    host killed to the guest's next line: $outage ms. A host counts as"
echo "    lost after 5000 ms (--timeout) from the last that was heard of it,"
echo "    which may be up to 1250 ms before it was killed"
