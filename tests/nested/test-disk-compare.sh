#!/bin/bash
# A guest with two disks on DRBD, of two rings each, and a network card, whose copy
# runs as well, and writes to its own disks: at each checkpoint that is thrown
# away, and every page and every byte of the disks is the same. Then its host dies:
# the guest goes on as its copy was, with what that has written. A third disk, that
# it only reads, is no DRBD.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare
# QEMU's backend, where it is one: Debian 12's refuses ("Block node is read-only").
if [ "${BED_PROFILE:-bookworm}" = bookworm ]; then
    guest_disks+=', "phy:/dev/mapper/ro,xvdc,r"'
    make_third="dmsetup create ro --readonly --table '0 2048 linear /dev/vda 65536'"
    layers=5
else
    guest_disks+=', "format=raw,vdev=xvdc,access=ro,backendtype=qdisk,target=/tmp/ro"'
    make_third='dd if=/dev/zero of=/tmp/ro bs=1024 count=1024 2>/dev/null'
    layers=4
fi

# The copy's card connects some seconds after each checkpoint, emulated.
protect() {
    colo_start -i "$1" -t 40 --compare-timeout 30000 --accept-split-brain \
        "${@:2}" || fail "xl-colo-start"
}

# copy_writes: KiB that are in the snapshots of b's.
copy_writes() {
    on b "dmsetup status" | awk '
        / snapshot [0-9]/ { split($5, used, "/"); sum += (used[1] - $6) / 2 }
        END { print sum + 0 }'
}
copy_has_written() { [ "$(copy_writes)" -gt "$1" ]; }

# copy_is_right: no block of the copy's disks was wrong so far.
copy_is_right() {
    local wrong
    if wrong=$(guest_lines b "$guest--incoming" | grep '^disk: .*BROKEN'); then
        fail "the copy has wrong disks: $(head -n 3 <<<"$wrong")"
    fi
}

colo_hosts_up
load_filters
disks_up
for host in a b; do
    on $host 'echo 2 >/sys/module/xen_blkback/parameters/max_queues' ||
        fail "no second ring on $host"
    on $host "$make_third" || fail "no disk to be read on $host"
done
colo_guest_up
rings=$(on a "xenstore-ls -f /local/domain/\$(xl domid $guest)/device/vbd" |
    grep -c 'multi-queue-num-queues = "2"')
[ "$rings" -ge 2 ] || [ "$BED_GUEST" != linux-disk ] || fail "not two rings a disk"
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400
disks_discard a "$guest"
networks_are_noted
for host in a b; do disks_state $host >"$RUNDIR/disks-$host"; done

progress "protection comes and goes under traffic, every page compared"
client_starts stream stream 3600 4000
client_went_on stream
protect 15000 --verify
wait_for 60 "write of the copy's own" copy_has_written 100
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
disks_right a "$guest" 400
copy_is_right
client_went_on stream 180
on b "xl-colo-status $guest"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
disks_wait a
networks_are_as_noted
for host in a b; do
    diff "$RUNDIR/disks-$host" <(disks_state $host) ||
        fail "the disks of $host are not as they were"
done
client_went_on stream
expect_only_on a

progress "the disks, too"
protect 15000 --verify-disks
wait_for 400 "3 checkpoints" checkpoints_reach a 4
status_is a state protecting || fail "not protecting: $(status a ended)"
disks_right a "$guest" 600
copy_is_right
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone

progress "killing host a while the copy runs, and writes"
protect 600000
wait_for 240 "write of the copy's own" copy_has_written 1000
client_went_on stream 180
copy_is_right
show_figures a
on a "xl-colo-status $guest"
on b "xl-colo-status $guest"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
client_went_on stream 240
client_starts after connect 30
client_went_on after 120
expect_only_on b
disks_right b "$guest" 400
disks_merged b $layers
disks_right b "$guest"
