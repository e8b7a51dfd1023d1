#!/bin/bash
# campaign.sh [ROUNDS [SEED [LANES]]]: two real hosts and LANES guests on them,
# each protected by itself. In each of the ROUNDS something of one guest's dies at
# a random moment: the process that protects it, the one that has its copy, or
# what joins the two. Then that guest must run on one host, its memory right, and
# on the other there is none that runs. Both hosts have a folder for a witness in
# common.
#
# Not one of the tests that check-nested runs: make check-nested-campaign
# ROUNDS=200. A round is mostly waiting, so the lanes are what makes it quick. The
# seed says which round kills what and when, the lanes only which guest has it. A
# failed one is told with its lane, number, victim and moment, and does not end
# the campaign; what the hosts had to say of it is in failed-NUMBER of the run's
# folder. The last line is "N passed, N failed".
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"

rounds=${1:-20}
seed=${2:-1}
lanes=${3:-4}

# What is waited for comes, on a machine with other work to do and hosts with
# several guests to see to at the same time, however late; and silence is no
# host's end here.
patience=600
silence=60

on() { on_deadline $patience "$@"; }

# What a lane's processes have in common is GUEST in their environment, on either
# host, over which the transport takes it. These are for the hosts.
make_tools() {
    cat >"$SHARE/transport" <<'END'
#!/bin/sh
# transport HOST WORD...: plain-shell; what it starts there is the same guest's
host=$1
shift
exec /usr/lib/testbed/plain-shell "$host" "GUEST=$GUEST" "$@"
END
    cat >"$SHARE/own" <<'END'
#!/bin/sh
# own PROGRAM...: pids of those that run for this guest
for pid in $(pidof "$@"); do
    tr '\0' '\n' <"/proc/$pid/environ" | grep -qx "GUEST=$GUEST" && echo "$pid"
done
END
    chmod +x "$SHARE/transport" "$SHARE/own"
}

# state_on HOST: whether the guest "runs" there or "stands", by whatever name;
# nothing if there is none; "unknown" if the host does not say.
state_on() {
    on "$1" 'xl list' | awk -v guest="$guest" '
        $1 == "Domain-0" { told = 1 }
        $1 == guest || $1 == guest "--incoming" {
            print $5 ~ /^(..p|...ss)/ ? "stands" : "runs"
        }
        END { if (!told) print "unknown" }'
}

# runs_on_one: on $survivor, and not on the other host.
runs_on_one() {
    case $(state_on a):$(state_on b) in
    runs: | runs:stands) survivor=a ;;
    :runs | stands:runs) survivor=b ;;
    *) return 1 ;;
    esac
}

# Nothing of the last round is left.
clear_away() {
    local host
    for host in a b; do
        on $host "export GUEST=$guest
            xl-colo-stop $guest
            kill -9 \$(/share/own xl-colo-watch xl-colo-start xl-colo-receive \
                plain-shell)
            xl destroy $guest
            xl destroy $guest--incoming
            rm -f /var/log/xen/$guest.serial /var/log/xen/xl-colo-$guest.log \
                /var/lib/xl-colo/$guest.protected" &
    done >/dev/null 2>&1
    wait
}

# created: whether the guest is there on a; several times, as libxl gives a device
# model 10 s to answer it.
created() {
    for _ in 1 2 3 4; do
        on a "xl create /share/$guest.cfg" && return
        on a "xl destroy $guest"
    done
    return 1
}

# starts: whether the guest is protected. Several times: libxl gives a device
# model 10 s to answer it, and then nothing has been touched; with so many on an
# emulated host one may need more. The round is about what comes after that.
starts() {
    local said
    for _ in 1 2 3 4; do
        said=$(on a "GUEST=$guest xl-colo-start -s /share/transport \
            -i $interval --timeout $silence --step-timeout $silence \
            --witness 'xl-colo-witness \$XL_COLO_ACTION /share/claims' \
            $guest b" 2>&1) && return
        echo "$said"
        grep -q 'has not answered libxl in time' <<<"$said" || break
    done
    return 1
}

# one_round: whether it passed; how it did not is in $problem.
one_round() {
    local host=a program pid passes
    problem="the guest cannot be created"
    created || return
    problem="the guest does not run at first"
    await "$patience" guest_is_beyond a "$guest" passes 0 || return

    problem="xl-colo-start failed"
    starts || return

    problem="there is no $victim to kill"
    case $victim in
    primary) program=xl-colo-start ;;
    secondary) program=xl-colo-receive host=b ;;
    wire) program=plain-shell ;;
    esac
    pid=$(on $host "GUEST=$guest /share/own $program" | head -n 1)
    [ -n "$pid" ] || return
    sleep "$moment"
    problem="the $victim was gone before it was killed"
    on $host "kill -9 $pid" || return

    problem="it does not run on one host alone"
    # Twice, so that it is more than a moment on the way.
    await "$patience" eval 'runs_on_one && sleep 2 && runs_on_one' || return
    problem="on $survivor it does not go on"
    passes=$(guest_value "$survivor" "$guest" passes)
    await "$patience" \
        guest_is_beyond "$survivor" "$guest" passes $((passes + 1)) ||
        return
    problem="on $survivor its memory or its clock is wrong"
    ! guest_lines "$survivor" "$guest" | grep -E 'BROKEN|clock went back'
}

# What is known of a failed round, for whoever wants to know why.
keep_traces() {
    local host log folder=$RUNDIR/failed-$round
    mkdir "$folder"
    for host in a b; do
        on $host "xl-colo-status $guest; xl list" 2>&1 | tee "$folder/$host.now"
        for log in "$RUNDIR/$host/log/"*"$guest"[.-]*; do
            cp "$log" "$folder/$host.${log##*/}"
        done
        tail -n 5 "$folder/$host.xl-colo-$guest.log"
    done 2>/dev/null | sed 's/^/    /'
}

# In one piece, between those of other lanes.
tell() {
    tee -a "$RUNDIR/told" <<<"$*" >&3
}

# lane NUMBER: its share of the rounds, with a guest of its own.
lane() {
    local round victim interval moment survivor problem
    guest=g$1
    guest_config "$guest"
    for ((round = $1; round <= rounds; round += lanes)); do
        read -r victim interval moment <<<"${kills[round]}"
        clear_away
        if one_round; then
            tell "$(progress "lane $1, round $round: $victim after $moment s," \
                "runs on $survivor")"
            continue
        fi
        tell "FAIL lane $1, round $round of seed $seed: $victim, checkpoints" \
            "every $interval ms, after $moment s: $problem"$'\n'"$(keep_traces)"
        if ! { on a true && on b true; }; then
            tell "lane $1 ends: a host is lost"
            return
        fi
    done
}

need_testbed
mkdir -p "$SHARE/claims"
make_tools
colo_hosts_up
for host in a b; do
    domain0_first $host
done
victims=(primary secondary wire)
kills=()
RANDOM=$seed
for ((i = 1; i <= rounds; ++i)); do
    kills[i]="${victims[RANDOM % 3]} $((RANDOM % 2 ? 1 : 500))"
    kills[i]+=" $((RANDOM % 5)).$((RANDOM % 10))"
done
exec 3>&1
trap 'status=$?; kill $(jobs -p) 2>/dev/null; finish $status' EXIT
for ((i = 1; i <= lanes; ++i)); do
    lane $i >"$RUNDIR/lane-$i.log" 2>&1 &
done
wait
# A round that nobody told of has not passed.
passed=$(grep -c "^$test_name: " "$RUNDIR/told")
echo "$passed passed, $((rounds - passed)) failed"
[ "$passed" = "$rounds" ]
