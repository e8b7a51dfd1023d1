#!/bin/bash
# What the copy's disk was at the last checkpoint needs room on the secondary. A
# store that is half full has a checkpoint begin at once; one that is too small
# for what the guest writes, or is in a file system that is full, ends protection,
# and the guest and its disks do not notice. A store on a device is refused where it
# cannot be, and what is merged from it after a takeover is right.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

store_is_full() {
    on b 'dmsetup status' | grep -qE 'kept-.: .*(Invalid|Overflow)'
}
because_of_store() { status a last-because | grep -q 'half full'; }

# As an LV would be: 4 MiB for each of four parts, and one more.
store=/dev/mapper/vg-store
has_stores() {
    [ "$(on b 'dmsetup table' | grep -c '^xl-colo-r[01]-0-store-[01]: 0 8192 ')" \
        = 4 ]
}

# refuses STORE WORDS: and nothing is left of it.
refuses() {
    colo_start --accept-split-brain --disk-store="$1" >"$RUNDIR/refused" 2>&1 &&
        fail "$1 is taken for a store"
    grep -q "$1 cannot be the disks' store: $2" "$RUNDIR/refused" ||
        fail "no word of it: $(cat "$RUNDIR/refused")"
    diff "$RUNDIR/disks-b" <(disks_state b) ||
        fail "the disks of b are not as they were"
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest"
on b "dmsetup create vg-store --table '0 34816 linear /dev/vda 40960' &&
    dmsetup create vg-small --table '0 8192 linear /dev/vda 81920' &&
    dd if=/dev/zero of=$store bs=4k count=1 2>/dev/null" || fail "no device on b"
disks_state b >"$RUNDIR/disks-b"

progress "what cannot be a store is refused"
refuses /dev/mapper/vg-none "there is no such device here"
refuses /dev/mapper/vg-small "it has 4 MiB"
refuses /dev/mapper/vg-r1 "it is in use here"
on b "echo data | dd of=$store bs=512 seek=3 conv=notrunc 2>/dev/null"
refuses $store "it holds something else here"
on b "dd if=/dev/zero of=$store bs=1M count=1 2>/dev/null"

progress "half full: a checkpoint at once"
colo_start -i 600s -t 40 --accept-split-brain --disk-store=$store ||
    fail "xl-colo-start"
has_stores || fail "the stores are elsewhere: $(on b 'dmsetup table')"
wait_for 400 "a checkpoint because of the store" because_of_store
disks_right a "$guest"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 60 "the copy to be gone" copy_is_gone
diff "$RUNDIR/disks-b" <(disks_state b) ||
    fail "the disks of b are not as they were"

progress "full: protection ends, and says so"
colo_start -i 600s -t 200 --step-timeout 200 --accept-split-brain \
    --disk-store-size=5M || fail "xl-colo-start"
# DRBD goes on without it, and no checkpoint makes room: the next one finds that
# the last is lost.
on b 'kill -STOP $(pidof xl-colo-receive)' || fail "no process on b"
wait_for 180 "a store that is full" store_is_full
on b 'kill -CONT $(pidof xl-colo-receive)'
wait_for 240 "end of protection" status_is a state unprotected
status a ended | tee "$RUNDIR/ended"
grep -q "store" "$RUNDIR/ended" || fail "it does not say that the store is full"
wait_for 60 "the copy to be gone" copy_is_gone
disks_right a "$guest"
disks_wait a
diff "$RUNDIR/disks-b" <(disks_state b) ||
    fail "the disks of b are not as they were"
expect_only_on a

progress "a file, and its file system is full"
on b 'mkdir -p /var/lib/xl-colo && mount -t tmpfs -o size=2m,mode=700 none \
    /var/lib/xl-colo' || fail "no file system on b"
colo_start -i 600s -t 40 --accept-split-brain --disk-store=file \
    --disk-store-size=64M || fail "xl-colo-start"
wait_for 400 "end of protection" status_is a state unprotected
status a ended | tee "$RUNDIR/ended"
grep -q "store" "$RUNDIR/ended" || fail "it does not say that the store is full"
wait_for 60 "the copy to be gone" copy_is_gone
on b 'df -k /var/lib/xl-colo; umount /var/lib/xl-colo' ||
    fail "something is left in the file system"
disks_right a "$guest"
disks_wait a
diff "$RUNDIR/disks-b" <(disks_state b) ||
    fail "the disks of b are not as they were"
expect_only_on a

progress "host a dies, and the store is a device"
colo_start -i 1000 -t 40 --accept-split-brain --disk-store=$store ||
    fail "xl-colo-start"
wait_for 400 "3 checkpoints" checkpoints_reach a 4
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
expect_only_on b
disks_right b "$guest"
on b 'dmsetup remove vg-small'
disks_merged b 5
on b 'dmsetup table' | grep -q store- && fail "stores are left on b"
disks_right b "$guest"
