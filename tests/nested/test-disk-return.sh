#!/bin/bash
# A guest with two disks on DRBD, and hosts that come and go: the secondary dies,
# comes back and gets what it has missed; an admin has the guest go over to it,
# and it is protected from there, by the host that it came from; then it goes back,
# because that one dies. DRBD finds each direction by itself. The stores are files.
BED_GUEST=${BED_GUEST:-linux-disk}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit

# protect PRIMARY SECONDARY
protect() {
    # shellcheck disable=SC2034 # colo_start's
    primary=$1 secondary=$2
    colo_start -i 1000 -t 40 --accept-split-brain --disk-store=file ||
        fail "xl-colo-start on $1"
    wait_for 400 "3 checkpoints" checkpoints_reach "$1" 4
}

# returns HOST: it boots, as after a power failure, and its DRBD is up again.
returns() {
    host_boots "$1"
    put_on "$1" "root-$BED_PROFILE"
    disks_up_on "$1"
    dead=
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest"
disks_state a >"$RUNDIR/disks-a"

progress "the secondary dies: the guest goes on, and so do its writes"
protect a b
host_dies b
wait_for 120 "a to notice" status_is a state unprotected
disks_right a "$guest"
expect_only_on a

progress "it comes back, and gets what it has missed"
returns b
disks_wait a
diff "$RUNDIR/disks-a" <(disks_state a) ||
    fail "the disks of a are not as they were"

progress "xl-colo-failover, the disks with the guest"
protect a b
on_deadline 180 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 60 "b to take over" status_is b state taken-over
wait_for 60 "a to give its guest up" guest_is_gone a "$guest"
disks_right b "$guest"
expect_only_on b
disks_merged b
disks_wait b

progress "protected from there, and back because b dies"
# What the guest said when it was there before is no news.
on a "rm /var/log/xen/guest-$guest*.log" || fail "no log of the guest on a"
protect b a
host_dies b
wait_for 240 "the guest to be taken over" status_is a state taken-over
disks_right a "$guest"
expect_only_on a
disks_merged a
returns b
disks_wait a
disks_right a "$guest"
