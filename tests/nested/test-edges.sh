#!/bin/bash
# The edges of a session: signals that an admin does not mean for it, the wire
# cut under a stop, a secondary that was asleep, a guest or a copy that others
# destroy or save, a failover that the fence forbids. Never do two guests run
# without a word, and never does none.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

protect() {
    colo_start -i 500 "$@" || fail "xl-colo-start"
    wait_for 120 "2 checkpoints" checkpoints_reach a 3
}

# domain_stands HOST NAME: its vCPUs do not run, paused or suspended.
domain_stands() {
    on "$1" "xl list $2" | grep -Eq ' (--p|---s|--ps)[a-z-]* '
}

colo_up

progress "signals that are meant for a terminal's programs"
protect
before=$(status a checkpoints)
for signal in HUP USR1 USR2 ALRM XFSZ; do
    on a "kill -$signal \$(pidof xl-colo-start)" || fail "no process on a"
    on b "kill -$signal \$(pidof xl-colo-receive)" || fail "no process on b"
done
wait_for 60 "checkpoints after that" checkpoints_reach a $((before + 3))
status_is b state protecting || fail "b does not protect any more"

progress "a session that ends by TERM and HUP, as logind ends one"
on a 'p=$(pidof xl-colo-start); kill -TERM $p; kill -HUP $p'
wait_for 30 "a to be unprotected" status_is a state unprotected
wait_for 30 "the copy to be gone" copy_is_gone
expect_only_on a

progress "xl-colo-stop over a wire that is cut"
protect --fence "'test -e /tmp/primary-is-off'"
bed cut
if out=$(on a "xl-colo-stop $guest" 2>&1); then
    fail "all is well, says xl-colo-stop: $out"
fi
echo "$out" | sed 's/^/    /'
grep -q 'confirm' <<<"$out" || fail "it does not say what is not known"
guest_runs a "$guest" 120
wait_for 60 "b to ask for the fence" status_is b state fencing
domain_stands b "$guest--incoming" || fail "the copy runs without a yes"

progress "a failover that the fence forbids"
bed join
on b "xl-colo-stop $guest" || fail "cannot give the copy up"
wait_for 60 "the copy to be gone" copy_is_gone
expect_only_on a
protect --fence "'test -e /tmp/primary-is-off'"
bed cut
# In the moment at which nobody knows yet that the wire is cut.
on_deadline 20 b "xl-colo-failover -t 5 $guest" && fail "it went through"
wait_for 60 "b to ask for the fence" status_is b state fencing
domain_stands b "$guest--incoming" || fail "the copy runs without a yes"
wait_for 60 "a to notice" status_is a state unprotected
guest_runs a "$guest" 120
bed join
on b "xl-colo-stop $guest" || fail "cannot give the copy up"
wait_for 60 "the copy to be gone" copy_is_gone

progress "a secondary that was asleep has no healthy primary fenced"
protect --fence "'touch /tmp/fence-was-run'"
host_freeze b
wait_for 60 "a to notice" status_is a state unprotected
host_thaw b
guest_runs a "$guest" 120
sleep 8  # longer than b's timeout, in which it could have done it
on b 'test ! -e /tmp/fence-was-run' || fail "b had the primary fenced"
if guest_is b "$guest"; then
    fail "b took over"
fi
on b "xl-colo-stop $guest" >/dev/null 2>&1
wait_for 60 "the copy to be gone" copy_is_gone
expect_only_on a

progress "the copy's dirty log is taken by an xl save on b"
protect
on b "xl save -c $guest--incoming /dev/null" >/dev/null 2>&1
wait_for 120 "a to be unprotected" status_is a state unprotected
status a ended | sed 's/^/    /'
wait_for 60 "the copy to be gone" copy_is_gone
expect_only_on a

for how in destroy save; do
    progress "xl $how of the protected guest"
    protect
    case $how in
    destroy) on a "xl destroy $guest" ;;
    save) on a "xl save $guest /dev/null" >/dev/null 2>&1 ;;
    esac
    wait_for 60 "the guest to be gone" guest_is_gone a "$guest"
    wait_for 60 "the copy to be gone" copy_is_gone
    guest_is_gone b "$guest" || fail "b took over a guest that was ended"
    guest_create a "$guest"
    guest_runs a "$guest"
done
