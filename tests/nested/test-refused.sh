#!/bin/bash
# A start that is refused says why in one message, ends with an error, and
# leaves guest and hosts as they were.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

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
    [ "$(echo "$out" | grep -c error:)" -eq 1 ] ||
        fail "$*: more than one error line: $out"
    echo "    $(echo "$out" | grep error: | cut -c -140)"
}

plain="-s /usr/lib/testbed/plain-shell"

progress "what the primary refuses"
refused 'does not exist|no domain' "xl-colo-start $plain nosuch b"
refused 'Domain-0|HVM' "xl-colo-start $plain Domain-0 b"
refused 'interval' "xl-colo-start $plain -i nonsense $guest b"
refused 'secondary|nosuchhost|connect' \
    "xl-colo-start $plain $guest nosuchhost"
refused 'not found|127' "xl-colo-start -s /nonexistent $guest b"

guest_create a disk 'disk=["/tmp/disk.img,raw,xvda,w"]' || true
if guest_is a disk; then
    refused 'writable disk' "xl-colo-start $plain disk b"
    on a 'xl destroy disk'
fi
guest_create a pci xen_platform_pci=1
refused 'platform PCI' "xl-colo-start $plain pci b"
on a 'xl destroy pci'

progress "what the secondary refuses"
guest_create b "$guest"
refused "b: .*$guest" "xl-colo-start $plain $guest b"
on b "xl destroy $guest"
guest_create b big memory=900
refused 'b: not enough free memory' "xl-colo-start $plain $guest b"
on b "xl destroy big"

progress "the guest is as it was"
[ "$(on a "xl domid $guest")" = "$before" ] || fail "the guest is another"
copy_is_gone || fail "a copy is left on b"
expect_only_on a
