#!/bin/bash
# A real database in a guest, on a journaling file system that is mounted all the
# time, on a plain volume. A client on the third machine appends numbers over one
# connection; the guest's host dies. The client does not notice: no append that was
# acknowledged is lost, none is done twice. The file system is whole at the end.
BED_GUEST=linux-database
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
guest_disks='"phy:/dev/mapper/vg-p0,xvda,w"'
sectors=65536

command -v mke2fs >/dev/null || skip "no mke2fs (Debian package e2fsprogs)"

# database_client NAME push|check NUMBER: on c, as client_starts does it.
database_client() {
    on c "/share/database-client $2 $guest_address $3 </dev/null \
        >/host/log/$1.log 2>&1 & echo \$! >/host/log/$1.pid" ||
        fail "no client $1"
}

database_answers() {
    database_client first push 1
    sleep 2
    grep -qs ' ok$' "$RUNDIR/c/log/first.log"
}

# guest_is_well HOST: nothing of its kernel's or the database's says otherwise.
guest_is_well() {
    local wrong
    if wrong=$(guest_lines "$1" "$guest" |
        grep -E 'BROKEN|EXT4-fs error|I/O error|remount.*read-only'); then
        fail "the guest on $1: $(head -n 3 <<<"$wrong")"
    fi
}

colo_hosts_up
load_filters
mke2fs -q -t ext4 -b 1024 "$SHARE/file-system" "$((sectors / 2))" ||
    fail "no file system"
for host in a b; do
    domain0_first $host
    on $host "modprobe -a virtio_blk brd dm-snapshot drbd loop xen-blkback &&
        dmsetup create vg-p0 --table '0 $sectors linear /dev/vda 0'" ||
        fail "no volume on $host"
done
on a 'dd if=/share/file-system of=/dev/mapper/vg-p0 bs=1M oflag=direct \
    2>/dev/null' || fail "no file system on a"
colo_guest_up
wait_for 240 "answer of the database" database_answers

progress "protected under its client's appends"
database_client numbers push 3600
client_went_on numbers
colo_start -i 1000 -t 40 --fence=true || fail "xl-colo-start"
wait_for 400 "5 checkpoints" checkpoints_reach a 6
client_went_on numbers 240
status_is a state protecting || fail "not protecting: $(status a ended)"
guest_is_well a
on a "xl-colo-status $guest"

progress "killing host a"
appended=$(client_progress numbers)
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
client_went_on numbers 240
progress "$appended numbers before, the client goes on: $(client_progress numbers)"
only_committed a
on c 'kill $(cat /host/log/numbers.pid)' || fail "the client has ended"
acknowledged=$(client_progress numbers)
database_client check check "$acknowledged"
wait_for 240 "all numbers" grep -q 'were acknowledged' "$RUNDIR/c/log/check.log"
client_is_right check
sed 's/^/    /' "$RUNDIR/c/log/check.log"
guest_is_well b

progress "the file system, as it is without the guest"
wait_for 240 "all to be merged" on b '! dmsetup table | grep -q snapshot'
on_deadline 120 b "xl destroy $guest" || fail "xl destroy"
on b 'dd if=/dev/mapper/vg-p0 of=/share/after bs=1M iflag=direct 2>/dev/null' ||
    fail "no file system on b"
e2fsck -E journal_only "$SHARE/after" >"$RUNDIR/journal" 2>&1 ||
    fail "its journal: $(cat "$RUNDIR/journal")"
e2fsck -fn "$SHARE/after" >"$RUNDIR/fsck" 2>&1 ||
    fail "e2fsck: $(cat "$RUNDIR/fsck")"
tail -n 1 "$RUNDIR/fsck" | sed 's/^/    /'
