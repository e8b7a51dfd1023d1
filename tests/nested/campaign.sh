#!/bin/bash
# campaign.sh [ROUNDS [SEED]]: two real hosts, and in each round something dies at
# a random moment: the process that protects the guest, the one that has its
# copy, or what joins the two. Then the guest must run on one host, its memory
# right, and on the other there is none that runs. Both hosts have a folder for
# a witness in common.
#
# Not one of the tests that check-nested runs: make check-nested-campaign
# ROUNDS=200. A round takes about a minute on two idle cores. A failed one is
# told with its number, victim and moment, and does not end the campaign; the
# last line is "N passed, N failed".
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

rounds=${1:-20}
RANDOM=${2:-1}
passed=0 failed=0

# domain_of HOST: the guest there, by whatever name; nothing if there is none.
domain_of() {
    local name
    for name in "$guest" "$guest--incoming"; do
        if guest_is "$1" "$name"; then
            echo "$name"
            return
        fi
    done
}

# stands HOST: there is no guest there, or it is paused or suspended.
stands() {
    local name
    name=$(domain_of "$1")
    [ -z "$name" ] || on "$1" "xl list $name" | grep -qE ' (--p|---s|-----s)'
}

runs() {
    [ -n "$(domain_of "$1")" ] && ! stands "$1"
}

runs_on_one() {
    if runs a; then
        stands b
    else
        runs b && stands a
    fi
}

# well HOST: the guest goes on there and has checked all of its memory since.
well() {
    local passes
    passes=$(guest_value "$1" "$guest" passes)
    local deadline=$((SECONDS + 120))
    until guest_is_beyond "$1" "$guest" passes $((passes + 1)); do
        [ "$SECONDS" -lt "$deadline" ] || return
        sleep 0.3
    done
    ! guest_lines "$1" "$guest" | grep -qE 'BROKEN|clock went back'
}

# Nothing of the last round is left.
clear_away() {
    local host name
    for host in a b; do
        on "$host" "xl-colo-stop $guest; killall -q xl-colo-start \
            xl-colo-receive; true" >/dev/null 2>&1
        for name in "$guest" "$guest--incoming"; do
            on "$host" "xl destroy $name" >/dev/null 2>&1
        done
        on "$host" "rm -f /var/log/xen/$guest.serial"
    done
}

# one_round: how it failed, or nothing.
one_round() {
    guest_create a "$guest" || return
    local deadline=$((SECONDS + 240))
    until guest_is_beyond a "$guest" passes 0; do
        [ "$SECONDS" -lt "$deadline" ] || {
            echo "the guest does not run at first"
            return
        }
        sleep 0.3
    done
    colo_start -i "$interval" --witness \
        "'xl-colo-witness \$XL_COLO_ACTION /share/claims'" >&2 || {
        echo "xl-colo-start failed"
        return
    }
    local host find pid
    case $victim in
    primary) host=a find='pidof xl-colo-start' ;;
    secondary) host=b find='pidof xl-colo-receive' ;;
    wire)
        # The host's own shell is of that name, too.
        host=a find='for pid in $(pidof plain-shell); do
            grep -qa xl-colo-receive "/proc/$pid/cmdline" && echo "$pid"
        done'
        ;;
    esac
    pid=$(on $host "$find" | head -n 1)
    [ -n "$pid" ] || {
        echo "there is no $victim to kill"
        return
    }
    sleep "$moment"
    on $host "kill -9 $pid" || {
        echo "the $victim was gone before it was killed"
        return
    }
    deadline=$((SECONDS + 120))
    # Twice, so that it is more than a moment on the way.
    until runs_on_one && sleep 2 && runs_on_one; do
        [ "$SECONDS" -lt "$deadline" ] || {
            echo "it does not run on one host alone: a $(on a 'xl list' |
                tail -n +3 | tr -s ' ' | tr '\n' ';') b $(on b 'xl list' |
                tail -n +3 | tr -s ' ' | tr '\n' ';')"
            return
        }
        sleep 0.3
    done
    host=b
    runs a && host=a
    well "$host" || {
        echo "on $host it does not go on, or its memory is wrong"
        return
    }
    progress "round $round: $victim after $moment s, runs on $host" >&2
}

need_testbed
mkdir -p "$SHARE/claims"
colo_up
on a 'xl-colo-start --help' | grep -q -e --witness ||
    skip "xl-colo-start has no --witness"
victims=(primary secondary wire)
for ((round = 1; round <= rounds; ++round)); do
    victim=${victims[RANDOM % 3]}
    interval=$((RANDOM % 2 ? 1 : 500))
    moment=$((RANDOM % 5)).$((RANDOM % 10))
    clear_away
    if problem=$(one_round) && [ -z "$problem" ]; then
        passed=$((passed + 1))
        continue
    fi
    failed=$((failed + 1))
    echo "FAIL round $round of seed ${2:-1}: $victim, checkpoints every" \
        "$interval ms, after $moment s: $problem"
    for host in a b; do
        on $host "xl-colo-status $guest; xl list" | sed "s/^/    $host: /"
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
