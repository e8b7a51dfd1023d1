#!/bin/bash
# "From nothing to a protected guest" in xl-colo(7): each of its commands, in
# order, on the hosts that it is for, as a person would copy it. What hosts of
# the bed lack is stood in for by the scripts below, by the command's own name;
# the guest is one of the bed's and not installed from a CD-ROM, with the disk
# and the card of the manual's.
BED_GUEST=linux-pv-disk
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

manual=$nested/../../docs/man/xl-colo.7.pod
guest=web1
guest_disks='"phy:/dev/vg0/web1,xvda,w"'

# step N: the commands of step N, those without a blank line between them in one
# piece. A line that ends in a backslash goes on.
step() {
    perl -00 -ne '
        $in = $1 == '"$1"' if /^=item (\d+)\. /;
        last if /^=back/ && $begun;
        $begun ||= /^=head1 FROM NOTHING/;
        print if $begun && $in && /^    /' "$manual" | sed 's/^    //'
}
# command N PATTERN: the one of step N that matches.
command_of() {
    local found
    found=$(step "$1" | perl -pe 's/\\\n//' | grep -E "$2") ||
        fail "step $1 has no \"$2\""
    printf '%s\n' "${found%%  *#*}"
}
# types HOST COMMAND...: says it, and does it.
types() {
    printf '    %s# %s\n' "$1" "${*:2}"
    on_deadline 400 "$1" "PATH=/share/stand-ins:\$PATH; ${*:2}"
}

need_package
need_testbed

# What a command of that name does on these hosts.
stand_in() {
    mkdir -p "$SHARE/stand-ins"
    {
        printf '#!/bin/sh\n'
        cat
    } >"$SHARE/stand-ins/$1"
    chmod 755 "$SHARE/stand-ins/$1"
}
# Of packages, all but ours are in the image.
stand_in apt <<'END'
for word; do
    case $word in
    ./*.deb) exec dpkg --force-bad-path --ignore-depends=openssh-client \
        -i /share/xl-colo.deb ;;
    esac
done
END
stand_in lvcreate <<'END'
[ "$*" = "-L 10G -n web1 vg0" ] || exit
mkdir -p /dev/vg0
dmsetup create vg0-web1 --table '0 16384 linear /dev/vda 0' &&
    ln -s /dev/mapper/vg0-web1 /dev/vg0/web1
END
stand_in systemctl <<'END'
# enable --now xl-colo@GUEST: as the unit says, without systemd.
case $* in
"enable --now xl-colo@"*)
    xl-colo-keep "/etc/xl-colo/${3#xl-colo@}.conf" \
        >/var/log/xen/keep.log 2>&1 </dev/null &
    ;;
*) exit 1 ;;
esac
END
stand_in ssh-keygen <<'END'
for file; do :; done
mkdir -p /root/.ssh
dropbearkey -t ed25519 -f /root/.ssh/id_dropbear >/dev/null 2>&1 &&
    dropbearkey -y -f /root/.ssh/id_dropbear | grep ^ssh- >"$file.pub"
END

hosts_up 2
load_filters
for host in a b; do
    domain0_first $host
    on $host 'modprobe -a virtio_blk brd dm-snapshot loop xen-blkback' ||
        fail "no modules for disks on $host"
done

progress "step 1: Xen and xl-colo"
cp "$XL_COLO_DEB" "$SHARE/xl-colo.deb"
number=1
for host in a b; do
    types $host "$(command_of 1 '^apt install xen')" || fail "apt on $host"
    types $host "$(command_of 1 '^apt install ./')" || fail "dpkg on $host"
    # The bridge is there; its address is one more of the wire's.
    on $host "ip addr add 192.0.2.$number/24 dev eth1" || fail "no address"
    number=$((number + 1))
    step 1 | grep -E '^192\.0\.2\.' >"$SHARE/hosts"
    # The witness of step 5 is a third machine, which here is host b.
    echo '192.0.2.2 gamma' >>"$SHARE/hosts"
    on $host 'cat /share/hosts >>/etc/hosts' || fail "no names"
done
on a 'hostname alpha' && on b 'hostname beta' || fail "no names"
types a "$(command_of 1 '^xl info')" | grep -q . || fail "xl info"

progress "step 2: root's way from one to the other"
for host in a b; do
    other=b
    [ $host = b ] && other=a
    types $host "$(command_of 2 '^ssh-keygen')" || fail "ssh-keygen on $host"
    types $host "$(command_of 2 '^cat /root/.ssh')" >"$RUNDIR/key" ||
        fail "no key"
    grep '^ssh-' "$RUNDIR/key" >"$SHARE/key"
    on $other 'mkdir -p /root/.ssh && chmod 700 /root /root/.ssh &&
        cat /share/key >>/root/.ssh/authorized_keys' || fail "no login"
    on $other 'mkdir -p /etc/dropbear && dropbear -R -s -W 1048576' ||
        fail "no ssh server"
done
types a "$(command_of 2 '^ssh beta xl-colo-status')" | tee "$RUNDIR/said"
grep -q 'no domain is protected' "$RUNDIR/said" || fail "it says something else"

progress "step 3 and 4: a disk, and a guest"
for host in a b; do
    on $host 'mkdir -p /etc/modules-load.d'
    while read -r line; do
        types $host "$line" || fail "$line"
    done < <(step 3 | grep .)
done
wanted=$(step 4 | perl -0777 -ne 'print "disk = [ $1 ]\n" if /disk = \[ (.*?),\n/;
    print "$&\n" if /^vif = .*$/m')
[ "$(wc -l <<<"$wanted")" = 2 ] || fail "step 4 has no devices: $wanted"
grep -qF "$guest_disks" <<<"$wanted" || fail "step 4 has another disk: $wanted"
guest_create a "$guest"
wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
wait_for 120 "answer of the guest to c" guest_answers
guest_runs a "$guest" 300

progress "step 5: protected, and moved by command"
types a "$(command_of 5 '^xl-colo-start --accept')" || fail "xl-colo-start"
types a "$(command_of 5 '^xl-colo-status')" | tee "$RUNDIR/status"
grep -q protecting "$RUNDIR/status" || fail "it is not protected"
types a "$(command_of 5 '^ssh gamma mkdir')" || fail "no folder for claims"
types a "$(command_of 5 '^xl-colo-stop')" || fail "xl-colo-stop"
types a "$(command_of 5 '^xl-colo-start --witness')" || fail "xl-colo-start"
wait_for 240 "2 checkpoints" checkpoints_reach a 3
types b "$(command_of 5 '^xl-colo-failover')" || fail "xl-colo-failover"
wait_for 60 "b to take over" status_is b state taken-over
wait_for 120 "a to give its guest up" guest_is_gone a "$guest"
guest_runs b "$guest" 300
wait_for 120 "answer of the guest to c" guest_answers

progress "step 6: from boot on"
for host in a b; do
    peer=beta
    [ $host = b ] && peer=alpha
    step 6 | grep -E '^[a-z]+ = ' | sed "s/^host = .*/host = $peer/" \
        >"$SHARE/$guest.conf"
    on $host "cp /share/$guest.conf /etc/xl-colo/" || fail "no file on $host"
    types $host "$(command_of 6 '^systemctl enable')" || fail "no service"
done
wait_for 400 "protection from b" status_is b state protecting
guest_runs b "$guest" 300
if wrong=$(guest_lines b "$guest" | grep '^disk: .*BROKEN'); then
    fail "the guest has wrong disks: $(head -n 3 <<<"$wrong")"
fi
