#!/bin/bash
# What a disk costs on its way: the same writes on host a to the device that DRBD
# is on, to DRBD with both hosts, and to the same while host b keeps states of it
# as it does for a protected guest, a new one each second. In turns, in one run;
# medians. The hosts are emulated, so only the ratios say anything.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/disk.sh"

rounds=${1:-5}
BED_GUEST=freestanding

# keeps: on host b, what plugin/disks/kept_disk.cc has there, until it is told to
# stop. Snapshot "kept-0", "kept-1" and so on in turns, each with a store of its
# own in memory.
make_keeper() {
    cat >"$SHARE/keep" <<'END'
#!/bin/sh
# keep SECTORS
set -e
table=$(dmsetup table vg-r0)
dmsetup create kept-real --table "$table"
size=$1
for i in 0 1; do
    dd if=/dev/zero of=/tmp/kept-$i bs=1M count=1 seek=15 2>/dev/null
    losetup /dev/loop$i /tmp/kept-$i
done
one() {
    dd if=/dev/zero of=/dev/loop$1 bs=4096 count=1 2>/dev/null
    dmsetup create kept-$1 --table \
        "0 $size snapshot /dev/mapper/kept-real /dev/loop$1 P 8"
}
one 0
dmsetup load vg-r0 --table "0 $size snapshot-origin /dev/mapper/kept-real"
dmsetup suspend --nolockfs vg-r0
dmsetup resume vg-r0
now=0
until [ -e /tmp/stop ]; do
    sleep 1
    next=$((1 - now))
    one $next
    dmsetup remove kept-$now
    now=$next
done
dmsetup load vg-r0 --table "$table"
dmsetup suspend --nolockfs vg-r0
dmsetup resume vg-r0
dmsetup remove kept-$now
dmsetup remove kept-real
losetup -d /dev/loop0
losetup -d /dev/loop1
rm /tmp/stop
END
    chmod +x "$SHARE/keep"
}

# seconds DEVICE BLOCK COUNT: for writes one after another, each there when the
# next begins.
seconds() {
    on a "TIMEFORMAT=%R bash -c 'time dd if=/dev/zero of=$1 bs=$2 count=$3 \
        oflag=direct 2>/dev/null' 2>&1"
}

# all_kinds STACK DEVICE: appends "STACK BLOCK SECONDS".
all_kinds() {
    local kind
    for kind in "4k 400" "64k 60" "1M 6"; do
        # shellcheck disable=SC2086 # block and count
        echo "$1 ${kind% *} $(seconds "$2" $kind)" >>"$RUNDIR/times"
    done
}

hosts_up 2
make_keeper
disks_up
on a 'drbdadm secondary all'
plain=/dev/mapper/vg-plain
on a "dmsetup create vg-plain --table '0 $disk_sectors linear /dev/vda \
    $((2 * disk_sectors))'" || fail "no plain device"
on a 'drbdadm primary all' || fail "drbdadm primary"
for ((i = 1; i <= rounds; ++i)); do
    all_kinds plain $plain
    all_kinds drbd /dev/drbd0
    on b "rm -f /tmp/stop; /share/keep $disk_sectors >/tmp/keep.log 2>&1 &"
    sleep 3
    all_kinds kept /dev/drbd0
    on b 'touch /tmp/stop; while [ -e /tmp/stop ]; do sleep 0.2; done'
    progress "round $i"
done
python3 - "$RUNDIR/times" <<'END'
import statistics
import sys

times = {}
for line in open(sys.argv[1]):
    stack, block, seconds = line.split()
    times.setdefault((block, stack), []).append(float(seconds))
print(f"{'writes of':10} {'alone':>9} {'DRBD':>9} {'kept':>9}"
      f" {'DRBD/alone':>11} {'kept/DRBD':>10}")
for block in ("4k", "64k", "1M"):
    alone, drbd, kept = (statistics.median(times[block, stack])
                         for stack in ("plain", "drbd", "kept"))
    print(f"{block:10} {alone:8.3f}s {drbd:8.3f}s {kept:8.3f}s"
          f" {drbd / alone:11.2f} {kept / drbd:10.2f}")
END
