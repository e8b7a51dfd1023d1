#!/bin/bash
# For how long a guest stands until the other host keeps what its disks have, and
# what it would cost to let it go on and hold its writes in the kernel meanwhile.
# The latter is DRBD's suspend-io and resume-io, once for each disk; a program that
# does nothing is timed beside it. In one run; medians. The hosts are emulated, so
# only the ratios say anything.
#
#     bench-kept.sh [CHECKPOINTS [INTERVAL-MS]]
BED_GUEST=linux-disk
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

# shellcheck disable=SC2034 # colo_start's
output=commit
checkpoints=${1:-40}
interval=${2:-3000}

# milliseconds COMMAND: on host a, the median of so many times.
milliseconds() {
    on a "TIMEFORMAT=%R; for i in \$(seq 25); do
            bash -c 'TIMEFORMAT=%R; time { $1; } >/dev/null' 2>&1
        done" | sort -n | awk '{ t[NR] = $1 } END { print t[(NR + 1) / 2] * 1000 }'
}

colo_hosts_up
load_filters
disks_up
colo_guest_up
disks_right a "$guest" 400

held=$(milliseconds "for m in 0 1; do
    drbdsetup suspend-io \$m; drbdsetup resume-io \$m; done")
nothing=$(milliseconds "for m in 0 0 1 1; do drbdsetup show r\$m; done")
disks_right a "$guest" 400

colo_start -i "$interval" -t 40 --accept-split-brain || fail "xl-colo-start"
wait_for $((checkpoints * interval / 100)) "$checkpoints checkpoints" \
    checkpoints_reach a $((checkpoints + 1))
status_is a state protecting || fail "not protecting: $(status a ended)"
on a "xl-colo-status $guest"
disks_right a "$guest" 400

cat <<END
                                             median
the pause                                    $(status a recent-pause-us-median) us
of it, until the other host keeps the disks  $(status a recent-disk-wait-us-median) us
suspend-io and resume-io of both disks       $held ms
as many programs that change nothing         $nothing ms
END
