#!/bin/bash
# A guest outlives its host: two emulated Xen hosts, a guest on the first,
# protected by xl-colo-start; then the first host is killed outright.
# Called by ./bootstrap demo.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

seen() {
    guest_lines "$1" "$guest" | tail -n "${2:-2}" | sed 's/^/    guest: /'
}

progress "booting two Xen hosts, a and b"
colo_up
progress "the guest runs on a; every second it checks all of its memory:"
seen a

progress "root@a# xl-colo-start --verify $guest b"
colo_start --verify | sed 's/^/    /'
wait_for 120 "5 checkpoints" checkpoints_reach a 6

for host in a b; do
    progress "root@$host# xl-colo-status"
    on "$host" "xl-colo-status $guest" | sed 's/^/    /'
done
show_figures a >"$RUNDIR/figures"
progress "the guest, still on a:"
seen a

step=$(guest_value b "$guest" step)
progress "killing host a: SIGKILL to its emulator, as if the power went"
host_dies a
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "the guest's next line on b" guest_is_beyond b "$guest" step "$step"
outage=$(($(now_ms) - killed_at))
expect_only_on b

progress "the guest runs on b, its memory intact:"
seen b 3
progress "root@b# xl-colo-status"
on b "xl-colo-status $guest" | sed 's/^/    /'

progress "summary"
cat "$RUNDIR/figures"
echo "    host killed to the guest's next line: $outage ms. A host counts as"
echo "    lost after 5000 ms (--timeout) from the last that was heard of it,"
echo "    which may be up to 1250 ms before it was killed"
