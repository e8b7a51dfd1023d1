#!/bin/bash
# A start that is refused says why in one message, ends with an error, and
# leaves guest and hosts as they were.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

# claim_pv GUEST: on a.
claim_pv() {
    on a "/share/claim-pv \$(xl domid $1)" || fail "claim-pv"
}

need_testbed
gcc -Wall -Wextra -Werror -o "$SHARE/claim-pv" "$nested/claim-pv.c" -lxenctrl ||
    fail "claim-pv cannot be built"
colo_up
before=$(on a "xl domid $guest")

# refused PATTERN COMMAND...: run on a.
refused() {
    local pattern=$1 out
    shift
    if out=$(on_deadline 60 a "$*" 2>&1); then
        fail "not refused: $*"
    fi
    echo "$out" | grep -Eq "$pattern" ||
        fail "$*: expected $pattern, got: $out"
    # Of ours; the shell or ssh may have its own to say.
    [ "$(echo "$out" | grep -cE '^(colo|xl-colo)')" -le 2 ] ||
        fail "$*: more than one message: $out"
    echo "    $(echo "$out" | grep -E '^(colo|xl-colo)' | tail -n 1 |
        cut -c -140)"
}

plain="-s /usr/lib/testbed/plain-shell"

progress "what the primary refuses"
refused 'no such domain' "xl-colo-start $plain nosuch b"
refused "the host's own" "xl-colo-start $plain Domain-0 b"
refused 'is not a time' "xl-colo-start $plain -i nonsense $guest b"
refused 'secondary|nosuchhost|connect' \
    "xl-colo-start $plain $guest nosuchhost"
refused 'not found|127' "xl-colo-start -s /nonexistent $guest b"

on a 'dd if=/dev/zero of=/tmp/disk.img bs=1024 count=64 2>/dev/null'
guest_create a disk \
    'disk=["format=raw,vdev=hda,access=rw,backendtype=qdisk,target=/tmp/disk.img"]'
refused 'not replicated' "xl-colo-start $plain disk b"
on a 'xl destroy disk'
guest_create a nic 'vif=["type=vif,mac=00:16:3e:00:00:01,script=/bin/true"]'
refused '00:16:3e:00:00:01' "xl-colo-start $plain nic b"
on a 'xl destroy nic'
guest_create a channel 'channel=["connection=pty,name=org.example.test"]'
refused 'org.example.test|channel' "xl-colo-start $plain channel b"
on a 'xl destroy channel'
on a 'echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd'
refused 'root' "su -s /bin/sh nobody -c 'xl-colo-start $plain $guest b'"

progress "what the secondary refuses"
guest_create b "$guest"
refused "b: .*$guest" "xl-colo-start $plain $guest b"
on b "xl destroy $guest"
guest_create a disk \
    'disk=["format=raw,vdev=hdc,devtype=cdrom,access=ro,target=/tmp/disk.img"]'
refused 'b: .*hdc.*/tmp/disk.img, which is not on this host' \
    "xl-colo-start $plain disk b"
on a 'xl destroy disk'
# Nearly all that is free; the guest's own 16 MiB and what Xen needs with
# them do not fit in the rest.
free=$(on b 'xl info' | sed -n 's/^free_memory *: //p')
guest_create b big "memory=$((free - 25))" 'maxmem='"$((free - 25))"
refused 'b: not enough free memory' "xl-colo-start $plain $guest b"
on b "xl destroy big"

# Which it goes on without, for the whole minute that it is given.
progress "a guest whose PV drivers never answer"
seconds=$(guest_value a "$guest" seconds)
claim_pv "$guest"
if colo_start >"$RUNDIR/no-answer.out" 2>&1; then
    fail "a guest that does not answer is protected"
fi
grep 'within a minute; the request was ignored' "$RUNDIR/no-answer.out" |
    cut -c 1-140 | sed 's/^/    /' | grep . || {
    cat "$RUNDIR/no-answer.out" >&2
    fail "it does not say that the guest does not answer"
}
guest_is_beyond a "$guest" seconds $((seconds + 30)) ||
    fail "the guest stood while it was waited for"
wait_for 30 "the copy to be gone" copy_is_gone

progress "the guest is as it was"
[ "$(on a "xl domid $guest")" = "$before" ] || fail "the guest is another"
copy_is_gone || fail "a copy is left on b"
expect_only_on a
