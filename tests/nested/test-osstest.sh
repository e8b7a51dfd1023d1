#!/bin/bash
# OSSTest's job test-colo, as tests/osstest/ has it: its recipe step by step, from
# the package's installation to the loss of a host, by the scripts that would do
# it there, over a stand-in for OSSTest's functions. The guest has a disk and a
# network card.
BED_GUEST=linux-disk
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"
. "$(dirname "$0")/disk.sh"

osstest=$nested/../osstest
guest_disks="\"phy:/dev/bed/$guest-disk,xvda,w\""

command -v tclsh >/dev/null || skip "no tclsh (Debian package tcl)"
need_package
need_testbed
hosts_up 2
load_filters
for host in a b; do
    on $host 'modprobe -a virtio_blk brd dm-snapshot drbd loop xen-blkback' ||
        fail "no modules for disks on $host"
done

# The job's variables. An emulated host's ssh does not keep up with a guest that
# writes to its disk all the time.
mkdir "$RUNDIR/osstest"
guest_config "$guest"
cat >"$RUNDIR/osstest/runvars" <<END
src_host=a
src_host_ip=10.76.0.1
dst_host=b
dst_host_ip=10.76.0.2
colo_deb=$XL_COLO_DEB
debianhvm_hostname=$guest
debianhvm_cfgpath=/share/$guest.cfg
debianhvm_ip=$guest_address
debianhvm_vg=bed
debianhvm_disk_lv=$guest-disk
debianhvm_colo_options=-s $plain_shell -t 40 --accept-split-brain
END

progress "recipe test-colo"
BED_RUNDIR=$RUNDIR OSSTEST_JOB=test-colo "$osstest/run-recipe" test-colo ||
    fail "a step of the recipe"

progress "what the recipe cannot see: memory and disk are right"
guest_runs b "$guest"
guest_lines b "$guest" | grep '^disk: xvda writes=' | tail -n 1 | sed 's/^/    /'
if wrong=$(guest_lines b "$guest" | grep '^disk: .*BROKEN'); then
    fail "the guest has wrong disks: $(head -n 3 <<<"$wrong")"
fi
[ -z "$(on b 'ls /dev/mapper' | grep kept)" ] || progress "still merging"
