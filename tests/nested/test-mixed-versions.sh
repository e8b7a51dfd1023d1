#!/bin/bash
# A primary of Debian 12 (Xen 4.17) and a secondary of Debian 13 (4.20), each
# with the program built for it: protected, every page compared. The other way
# round is refused, since libxc does not read the streams of newer releases. The
# guest has PV drivers, which meet another Xen when the copy goes on.
BED_PROFILE=bookworm,trixie
BED_GUEST=linux-pv
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

colo_up
for host in a b; do
    progress "host $host runs Xen $(on $host 'xl info' |
        sed -n 's/^xen_version *: //p')"
done

progress "4.20 to 4.17 must be refused"
guest_create b g2
before=$(on b 'xl domid g2')
out=$(on_deadline 60 b "xl-colo-start -s $plain_shell g2 a" 2>&1) &&
    fail "4.20 to 4.17 was not refused"
grep -q 'runs Xen 4.17, older than this host.s 4.20' <<<"$out" ||
    fail "refused for another reason: $out"
[ "$(grep -cE '^(colo|xl-colo)' <<<"$out")" -le 2 ] ||
    fail "more than one message: $out"
grep -E '^(colo|xl-colo)' <<<"$out" | tail -n 1 | sed 's/^/    /'
[ "$(on b 'xl domid g2')" = "$before" ] || fail "the guest is another"
guest_is_gone a g2--incoming || fail "a copy is left on a"
guest_runs b g2
on b 'xl destroy g2'

progress "4.17 to 4.20, every page compared"
colo_start --verify -i 500 || fail "xl-colo-start"
wait_for 150 "10 checkpoints" checkpoints_reach a 11
show_figures a
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
status_is a state protecting || fail "not protecting: $(status a ended)"
progress "failover by command: the guest moves to the newer Xen"
on_deadline 60 b "xl-colo-failover $guest" || fail "xl-colo-failover"
wait_for 30 "b to take over" status_is b state taken-over
expect_only_on b
