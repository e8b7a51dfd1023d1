#!/bin/bash
# What protection costs a real server: redis and nginx in a guest, each asked by a
# client on the third machine as fast as it answers, while the guest is not
# protected, by output commit, and with its copy's output compared. In turns, in
# one run; medians of the rounds. The hosts are emulated, and the copy's shares its
# processors with the guest's, so only the ratios say anything.
#
#     bench-server.sh [ROUNDS [SECONDS]]     so long is each measurement, about
BED_GUEST=linux-server
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/colo.sh"
. "$(dirname "$0")/net.sh"

rounds=${1:-3}
seconds=${2:-8}
declare -A requests  # for redis, by mode and clients: what that time is enough for

# load TOOL ARG...: on c, within a minute; ab's percentiles after its own output.
load() {
    on c "cd /tmp && rm -f by-percent && timeout 60 /share/load/ld.so \
        --library-path /share/load/lib /share/load/$* 2>&1; said=\$?
        cat by-percent 2>/dev/null; exit \$said"
}

# note SERVER CLIENTS RATE MEDIAN-MS HIGHEST-MS
note() {
    [ $# = 5 ] || fail "no figures of $*"
    echo "$mode $*" >>"$RUNDIR/figures"
    progress "$mode, $1, $2 clients: $3 a second; $4 ms, $5 ms"
}

# web NAME CLIENTS :PORT/FILE [-k]: ab stops by itself. Of less than 51 requests it
# would take the 99th of 100 from behind the last one.
web() {
    local said
    said=$(load ab -q "${@:4}" -t "$seconds" -n 1000000 -c "$2" -s 40 \
        -e by-percent "http://$guest_address$3") || fail "ab: $said"
    # shellcheck disable=SC2046 # words
    note "$1" "$2" $(awk -F '[:, ]+' '
        /^Complete requests/ { done = $3 }
        /^(Failed requests|Non-2xx responses)/ && $3 > 0 { wrong = 1 }
        /^Requests per second/ { rate = $4 }
        /^[0-9]+,/ { by[$1] = $2 }
        END {
            median = by[(done > 1) ? 50 : 100]
            highest = by[(done > 50) ? 99 : 100]
            if (!wrong)
                print (done > 0) ? rate " " median " " highest : "0 inf inf"
        }' <<<"$said")
}

# database CLIENTS: redis-benchmark is told how many requests, and says nothing
# before the last one: a few, and then as many as take the time.
database() {
    local said count=${requests[$mode-$1]:-$(($1 * 2))} tries=0 figures
    until [ $((tries += 1)) -gt 6 ]; do
        if ! said=$(load redis-benchmark -h "$guest_address" -t set -r 10000 \
            -d 64 -n "$count" -c "$1" --csv); then
            progress "$mode, redis, $1 clients: not $count requests in 60 s"
            count=$((count / 8 + 1))
            continue
        fi
        figures=$(awk -F '"' '$2 == "SET" { print $4, $10, $14 }' <<<"$said")
        requests[$mode-$1]=$count
        # The next count, and whether this one took half of the time.
        count=$(awk -v count="$count" -v seconds="$seconds" '{
            took = count / (($1 > 0.01) ? $1 : 0.01)
            more = (took > seconds / 30) ? seconds / took : 30
            print (took < seconds / 2) ? int(count * more) : 0
        }' <<<"$figures")
        [ "${count:-0}" -gt 0 ] || break
    done
    # shellcheck disable=SC2086 # words
    note redis "$1" $figures
}

# Port 81 answers the same, but always with the same date.
measure() {
    local clients
    for clients in 1 16; do
        database $clients
        web nginx-4k $clients :80/4k -k
        web nginx-4k-undated $clients :81/4k -k
    done
    web nginx-4k-anew 16 :81/4k
    web nginx-256k 1 :81/256k -k
}

# protected MODE [OPTION]...: measures that.
protected() {
    mode=$1
    output=$mode colo_start -i 10s -t 15 --accept-split-brain "${@:2}" ||
        fail "xl-colo-start"
    wait_for 60 "answer of the guest to c" guest_answers
    measure
    status_is a state protecting || fail "not protecting: $(status a ended)"
    on a "xl-colo-status $guest"
    on_deadline 60 a "xl-colo-stop $guest" || fail "xl-colo-stop"
    wait_for 20 "the copy to be gone" copy_is_gone
}

servers_answer() {
    load ab -q -n 1 "http://$guest_address/4k" >/dev/null &&
        load redis-benchmark -h "$guest_address" -t set -n 1 -c 1 >/dev/null
}

colo_hosts_up
domain0_first a
domain0_first b
colo_guest_up
load_filters
wait_for 120 "answer of the servers" servers_answer
for ((i = 1; i <= rounds; ++i)); do
    progress "round $i"
    mode=unprotected
    measure
    protected commit
    # An emulated copy is that slow: its card connects seconds after a
    # checkpoint, its answers come tens of milliseconds later.
    protected compare --compare-timeout 3000
done
guest_runs a "$guest"
if guest_lines a "$guest" | grep 'BROKEN'; then
    fail "the guest's servers"
fi
python3 - "$RUNDIR/figures" <<'END'
import statistics
import sys

figures = {}
for line in open(sys.argv[1]):
    mode, server, clients, *values = line.split()
    figures.setdefault((server, int(clients)), {}).setdefault(
        mode, []).append([float(value) for value in values])
print(f"{'server, clients':19}  {'a second':>10} {'median':>11} {'99th of 100':>11}"
      f"  | commit: ratios of these         | compare")
for (server, clients), modes in figures.items():
    medians = {mode: [statistics.median(column) for column in zip(*rows)]
               for mode, rows in modes.items()}
    base = medians.pop("unprotected")
    print(f"{server:16} {clients:2}  {base[0]:8.1f}/s {base[1]:8.2f} ms"
          f" {base[2]:8.2f} ms", end="")
    for mode, values in medians.items():
        print("  |", *(f"{value / of:9.3g}" for value, of in
                       zip(values, base)), end="")
    print()
END
