# What the tests of guests with PV drivers share; sourced after colo.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # guest is colo.sh's

pv_round=0  # what the guest was told last

# pv_value HOST KEY: balls, beats, lines, heard or poked, as the guest last said
# it; see guests/pv.c.
pv_value() {
    local word
    for word in $(guest_lines "$1" "$guest" | grep '^pv: balls' | tail -n 1); do
        if [ "${word%%=*}" = "$2" ]; then
            echo "${word#*=}"
            return
        fi
    done
    echo 0
}

pv_says() { [ "$(pv_value "$1" "$2")" = "$3" ]; }

pv_is_beyond() { [ "$(pv_value "$1" "$2")" -gt "$3" ]; }

# console_says HOST TEXT: what xenconsoled has read of the guest's PV console.
console_says() {
    grep -qa "$2" "$RUNDIR/$1/log/guest-$guest"*.log
}

# pv_works HOST [SECONDS]: timers and calls between processors, xenstore and
# the console go on there; a watch fires, and what "xl console" sends arrives.
pv_works() {
    local host=$1 deadline=$((SECONDS + ${2:-60})) key
    declare -A before
    for key in balls beats lines; do
        before[$key]=$(pv_value "$host" "$key")
    done
    for key in balls beats lines; do
        await $((deadline - SECONDS)) \
            pv_is_beyond "$host" "$key" $((before[$key] + 1)) || {
            echo "no $key on $host after ${before[$key]}" >&2
            return 1
        }
    done
    # A line that was written to the ring after that arrives, too; earlier ones
    # may have been another host's.
    local line=$(($(pv_value "$host" lines) + 1))
    await $((deadline - SECONDS)) \
        console_says "$host" "console: line $line" || {
        echo "xenconsoled on $host does not get line $line" >&2
        return 1
    }
    pv_round=$((pv_round + 1))
    on "$host" "domid=\$(xl domid $guest)
        xenstore-write /local/domain/\$domid/data/poke $pv_round
        { echo $pv_round; sleep 2; } | timeout 5 \
            /usr/lib/xen-*/bin/xenconsole --interactive --type pv \$domid \
            >/dev/null" || true
    for key in poked heard; do
        await $((deadline - SECONDS)) pv_says "$host" $key $pv_round || {
            echo "not $key on $host: $pv_round" >&2
            return 1
        }
    done
}

# all_acknowledged: at each checkpoint the guest on a took the request to
# suspend; says how long that took at most.
all_acknowledged() {
    on a "xl-colo-status --json $guest" | python3 -c '
import json, sys
took = [c["acknowledge-us"] for c in json.load(sys.stdin)[0]["recent"]]
if not took or None in took:
    sys.exit(f"not acknowledged: {took}")
print(f"    {len(took)} acknowledged, after {max(took) // 1000} ms at most")
'
}

# clock_lines HOST: whole ones only; the workload writes to the same line.
clock_lines() {
    guest_lines "$1" "$guest" |
        grep -E '^clock: monotonic=[0-9]+ realtime=[0-9]{13}$'
}

# clocks_differ SECONDS: b has been up for less long than a, and its wall clock
# is so far ahead of a's. Nothing may take the guest's clocks back for that.
clocks_differ() {
    progress "b is up for 20 s less, and its clock $1 s ahead"
    host_doze b 20 || fail "b does not stand still"
    on b "date -s @\$((\$(date +%s) + $1)) >/dev/null" || fail "date on b"
}

# clocks_went_on: on b, where its copies ran since protection began, no clock of
# the guest ever went back. Says how far off its wall clock is.
clocks_went_on() {
    local wall off
    wall=$(on b 'date +%s')
    off=$(clock_lines b | tail -n 1 |
        sed "s/.*realtime=\([0-9]*\)[0-9]\{3\}\$/\1 - $wall/")
    progress "wall clock: $((off)) s off the host's"
    if guest_lines b "$guest" | grep "clock went back"; then
        return 1
    fi
    if [ "$(clock_lines b | wc -l)" -lt 5 ]; then
        echo "the guest has hardly said what its clocks show" >&2
        return 1
    fi
    clock_lines b | awk '
        { split($2, m, "="); split($3, r, "=")
          if (m[2] < monotonic || r[2] < realtime) {
              print "back: " monotonic " " realtime " to " m[2] " " r[2]
              bad = 1
          }
          monotonic = m[2]; realtime = r[2] }
        END { exit bad }'
}

# reboots HOST: "xl reboot" there, up to the new domain's first lines.
reboots() {
    local host=$1 before seconds
    before=$(on "$host" "xl domid $guest")
    seconds=$(guest_value "$host" "$guest" seconds)
    on "$host" "xl reboot $guest" || fail "xl reboot"
    wait_for 90 "the guest to be started anew" has_new_domid "$host" "$before"
    wait_for 90 "the guest's first lines" begins_anew "$host" "$seconds"
}

has_new_domid() {
    local now
    now=$(on "$1" "xl domid $guest") 2>/dev/null && [ "$now" != "$2" ]
}

# begins_anew HOST SECONDS: the old one's lines, up to that, do not count.
begins_anew() {
    local now
    now=$(guest_value "$1" "$guest" seconds)
    [ "$now" -ge 3 ] && [ "$now" -lt "$2" ]
}
