#!/bin/bash
# Debian's Pacemaker and corosync have the guest, by ocf:xl-colo:guest. It is
# created and protected. A host stands still, and is turned off before anything of
# the guest runs on the other one, comes back, and is what the guest is protected
# by; first it is xl-colo that finds the loss, then corosync. Then the guest is
# moved. What the hosts have for that is in cluster/.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

other_than() { if [ "$1" = a ]; then echo b; else echo a; fi; }

# cluster_on HOST: with its /var/lib/xl-colo on something that outlives its
# memory. From b, whose timeout is longer than it takes corosync to find a loss,
# it is that which finds it.
cluster_on() {
    local timeout=20s
    [ "$1" = a ] || timeout=100s
    put_on "$1" root-cluster
    on "$1" /share/cluster/install || fail "cannot install a cluster on $1"
    cat >"$SHARE/$1.conf" <<END
host = $(other_than "$1")
fence = stonith_admin --fence $1 --tolerance 120 --tag xl-colo
interval = 500ms
timeout = $timeout
output = commit
ssh-command = $plain_shell
END
    on "$1" "mkdir -p -m 700 /host/state /var/lib/xl-colo /etc/xl-colo &&
        mount --bind /host/state /var/lib/xl-colo &&
        cp /share/$1.conf /etc/xl-colo/$guest.conf" || fail "no files on $1"
}

cluster_starts_on() { on "$1" /share/cluster/start || fail "no cluster on $1"; }

configure_on() {
    on "$1" "cibadmin --modify --allow-create --scope configuration \
        --xml-file /share/cluster/cib.xml" >/dev/null 2>&1
}

# role_is ASKED HOST ROLE: what the cluster knows of the guest there.
role_is() {
    on "$1" "crm_resource --locate -r $guest-clone" 2>/dev/null |
        sed 's/: [ab] *$/& Unpromoted/' | grep -q "is running on: $2  *$3"
}

score_is() {
    [ "$(on "$1" "crm_attribute -N $2 -n master-$guest -l reboot -G -q" \
        2>/dev/null)" = "$3" ]
}

# lines_of HOST PATTERN: the numbers of those of its Pacemaker's log.
lines_of() { grep -n "$2" "$RUNDIR/$1/log/pacemaker.log" | cut -d : -f 1; }
promotions_on() { lines_of "$1" "execution of promote operation for $guest"; }

# is_protected_from HOST: by its copy, and the cluster knows.
is_protected_from() {
    wait_for 400 "protection from $1" checkpoints_reach "$1" 4 2>/dev/null
    wait_for 120 "score of the copy" score_is "$1" "$(other_than "$1")" 100
    role_is "$1" "$1" Promoted || fail "$1 is not promoted"
    guest_runs "$1" "$guest"
}

# host_is_lost HOST ASKER: by whom the cluster is asked to turn it off.
host_is_lost() {
    local here step promoted off
    here=$(other_than "$1")
    step=$(guest_value "$1" "$guest" step)
    promoted=$(promotions_on "$here" | wc -l)
    wait_for 60 "next checkpoint" checkpoints_reach "$1" \
        $(($(status "$1" checkpoints) + 2))
    progress "host $1 stands still"
    host_freeze "$1"
    dead=$1
    wait_for 300 "request to turn $1 off" test -e "$SHARE/fence/$1.asked"
    progress "the cluster wants it turned off, and waits"
    guest_is_gone "$here" "$guest" || fail "two have the guest: $1 is not off"
    [ "$(promotions_on "$here" | wc -l)" = "$promoted" ] ||
        fail "$here is promoted: $1 is not off"
    host_kill "$1"
    rm "$SHARE/fence/$1.asked"
    touch "$SHARE/fence/$1.off"

    # While it is being promoted it is "Promoted" for the cluster.
    wait_for 300 "guest on $here" guest_is "$here" "$guest"
    wait_for 300 "promoted guest on $here" role_is "$here" "$here" Promoted
    expect_only_on "$here"
    [ "$(guest_value "$here" "$guest" step)" -gt "$step" ] ||
        fail "the guest is not the one that was protected"
    off=$(lines_of "$here" "Operation 'off' targeting $1 by")
    [ "$(wc -w <<<"$off")" = 1 ] || fail "$1 was not turned off once: $off"
    promoted=$(promotions_on "$here" | tail -n 1)
    sed -n "$off p; $promoted p" "$RUNDIR/$here/log/pacemaker.log" |
        cut -c -160 | sed 's/^/    /'
    [ "$off" -lt "$promoted" ] || fail "promoted before $1 was off"
    sed -n "$off p" "$RUNDIR/$here/log/pacemaker.log" | grep -q "for .*$2" ||
        fail "it was not $2 that had $1 turned off"
    rm "$SHARE/fence/$1.off"
}

host_returns() {
    progress "host $1 is booted"
    host_boots "$1"
    dead=
    domain0_first "$1"
    put_on "$1" "root-$BED_PROFILE"
    cluster_on "$1"
    cluster_starts_on "$1"
    is_protected_from "$(other_than "$1")"
    role_is "$1" "$1" Unpromoted || fail "no instance on $1"
}

need_testbed
"$nested/build-cluster" "$BED_PROFILE" "$SHARE/root-cluster" || exit
cp -a "$nested/cluster" "$SHARE/"
mkdir "$SHARE/fence"
colo_hosts_up
guest_config "$guest"
for host in a b; do
    domain0_first $host
    cluster_on $host
done

progress "the agent, as ocf-tester has it"
on_deadline 900 b "ocf-tester -v -n $guest -o guest=$guest \
    -o xl_config=/share/$guest.cfg -o shutdown_timeout=1 \
    /usr/lib/ocf/resource.d/xl-colo/guest" >"$RUNDIR/ocf-tester" 2>&1 || {
    cat "$RUNDIR/ocf-tester" >&2
    fail "ocf-tester"
}
tail -n 1 "$RUNDIR/ocf-tester" | sed 's/^/    /'

progress "the cluster starts"
for host in a b; do
    cluster_starts_on $host
done
wait_for 240 "cluster that takes its resources" configure_on a
is_protected_from a
show_figures a

host_is_lost a xl-colo
host_returns a
host_is_lost b pacemaker-controld
host_returns b

progress "the guest is moved"
step=$(guest_value a "$guest" step)
on a "crm_resource --move -r $guest-clone -N b --promoted" || fail "no move"
wait_for 300 "guest on b" guest_is b "$guest"
wait_for 300 "promoted guest on b" role_is a b Promoted
expect_only_on b
[ "$(guest_value b "$guest" step)" -gt "$step" ] ||
    fail "the guest was created anew, not moved"
[ -z "$(ls "$SHARE/fence")" ] || fail "somebody was fenced in the end"
