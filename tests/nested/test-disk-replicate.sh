#!/bin/bash
# A guest whose disks are plain volumes: DRBD is put beneath them while it writes
# to them, and taken off again; what cannot be a replica is refused, and nothing
# is changed. Its host dies, the guest goes on with every block right, and the
# host that comes back gets the disks anew; failover by command, and off again.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
guest_disks='"phy:/dev/mapper/vg-p0,xvda,w", "phy:/dev/mapper/vg-p1,xvdb,w"'

# volumes_on HOST: after each boot of the host, as LVM would have them.
volumes_on() {
    domain0_first "$1"
    state_of "$1"
    on "$1" "modprobe -a virtio_blk brd dm-snapshot drbd loop xen-blkback &&
        dmsetup create vg-p0 --table '0 $disk_sectors linear /dev/vda 0' &&
        dmsetup create vg-p1 --table '0 $disk_sectors linear /dev/vda 16384'" ||
        fail "no volumes on $1"
}

# state HOST: what an admin finds of the devices there. Of DRBD's, nothing of an
# instant.
state() {
    on "$1" 'dmsetup table | sort; dmsetup info -c --noheadings \
            -o name,open,suspended | sort; ls /dev/mapper; losetup -a
        drbdsetup events2 --now; ls /etc/drbd.d
        ls /var/lib/xl-colo | grep -v replica; true'
}
is_as_before() { diff -q "$RUNDIR/state-$1" <(state "$1"); }
both_as_before() {
    local host
    for host in a b; do
        wait_for 60 "devices of $host as they were: $(diff \
            "$RUNDIR/state-$host" <(state $host))" is_as_before $host
    done
}

# refuses WORDS
refuses() {
    colo_start --fence=true >"$RUNDIR/refused" 2>&1 &&
        fail "that is no replica, and was taken for one"
    grep -q "$1" "$RUNDIR/refused" ||
        fail "no word of it: $(cat "$RUNDIR/refused")"
    both_as_before
}

protect() {
    primary=$1 secondary=$2
    colo_start -i 1000 -t 40 --fence=true || fail "xl-colo-start"
    wait_for 400 "3 checkpoints" checkpoints_reach "$1" 4
    on "$1" 'dmsetup table; drbdsetup events2 --now' >"$RUNDIR/protected"
    grep -q '^vg-p0: .* linear 147:100[01] 0$' "$RUNDIR/protected" ||
        [ "$1" = b ] || fail "vg-p0 is on no DRBD: $(cat "$RUNDIR/protected")"
}

colo_hosts_up
load_filters
for host in a b; do
    volumes_on $host
done
colo_guest_up
disks_right a "$guest"
for host in a b; do
    state $host >"$RUNDIR/state-$host"
done

progress "what cannot be a replica is refused, and nothing is changed"
on b 'dmsetup remove vg-p1' || fail "no volume less on b"
state b >"$RUNDIR/state-b"
refuses "b: .*vg-p1 here: it must have a volume of that name"
on b "dmsetup create vg-p1 --table '0 8192 linear /dev/vda 16384'"
state b >"$RUNDIR/state-b"
refuses "b: .*vg-p1 has 8192 sectors here, and must have $disk_sectors"
on b "dmsetup remove vg-p1 &&
    dmsetup create vg-p1 --table '0 $disk_sectors linear /dev/vda 16384' &&
    echo data | dd of=/dev/mapper/vg-p1 bs=512 seek=3 conv=notrunc 2>/dev/null"
state b >"$RUNDIR/state-b"
refuses "b: .*vg-p1 holds something here"
on b 'dd if=/dev/zero of=/dev/mapper/vg-p1 bs=1M count=1 2>/dev/null'
disks_right a "$guest"

progress "protected, and stopped: the disks are what they were"
protect a b
disks_right a "$guest"
on_deadline 120 a "xl-colo-stop $guest" || fail "xl-colo-stop"
both_as_before
disks_right a "$guest"

progress "protected again, and host a dies"
protect a b
disks_right a "$guest"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest"

progress "it comes back, is not asked what it holds, and gets all"
host_boots a
put_on a "root-$BED_PROFILE"
volumes_on a
dead=
on a "rm /var/lib/xl-colo/$guest.protected" || fail "a knows of nothing"
# What the guest said when it was there before is no news.
on a "rm -f /var/log/xen/guest-$guest*.log"
protect b a
disks_right b "$guest"

progress "xl-colo-failover, and off"
on_deadline 180 a "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 60 "a to take over" status_is a state taken-over
wait_for 60 "b to give its guest up" guest_is_gone b "$guest"
disks_right a "$guest"
expect_only_on a
wait_for 240 "all to be merged" on a "! dmsetup table | grep -q snapshot"
on_deadline 120 a "xl-colo-replicate off $guest" || fail "off"
for host in a b; do
    on $host 'dmsetup table; losetup -a; ls /etc/drbd.d
        drbdsetup events2 --now' >"$RUNDIR/off-$host"
    grep -vE '^xl-colo-g1-xvd[ab]-0: .* linear 253:' "$RUNDIR/off-$host" |
        grep -E '147:|loop|g1|resource' &&
        fail "DRBD is left on $host"
done
disks_right a "$guest"
