#!/bin/bash
# Debian's xl with our series, in place of the host's own: the commands of this
# program are xl's. What xl itself had stays as it was.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

need_testbed
progress "building xl"
patched=$("$nested/build-patched" bookworm xl) || exit
cp -a "$patched" "$SHARE/patched"

colo_up
stock=/tmp/stock-xl
on a "cp /usr/lib/xen-4.17/bin/xl $stock"
put_on a patched
put_on b patched

# says HOST PATTERN COMMAND...: it succeeds, and its output has that.
says() {
    local out
    out=$(on "$1" "${@:3}" 2>&1) || fail "${*:3}: $out"
    grep -Eq -- "$2" <<<"$out" || fail "${*:3}: no $2 in: $out"
}

progress "xl finds the commands where make install puts them"
for word in failover start status stop; do
    says a "^ colo-$word +External subcommand" xl help
done
says a '^xl colo-start runs .*/xl-colo-start, see' xl help colo-start
[ "$(on a xl colo-start --help)" = "$(on a xl-colo-start --help)" ] ||
    fail "xl colo-start --help is not the command's own help"

progress "xl's own commands and errors are as they were"
guest_config g2
says a 'Parsing config' 'xl cre /share/g2.cfg'
guest_is a g2 || fail "a prefix of xl create does not create"
says a "^g2 " 'xl li g2'
on a 'xl dest g2' || fail "a prefix of xl destroy"
for word in frobnicate colo-star c ./colo-start; do
    for xl in xl "$stock"; do
        on a "$xl $word; echo \$?" >"$RUNDIR/unknown.$(basename $xl)" 2>&1
    done
    cmp "$RUNDIR"/unknown.* ||
        fail "xl $word: $(cat "$RUNDIR/unknown.xl")"
done
sed 's/^/    /' "$RUNDIR/unknown.xl"

progress "global options reach a command"
cat >"$SHARE/xl-options" <<'END'
#!/bin/sh
echo "$* $XL_VERBOSE $XL_FORCE $XL_PROGRESS_USE_CR $XL_TIMESTAMPS"
END
on a 'cp /share/xl-options /usr/lib/xen/xl-plugins &&
    chmod +x /usr/lib/xen/xl-plugins/xl-options'
says a '^-x y 2 1 0 1$' xl -vvf -T options -x y
says a '^z 0 0 1 0$' xl -t options z
out=$(on a xl -N options z 2>&1) && fail "xl -N runs a command: $out"
grep -q 'does not implement -N' <<<"$out" || fail "xl -N: $out"

progress "xl colo-start protects a guest"
on_deadline 180 a "xl colo-start -s $plain_shell --timeout 5 -i 500 --verify \
    $guest b" || fail "xl colo-start"
wait_for 120 "3 checkpoints" checkpoints_reach a 4
for host in a b; do
    says $host "^$guest " xl colo-status
    [ "$(on $host "xl colo-status --json $guest" | head -c 1)" = '[' ] ||
        fail "xl colo-status --json on $host"
done
on a xl colo-status
on_deadline 60 a "xl colo-stop $guest" || fail "xl colo-stop"
wait_for 20 "the copy to be gone" copy_is_gone
expect_only_on a
