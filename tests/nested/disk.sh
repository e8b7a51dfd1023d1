# What the tests of guests with disks share; sourced after lib.sh, with
# BED_GUEST=linux-disk or linux-pv-disk, whose guests have a card as well. Each
# host has a disk of its own, /dev/vda, which it keeps when it is killed and
# booted again, and on it what an LV would be, the device-mapper devices vg-r0
# and vg-r1. DRBD has a resource on each of them, r0 and r1, which are the
# guest's xvda and xvdb; what it sends goes over the wire.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # lib.sh's

BED_DISK=64
resources="r0 r1"
# In the form of xl.cfg(5).
guest_disks='"phy:/dev/drbd0,xvda,w", "phy:/dev/drbd1,xvdb,w"'
disk_sectors=16384  # of each device; its DRBD takes little of that

# disks_up: on both hosts, connected, UpToDate, Primary on a. They hold what
# they held.
disks_up() {
    local r number=0
    for r in $resources; do
        cat >"$SHARE/$r.res" <<END
resource $r {
    device /dev/drbd$number;
    disk /dev/mapper/vg-$r;
    meta-disk internal;
    on a { address 10.76.0.1:779$number; }
    on b { address 10.76.0.2:779$number; }
}
END
        number=$((number + 1))
    done
    disks_up_on b "drbdadm create-md --force all"
    disks_up_on a "drbdadm create-md --force all"
    wait_for 120 "connection of DRBD" disks_are a Secondary Inconsistent
    # They are alike, as far as anybody will read them: no first copying.
    on a "for r in $resources; do
            drbdadm -- --clear-bitmap new-current-uuid \$r/0 || exit
        done" || fail "DRBD on a"
    disks_do a "primary all"
    disks_wait a
    progress "DRBD on both hosts"
}

# disks_up_on HOST [CMD]: after each boot of the host. The command is for the
# resources before they are up.
disks_up_on() {
    local number=0 r commands=
    domain0_first "$1"
    for r in $resources; do
        commands+="dmsetup create vg-$r --table \
            '0 $disk_sectors linear /dev/vda $((number * disk_sectors))' &&
            cp /share/$r.res /etc/drbd.d/ && "
        number=$((number + 1))
    done
    # Loaded when first used, each would make an emulated host stand still.
    on "$1" "modprobe -a virtio_blk brd dm-snapshot drbd loop xen-blkback &&
        $commands ${2:-true} >/dev/null 2>&1" || fail "no disks on $1"
    on "$1" "drbdadm up all" || disks_do "$1" "adjust all"
}

# disks_do HOST COMMAND: of drbdadm's, one that may be given again: it takes what
# needs more than 5 seconds for failed, and an emulated host may need more.
disks_do() { wait_for 120 "drbdadm $2 on $1" on "$1" "drbdadm $2"; }

# disks_are HOST ROLE STATE: of each resource its own role there, and both
# disks' state, while it is connected.
disks_are() {
    local r seen
    for r in $resources; do
        seen=$(on "$1" "drbdsetup events2 --now $r") || return
        grep -q "^exists resource name:$r role:$2 " <<<"$seen" &&
            grep -q '^exists connection .* connection:Connected ' <<<"$seen" &&
            grep -q "^exists device .* disk:$3\$" <<<"$seen" &&
            grep -q "^exists peer-device .* peer-disk:$3 " <<<"$seen" || return
    done
}

# disks_wait HOST [SECONDS]: until it is Primary and all is in step.
disks_wait() {
    wait_for "${2:-240}" "disks in step, with $1 Primary" \
        disks_are "$1" Primary UpToDate
}

# disks_state HOST: what an admin finds of the devices there.
disks_state() {
    on "$1" 'dmsetup table | sort; dmsetup ls --tree -o notrunc; dmsetup info -c \
        --noheadings -o name,open,suspended | sort; ls /dev/mapper; losetup -a
        for r in '"$resources"'; do
            drbdsetup events2 --now $r
            drbdsetup show $r
        done'
}

