#!/bin/bash
# The bed for disks, without any protection: a guest with two disks on DRBD. What
# it has written is on the other host when its own has died; there it goes on.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

guest=g1

hosts_up 2
disks_up
for host in a b; do
    disks_state $host >"$RUNDIR/disks-$host"
done
guest_create a "$guest"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest"
guest_runs a "$guest" 240
disks_are a Primary UpToDate || fail "DRBD is not in step"

progress "its host dies: the other has every byte"
on a "xl destroy $guest" || fail "xl destroy"
disks_state a | diff "$RUNDIR/disks-a" - || fail "disks of a are not as before"
disks_state b | diff "$RUNDIR/disks-b" - || fail "disks of b are not as before"
disks_sums a >"$RUNDIR/sums" || fail "cannot read the disks of a"
host_kill a
on b 'drbdadm disconnect --force all'
disks_do b "primary all"
disks_sums b | diff "$RUNDIR/sums" - || fail "b holds something else than a"
[ "$(sort -u "$RUNDIR/sums" | wc -l)" = 2 ] || fail "nothing was written"

progress "the guest writes on b"
guest_create b "$guest"
wait_for 240 "the guest's first line" guest_is_beyond b "$guest" seconds 0
disks_right b "$guest"
