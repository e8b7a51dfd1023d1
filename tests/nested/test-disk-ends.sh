#!/bin/bash
# A guest with two disks on DRBD, and ends of its protection that nobody asked
# for: the wire breaks, and the processes of either host are killed. The guest and
# its disks do not notice, and in the end the devices of both hosts are as before.
# Last, host a dies while a checkpoint's state of the disks takes the place of the
# one before.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

protect() {
    colo_start -i 1000 -t 40 \
        --witness "'xl-colo-witness \$XL_COLO_ACTION /share/claims'" ||
        fail "xl-colo-start"
    wait_for 400 "2 checkpoints" checkpoints_reach a 3
}

# as_before: on both hosts, once DRBD is in step.
as_before() {
    local host
    disks_wait a
    disks_right a "$guest"
    for host in a b; do
        diff "$RUNDIR/disks-$host" <(disks_state $host) ||
            fail "the disks of $host are not as they were"
    done
    expect_only_on a
}

need_testbed
mkdir -p "$SHARE/claims"
colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest"
for host in a b; do
    disks_state $host >"$RUNDIR/disks-$host"
done

progress "the wire breaks: the witness gives the guest to a"
protect
bed cut
wait_for 180 "a to go on alone" status_is a state unprotected
disks_right a "$guest"
wait_for 240 "the copy to be gone" copy_is_gone
bed join
as_before

progress "the process on a is killed: so it does then"
protect
on a 'kill -9 $(pidof xl-colo-start)' || fail "no process on a"
wait_for 240 "the copy to be gone" copy_is_gone
as_before

progress "nobody is left on b: the next start clears away what is"
protect
on b 'kill -9 $(pidof xl-colo-watch xl-colo-receive)' || fail "none on b"
wait_for 120 "a to go on alone" status_is a state unprotected
disks_right a "$guest"
colo_start -t 40 --accept-split-brain >"$RUNDIR/said" 2>&1 &&
    fail "a copy that is left is overwritten"
tail -n 1 "$RUNDIR/said"
on b "xl destroy $guest--incoming" || fail "there is no copy on b"
disks_wait a
protect
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
as_before

progress "host a dies while b has two states of each disk"
protect
on_deadline 180 b "
    until [ \$(dmsetup ls | grep -c '^xl-colo-r[01]-0-kept-') = 4 ]; do :; done
    kill -STOP \$(pidof xl-colo-receive)" || fail "no two states"
host_dies a
on b 'dmsetup ls | grep kept-; kill -CONT $(pidof xl-colo-receive)' ||
    fail "no process on b"
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest"
disks_merged b
disks_right b "$guest"