# disks_sums HOST: of what each of its DRBD devices holds; where it is Primary.
disks_sums() {
    on "$1" "for r in $resources; do
        dd if=\$(drbdadm sh-dev \$r) bs=1M iflag=direct 2>/dev/null | md5sum
    done"
}

# disk_value HOST NAME DISK KEY: writes, fsyncs, kilobytes, discards or passes, as
# the guest last said it; see guests/disk.h. 0 before it has.
disk_value() {
    local word
    for word in $(guest_lines "$1" "$2" |
        grep -E "^disk: $3 writes=.* (ok|BROKEN)\$" | tail -n 1); do
        if [ "${word%%=*}" = "$4" ]; then
            echo "${word#*=}"
            return
        fi
    done
    echo 0
}

disk_is_beyond() { [ "$(disk_value "$1" "$2" "$3" "$4")" -gt "$5" ]; }

# disks_right HOST NAME [SECONDS]: the guest goes on there, has since read all of
# its disks, found each block right, and written more.
disks_right() {
    local disk key wrong
    declare -A before
    for disk in xvda xvdb; do
        for key in writes passes; do
            before[$disk-$key]=$(disk_value "$1" "$2" $disk $key)
        done
    done
    for disk in xvda xvdb; do
        wait_for "${3:-240}" "pass of guest $2 over $disk on $1" disk_is_beyond \
            "$1" "$2" $disk passes $((before[$disk-passes] + 1))
        wait_for 60 "write of guest $2 to $disk on $1" disk_is_beyond \
            "$1" "$2" $disk writes "${before[$disk-writes]}"
    done
    if wrong=$(guest_lines "$1" "$2" | grep '^disk: .*BROKEN'); then
        fail "guest $2 on $1 has wrong disks: $(head -n 3 <<<"$wrong")"
    fi
    for disk in xvda xvdb; do
        guest_lines "$1" "$2" | grep "^disk: $disk writes=" | tail -n 1 |
            sed 's/^/    /'
    done
}

# disks_discard HOST NAME: the guest has discarded blocks of both disks since this
# was last called. Where it runs is where it was created: one that was taken over
# is not offered that.
declare -A discarded
disks_discard() {
    local disk
    for disk in xvda xvdb; do
        wait_for 120 "discard of guest $2 on $disk" disk_is_beyond "$1" "$2" \
            $disk discards "${discarded[$disk]:-0}"
        discarded[$disk]=$(disk_value "$1" "$2" $disk discards)
    done
}

# disks_merged HOST [LINES]: what the last checkpoint had is in DRBD's devices
# there, and nothing of the layers is left but what the guest's disks go through;
# that is so many lines of dmsetup and losetup.
disks_merged() {
    wait_for 240 "merge on $1" has_merged "$1"
    local lines
    lines=$(on "$1" 'dmsetup table; losetup -a' | grep -c .)
    [ "$lines" = "${2:-4}" ] || fail "layers are left on $1: $(disks_state "$1")"
}

# Two disks and two lower devices, each plain.
has_merged() {
    local table
    table=$(on "$1" 'dmsetup table') &&
        [ "$(grep -c '^xl-colo-r[01]-0: .* linear 147:[01] 0$' \
            <<<"$table")" = 2 ] && ! grep -q 'snapshot' <<<"$table"
}

# for_copys_disk_let_go COMMAND: on b, as soon as the backend of the copy's xvda
# has let go of it for a checkpoint: how far the driver was is noted then.
for_copys_disk_let_go() {
    on_deadline 180 b "
        note=/local/domain/\$(xl domid $guest--incoming)/xl-colo/vbd/51712
        until [ \"\$(xenstore-read \$note 2>/dev/null)\" = 4 ]; do :; done
        $1" || fail "no checkpoint, or not: $1"
}

copy_is_held() {
    on b "xl list" | awk -v copy="$guest--incoming" '
        $1 == copy && $5 ~ /^..p/ { held = 1 } END { exit !held }'
}
