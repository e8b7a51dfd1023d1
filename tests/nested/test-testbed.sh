#!/bin/bash
# The bed itself: hosts, commands in them, the wire, a guest whose lines are
# seen, whose memory is checked, which moves and ends when it is told to.

. "$(dirname "$0")/lib.sh"

need_testbed
hosts_up 2

# ---- commands ----

[ "$(on a 'hostname; echo noise >&2' 2>/dev/null)" = a ] ||
    fail "the output of a command in a"
on b 'exit 7'
[ $? -eq 7 ] || fail "the exit status of a command in b"
on_deadline 2 a 'sleep 90'
[ $? -eq 124 ] || fail "the deadline of a command"
[ -z "$(on a 'pidof sleep')" ] || fail "a command outlived its deadline"
on a 'sleep 8' &
sleeper=$!
on_deadline 5 a true || fail "two commands at a time"
wait "$sleeper" || fail "the longer of two commands"

echo something >"$RUNDIR/pushed"
bed push --host b "$RUNDIR/pushed" /tmp/there || fail "push"
bed pull --host b /tmp/there "$RUNDIR/pulled" || fail "pull"
cmp "$RUNDIR/pushed" "$RUNDIR/pulled" || fail "push and pull"

# As with ssh, the end of each stream is seen at once, each way.
[ "$(on a "printf abc | $plain_shell b 'cat; exec >&-; echo end >&2; sleep 1' \
    2>&1")" = abcend ] || fail "the streams of plain-shell"
on a "$plain_shell b 'exit 5'"
[ $? -eq 5 ] || fail "the exit status of plain-shell"
progress "commands work"

# ---- a guest ----

guest_create a g1
progress "guest created"
guest_runs a g1
progress "guest runs on a: $(guest_last a g1)"

on_deadline 300 a xl migrate -s "$plain_shell" g1 b 2>"$RUNDIR/migrate.log" ||
    fail "xl migrate: $(tail -n 3 "$RUNDIR/migrate.log")"
progress "guest migrated to b over plain-shell"
guest_runs b g1
guest_is_gone a g1 || fail "the guest is on both hosts"
progress "guest runs on b: $(guest_last b g1)"

# Ssh is slow here: only an idle guest is ever copied whole.
guest_send b g1 i
ssh_up b a
on_deadline 300 b xl migrate g1 a 2>"$RUNDIR/migrate.log" ||
    fail "xl migrate: $(tail -n 3 "$RUNDIR/migrate.log")"
progress "guest migrated back to a over ssh"
guest_send a g1 g
guest_runs a g1

# ---- its checker, and its ends ----

guest_send a g1 b
wait_for 30 "report of a broken page" \
    grep -q "BROKEN page" "$RUNDIR/a/log/g1.serial"
progress "guest noticed a broken page"
starts() { guest_lines a g1 | grep -c started; }
started_again() { [ "$(starts)" -gt "$1" ]; }
guest_send a g1 r
wait_for 60 "guest that is started again" started_again "$(starts)"
guest_send a g1 c
wait_for 60 "end of the guest" guest_is_gone a g1
# Its log has another name after a migration.
grep -q "reason code 3" "$RUNDIR"/a/log/xl-g1*.log || fail "guest's crash"
guest_create a g2
guest_runs a g2
guest_send a g2 p
wait_for 60 "power off" guest_is_gone a g2
progress "guest reboots, crashes and powers off"

# ---- the wire, and the hosts ----

on a 'ping -c 1 -W 2 b >/dev/null' || fail "the wire before it is cut"
bed cut
on a 'ping -c 1 -W 2 b >/dev/null' && fail "the cut wire"
bed join
wait_for 20 "answer over the mended wire" on a 'ping -c 1 -W 1 b >/dev/null'
host_freeze b
on a 'ping -c 1 -W 2 b >/dev/null' && fail "a frozen host answers"
host_thaw b
on b true || fail "a thawed host"
on_deadline 60 b 'sleep 50' &
host_kill b
wait $!
[ $? -eq 255 ] || fail "a command in a killed host"
on b true
[ $? -eq 255 ] || fail "a killed host answers"
on a true || fail "the other host"
progress "wire and hosts fail as they are told"
