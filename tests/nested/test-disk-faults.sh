#!/bin/bash
# A guest with two disks on DRBD, and what goes wrong with these while it is
# protected: an admin disconnects DRBD on either host, resizes a volume of b's, or
# takes a snapshot of it, a volume of b's or of a's gives I/O errors. Each ends
# protection with one message, the guest and all its blocks go on, what the admin
# has done stays, and it is protected again.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

protect() {
    colo_start -i 1000 -t 40 --accept-split-brain || fail "xl-colo-start"
    wait_for 400 "2 checkpoints" checkpoints_reach a 3
}

# ends_protection HOST COMMAND PATTERN: said there, and that is why.
ends_protection() {
    progress "on $1: $2"
    protect
    on "$1" "$2" || fail "$2"
    wait_for 240 "a to go on alone" status_is a state unprotected
    status a ended | tee "$RUNDIR/ended" | cut -c -160 | sed 's/^/    /'
    grep -Eq "$3" "$RUNDIR/ended" || fail "the message is another one"
    wait_for 120 "the copy to be gone" copy_is_gone
    disks_right a "$guest"
    expect_only_on a
}

# reload NAME TABLE: a command that gives the device that table.
reload() {
    echo "dmsetup load $1 --table '$2' && dmsetup suspend --nolockfs $1 &&
        dmsetup resume $1"
}
# table_is HOST NAME TABLE
table_is() {
    local table
    table=$(on "$1" "dmsetup table $2")
    [ "$table" = "$3" ] || fail "on $1, $2 is $table"
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest" 400
for host in a b; do disks_state $host >"$RUNDIR/disks-$host"; done
device=$(on b 'cat /sys/class/block/vda/dev')

ends_protection a 'drbdadm disconnect r0' 'xvda: .*not connected'
disks_do a 'connect r0'
disks_wait a
ends_protection b 'drbdadm disconnect r1' 'xvdb: .*not connected'
disks_do b 'connect r1'
disks_wait a

# As lvextend does it: 4 MiB more, behind the others.
ends_protection b "$(reload vg-r1 "0 24576 linear $device 16384")" \
    'xvdb: .*somebody has changed vg-r1'
table_is b vg-r1 "0 24576 linear $device 16384"
on b "$(reload vg-r1 "0 $disk_sectors linear $device 16384")" || fail "vg-r1"
disks_wait a

# As lvcreate -s does it.
ends_protection b "dmsetup create vg-r0-lvm --table \
        '0 $disk_sectors linear $device 0' &&
    $(reload vg-r0 "0 $disk_sectors snapshot-origin /dev/mapper/vg-r0-lvm")" \
    'xvda: .*somebody has changed vg-r0'
on b "dmsetup table vg-r0" | grep -q ' snapshot-origin ' ||
    fail "vg-r0 is not the admin's"
on b "$(reload vg-r0 "0 $disk_sectors linear $device 0") &&
    dmsetup remove vg-r0-lvm" || fail "vg-r0"
disks_wait a

ends_protection b "$(reload xl-colo-r0-0-real "0 $disk_sectors error")" \
    'xvda: .*(Diskless|not up to date|Failed|not connected|store|snapshot)'
on b 'dmsetup table'
disks_do b 'adjust r0'
disks_wait a

ends_protection a "$(reload vg-r1 "0 $disk_sectors error")" \
    'xvdb: .*(Diskless|Failed|Inconsistent)'
on a "$(reload vg-r1 "0 $disk_sectors linear $device 16384")" || fail "vg-r1"
disks_do a 'adjust r1'
disks_wait a

progress "protected again, after all that"
protect
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
disks_wait a
disks_right a "$guest"
for host in a b; do
    diff "$RUNDIR/disks-$host" <(disks_state $host) ||
        fail "the disks of $host are not as they were"
done
