#!/bin/bash
# A guest with two disks, one on DRBD and one a plain volume, beneath which DRBD is
# put, and whose copy runs as well. The secondary dies and comes back: the guest
# goes on, and is protected again. Then its own host dies: every block is right.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=compare
resources=r0
guest_disks='"phy:/dev/drbd0,xvda,w", "phy:/dev/mapper/vg-p1,xvdb,w"'

# volume_on HOST: after each boot of the host, as LVM would have it.
volume_on() {
    state_of "$1"
    on "$1" "dmsetup create vg-p1 \
        --table '0 $disk_sectors linear /dev/vda $disk_sectors'" ||
        fail "no volume on $1"
}

protect() {
    colo_start -i 15000 -t 40 --compare-timeout 30000 --fence=true ||
        fail "xl-colo-start"
    wait_for 400 "2 checkpoints" checkpoints_reach a 3
    on a 'dmsetup table vg-p1' | grep -q ' linear 147:1000 0$' ||
        fail "vg-p1 is on no DRBD"
}

colo_hosts_up
load_filters
disks_up
volume_on a
volume_on b
colo_guest_up
wait_for 120 "answer of the guest to c" guest_answers
disks_right a "$guest" 400
client_starts stream stream 3600 4000
client_went_on stream

progress "one of DRBD's and a plain one, and host b dies"
protect
client_went_on stream 180
disks_right a "$guest" 400
host_dies b
wait_for 240 "a to go on alone" status_is a state unprotected
client_went_on stream 180
disks_right a "$guest"
expect_only_on a

progress "it comes back, and the guest is protected again"
host_boots b
put_on b "root-$BED_PROFILE"
disks_up_on b
volume_on b
dead=
disks_wait a
protect
client_went_on stream 180
disks_right a "$guest" 400

progress "and host a dies"
host_dies a
wait_for 240 "the guest to be taken over" status_is b state taken-over
client_went_on stream 240
expect_only_on b
disks_right b "$guest" 400
