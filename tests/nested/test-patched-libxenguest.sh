#!/bin/bash
# test-patched-libxenguest.sh [4.20]: Debian 12's libxenguest with our series,
# on both hosts, and our work-around for F3, which the series mends, switched
# off: first without the series, where that goes wrong, then with it. F2 is not
# in 4.17; switching its work-around off as well shows that nothing leans on it.
#
# With the argument the hosts are of Debian 13. Their Xen 4.20 has F2 as well,
# by which the unpatched run is stopped first.
release=${1:-4.17}
case $release in
4.17) BED_PROFILE=bookworm within=40 wrong='verification of checkpoint [0-9]+: .* differ' ;;
4.20) BED_PROFILE=trixie within=5 wrong='where a dirty list belongs|does not ascend' ;;
esac
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

need_testbed
progress "building libxenguest"
patched=$("$nested/build-patched" "$BED_PROFILE" libxenguest) || exit
cp -a "$patched" "$SHARE/patched"

progress "our program knows the library's dirty lists in parts"
test_program=$XL_COLO_BUILD/tests/unit/test-guest_library
if [ $release = 4.17 ] && [ -x "$test_program" ]; then
    XL_COLO_GUEST_LIBRARY_PATCHED=1 \
        LD_LIBRARY_PATH=$patched/usr/lib/x86_64-linux-gnu \
        "$test_program" >"$RUNDIR/guest_library.out" 2>&1 ||
        fail "$(cat "$RUNDIR/guest_library.out")"
fi

colo_up

progress "unpatched, --without=f2,f3: must go wrong"
must_go_wrong f2,f3 "$within" "$wrong"

progress "patched, --without=f2,f3: every page compared"
put_on a patched
put_on b patched
colo_start --verify -i 500 --without=f2,f3 || fail "xl-colo-start"
wait_for 150 "10 checkpoints" checkpoints_reach a 11
show_figures a
[ "$(status a verified-checkpoints)" -ge 11 ] ||
    fail "checkpoints were taken that nobody compared"
status_is a state protecting || fail "not protecting: $(status a ended)"
on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
expect_only_on a
