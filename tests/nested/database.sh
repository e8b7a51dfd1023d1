# What the tests of a guest with a database share; sourced after disk.sh, with
# BED_GUEST=linux-database: redis, which writes each change to its log, on ext4,
# before it answers. The guest's only disk is a plain volume.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # lib.sh's

guest_disks='"phy:/dev/mapper/vg-p0,xvda,w"'
volume_sectors=65536

command -v mke2fs >/dev/null || skip "no mke2fs (Debian package e2fsprogs)"

# volume_on HOST: after each boot of the host, as LVM would have it.
volume_on() {
    domain0_first "$1"
    state_of "$1"
    on "$1" "modprobe -a virtio_blk brd dm-snapshot drbd loop xen-blkback &&
        dmsetup create vg-p0 --table '0 $volume_sectors linear /dev/vda 0'" ||
        fail "no volume on $1"
}

# database_up: both hosts' volumes, and the guest on a, whose database answers.
database_up() {
    volume_on a
    volume_on b
    mke2fs -q -t ext4 -b 1024 "$SHARE/file-system" \
        "$((volume_sectors / 2))" || fail "no file system"
    on a 'dd if=/share/file-system of=/dev/mapper/vg-p0 bs=1M oflag=direct \
        2>/dev/null' || fail "no file system on a"
    colo_guest_up
    wait_for 240 "answer of the database" database_answers
}

# database_client NAME push|check NUMBER: on c, as client_starts does it.
database_client() {
    on c "/share/database-client $2 $guest_address $3 </dev/null \
        >/host/log/$1.log 2>&1 & echo \$! >/host/log/$1.pid" ||
        fail "no client $1"
}
client_killed() { on c "kill \$(cat /host/log/$1.pid)"; }

database_answers() {
    database_client first push 1
    sleep 3
    grep -qs ' ok$' "$RUNDIR/c/log/first.log"
}

# numbers_are_there LEAST: from 1 on, each once.
numbers_are_there() {
    rm -f "$RUNDIR/c/log/check.log"
    database_client check check "$1"
    wait_for 240 "all numbers" \
        grep -qs 'were acknowledged' "$RUNDIR/c/log/check.log"
    client_is_right check
    sed 's/^/    /' "$RUNDIR/c/log/check.log"
}

# guest_is_well HOST: nothing of its kernel's or the database's says otherwise.
guest_is_well() {
    local wrong
    if wrong=$(guest_lines "$1" "$guest" |
        grep -E 'BROKEN|EXT4-fs error|I/O error|remount.*read-only'); then
        fail "the guest on $1: $(head -n 3 <<<"$wrong")"
    fi
}

# file_system_is_whole HOST: as it is once the guest has been destroyed there.
file_system_is_whole() {
    on "$1" 'dd if=/dev/mapper/vg-p0 of=/share/after bs=1M iflag=direct \
        2>/dev/null' || fail "no file system on $1"
    e2fsck -y -E journal_only "$SHARE/after" >"$RUNDIR/journal" 2>&1 ||
        fail "its journal: $(cat "$RUNDIR/journal")"
    e2fsck -fn "$SHARE/after" >"$RUNDIR/fsck" 2>&1 ||
        fail "e2fsck: $(cat "$RUNDIR/fsck")"
    tail -n 1 "$RUNDIR/fsck" | sed 's/^/    /'
}
