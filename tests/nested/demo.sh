#!/bin/bash
# A guest outlives its host: two emulated Xen hosts, on the first a guest with a
# network card and two disks on DRBD, protected by xl-colo-start, and on a third
# machine a client of its server. Then the first host is killed outright. The
# client's connection goes on, and so do the disks.
# Called by ./bootstrap demo.
BED_GUEST=linux-disk
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
timeout=15

guest_says() {
    local what
    for what in workload 'disk: xvda' 'disk: xvdb'; do
        guest_lines "$1" "$guest" | grep "^$what.* ok\$" | tail -n 1
    done | sed 's/^/    guest: /'
}

client_says() {
    tail -n "${1:-2}" "$RUNDIR/c/log/stream.log" | sed 's/^/    client: /'
}

progress "booting two Xen hosts, a and b, and a machine c without Xen"
colo_hosts_up
load_filters
progress "two DRBD devices, on both hosts"
disks_up
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
progress "the guest runs on a; all the time it checks all of its memory, and each \
block of its disks, which it writes to:"
disks_right a "$guest" >"$RUNDIR/disks"
guest_says a
progress "on c a client of its server checks every byte that comes back:"
client_starts stream stream 3600 4000
client_went_on stream
client_says

progress "root@a# xl-colo-start --accept-split-brain $guest b"
colo_start -t $timeout --accept-split-brain | sed 's/^/    /'
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

disks_right b "$guest" >"$RUNDIR/disks"
progress "the guest runs on b, its memory and its disks intact; the client has \
not noticed:"
guest_says b
client_says 3
disks_merged b
progress "what the last checkpoint had is merged back into DRBD's devices, which \
wait for host a"
progress "root@b# xl-colo-status"
on b "xl-colo-status $guest" | sed 's/^/    /'

progress "summary"
cat "$RUNDIR/figures"
echo "    host killed to the guest's next line: $outage ms. A host counts as"
echo "    lost after $timeout s (--timeout) from the last that was heard of it,"
echo "    which may be up to a quarter of that before it was killed"
