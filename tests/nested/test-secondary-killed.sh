#!/bin/bash
# The secondary's host dies: the guest goes on on the primary, unprotected, and
# the status says so. Then the same with a host that only falls silent.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up
colo_start -i 200 || fail "xl-colo-start"
wait_for 120 "3 checkpoints" checkpoints_reach a 4

progress "killing host b"
host_dies b
wait_for 60 "a to notice" status_is a state unprotected
progress "noticed after $(($(now_ms) - killed_at)) ms"
on a "xl-colo-status $guest"
case $(status a ended) in
"secondary lost"*) ;;
*) fail "the status does not say that the secondary was lost" ;;
esac
[ "$(status a warning)" != null ] ||
    fail "no warning that the secondary may have taken over"
guest_runs a "$guest"
