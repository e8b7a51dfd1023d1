#!/bin/bash
# "xl save -c" of a protected guest takes its dirty log from us: protection ends
# and says so, and the guest goes on, where the copy would silently be wrong. Its
# QEMU is told to log no more by both, in either order, and aborted by that.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up

# saved_between INTERVAL_MS REASON: longer than a save takes, or so short that
# checkpoints come in the middle of it.
saved_between() {
    progress "protecting the guest, a checkpoint each $1 ms"
    colo_start -i "$1" || fail "xl-colo-start"
    wait_for 120 "3 checkpoints" checkpoints_reach a 4
    progress "xl save -c"
    # It loses its log to us as well, and need not succeed.
    on a "xl save -c $guest /dev/null >/dev/null 2>&1" || progress "xl save failed"
    wait_for 60 "a to be unprotected" status_is a state unprotected
    status a ended
    status a ended | grep -Eq "$2" ||
        fail "protection ended for another reason"
    wait_for 30 "the copy to be gone" copy_is_gone
    expect_only_on a
}

taken="taken the guest's dirty log"
saved_between 5000 "$taken"
# The save may end while the guest stands for a checkpoint, and resume it, or
# have it stand when the next one comes.
saved_between 300 "$taken|runs already|(resumed|suspended) by somebody else"

progress "protection that ends before it could notice"
colo_start -i 60000 || fail "xl-colo-start"
on a "xl save -c $guest /dev/null >/dev/null 2>&1" || fail "xl save"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 30 "the copy to be gone" copy_is_gone
expect_only_on a
