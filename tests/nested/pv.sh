# What the tests of guests with PV drivers share; sourced after colo.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # guest is colo.sh's

# pv_value HOST KEY: balls, beats or lines, as the guest last said; see
# guests/pv.c.
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

pv_is_beyond() { [ "$(pv_value "$1" "$2")" -gt "$3" ]; }

# console_says HOST TEXT: what xenconsoled has read of the guest's PV console.
console_says() {
    grep -qa "$2" "$RUNDIR/$1/log/guest-$guest"*.log
}

# pv_works HOST [SECONDS]: timers and calls between processors, xenstore and
# the console go on there.
pv_works() {
    local host=$1 deadline=$((SECONDS + ${2:-60})) key
    declare -A before
    for key in balls beats lines; do
        before[$key]=$(pv_value "$host" "$key")
    done
    for key in balls beats lines; do
        until pv_is_beyond "$host" "$key" $((before[$key] + 1)); do
            [ "$SECONDS" -lt "$deadline" ] || {
                echo "no $key on $host after ${before[$key]}" >&2
                return 1
            }
            sleep 0.5
        done
    done
    # A line that was written to the ring after that arrives, too.
    local line=$((before[lines] + 1))
    until console_says "$host" "console: line $line"; do
        [ "$SECONDS" -lt "$deadline" ] || {
            echo "xenconsoled on $host does not get line $line" >&2
            return 1
        }
        sleep 0.5
    done
}

# clock_went_on: the guest's clocks, on b as they were on a.
clock_went_on() {
    if guest_lines b "$guest" | grep "clock went back"; then
        return 1
    fi
    guest_lines b "$guest" | grep '^clock:' | awk '
        { split($2, m, "="); split($3, r, "=")
          if (m[2] < last) { print "monotonic back: " last " " m[2]; bad = 1 }
          last = m[2]; drift = r[2] - m[2] }
        END { exit bad }'
}
