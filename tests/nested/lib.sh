# shellcheck shell=bash
# Sourced by the tests in this folder; see README.md.
#
# Exit status of a test: 0 passed, 77 skipped (says what is missing), 99 the
# emulated platform broke (says how), anything else failed. Whatever happens,
# the hosts are gone at the end; after anything but 0 the logs stay.
#
# What a test may set before hosts_up:
#   BED_PROFILE  what the hosts run: bookworm, trixie; or "bookworm,trixie" for
#                one each
#   BED_QEMU     which QEMU runs them: 10, 7.2
#   BED_GUEST    the guests on them: freestanding, linux, linux-pv, linux-pvh;
#                with a network card: linux-net, which is PVH, linux-pv-net,
#                linux-emu-net, which has an emulated one and no PV drivers,
#                linux-server;
#                and with the disks $guest_disks: linux-disk, linux-pv-disk,
#                linux-database
#   BED_CLIENT   "yes": with machine c, which net.sh is for
#   BED_DISK     MiB of each host's disk, which disk.sh is for

# Debian's python3 ahead of what a version manager puts in front of it, whose
# shim takes 10 times as long as testbed itself, at each poll.
PATH=/usr/bin:$PATH

nested=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for the tests
plain_shell=/usr/lib/testbed/plain-shell
guest_mac=00:16:3e:77:00:10
test_name=$(basename "$0" .sh)
BED_PROFILE=${BED_PROFILE:-bookworm}
BED_QEMU=${BED_QEMU:-10}
BED_GUEST=${BED_GUEST:-freestanding}

bed() { "$nested/testbed" "$1" --dir "$RUNDIR" "${@:2}"; }

progress() { printf '%s: %4d s  %s\n' "$test_name" "$SECONDS" "$*"; }

fail() {
    printf '%s: FAILED: %s\n' "$test_name" "$*" >&2
    exit 1
}

skip() {
    printf '%s: skipped: %s\n' "$test_name" "$*" >&2
    exit 77
}

# ---- hosts ----

# Builds the image, makes the folder of this run ($RUNDIR, with $SHARE in it).
need_testbed() {
    local tool image
    for tool in apt-get dpkg-deb gcc gzip python3 tar; do
        command -v "$tool" >/dev/null || skip "no $tool"
    done
    progress "image $BED_PROFILE, emulator QEMU $BED_QEMU"
    image=$("$nested/testbed" build --profile "$BED_PROFILE" \
        --qemu "$BED_QEMU") || exit
    local runs=${XL_COLO_TESTBED_DIR:-testbed}/runs
    mkdir -p "$runs"
    RUNDIR=$(mktemp -d "$(realpath "$runs")/$test_name.XXXXXX")
    SHARE=$RUNDIR/share
    trap 'finish $?' EXIT
    trap 'exit 130' INT
    trap 'exit 143' HUP TERM
    "$nested/guests/build" "$SHARE" "$image" "$BED_GUEST"
}

finish() {
    trap - EXIT
    local status=$1 faults
    faults=$(bed faults) || status=99
    bed down
    if [ -n "$faults" ]; then
        printf '%s: the platform broke, %d times:\n%s\n' "$test_name" \
            "$(wc -l <<<"$faults")" "$faults" >&2
    fi
    case $status in
    0)
        rm -rf "$RUNDIR"
        progress "passed"
        ;;
    77)
        rm -rf "$RUNDIR"
        ;;
    *)
        printf '%s: logs are in %s\n' "$test_name" "$RUNDIR" >&2
        ;;
    esac
    exit "$status"
}

# hosts_up 1|2 [option of `testbed up`]...
hosts_up() {
    [ -n "${RUNDIR:-}" ] || need_testbed
    bed up --hosts "$1" --profile "$BED_PROFILE" --qemu "$BED_QEMU" \
        --owner $$ ${BED_CLIENT:+--client} \
        ${BED_DISK:+--disk "$BED_DISK"} "${@:2}" || exit
    progress "$1 hosts up"
}

# on HOST CMD...: a command line in dom0; its own output and status. 124: the
# deadline has passed, which is wide, for a machine with other work to do;
# 255: the host is lost.
on() { on_deadline 180 "$@"; }

# on_deadline SECONDS HOST CMD...
on_deadline() { bed run --timeout "$1" --host "$2" -- "${@:3}"; }

# domain0_first HOST: where several guests are busy, or one with disks, domain 0
# would answer within minutes.
domain0_first() {
    on "$1" "xl sched-credit2 -d Domain-0 -w 4096" ||
        fail "cannot give domain 0 of $1 more of the processor"
}

host_kill() { bed kill --host "$1"; }

# host_boots HOST: anew, after it was killed; only its disk is as it was.
host_boots() {
    bed boot --host "$1" || fail "host $1 does not boot"
    progress "host $1 is up again"
}

host_freeze() { bed freeze --host "$1"; }
host_thaw() { bed thaw --host "$1"; }
host_doze() { bed doze --host "$1" "$2"; }

now_ms() {
    date +%s%3N
}

# await SECONDS CMD...: whether it succeeds in time. Two thirds of that nobody
# looks: on an emulated host a look takes a second of the processor that the
# guest then lacks.
await() {
    local deadline=$((SECONDS + $1)) began pause
    while began=$(now_ms) && ! "${@:2}"; do
        [ "$SECONDS" -lt "$deadline" ] || return
        pause=$((($(now_ms) - began) * 2 + 100))
        [ "$pause" -lt 5000 ] || pause=5000
        sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
    done
}

# wait_for SECONDS DESCRIPTION CMD...: until the command succeeds, or fail.
wait_for() {
    await "$1" "${@:3}" || fail "no $2 within $1 s"
}

# ---- guests ----

# guest_config NAME [LINE]...: makes $SHARE/NAME.cfg, with lines of the
# caller's added.
guest_config() {
    local kind=$BED_GUEST devices=() memory=
    case $kind in
    linux-net | linux-disk | linux-database | linux-server) kind=linux-pvh ;;
    linux-emu-net) kind=linux ;;
    linux-pv-net) kind=linux-pv ;;
    linux-pv-disk) kind=linux-pv memory=128 ;;
    esac
    case $BED_GUEST in
    *-disk | *-database) devices=("disk = [ $guest_disks ]") ;;&
    linux-emu-net)
        # There is no firmware here for a card to boot from.
        devices=("vif = [\"type=ioemu,model=e1000,mac=$guest_mac,bridge=xenbr0\"]"
            'device_model_args = [ "-global", "e1000.romfile=" ]')
        ;;
    *-net | *-disk | *-database | *-server)
        devices+=("vif = [\"type=vif,mac=$guest_mac,bridge=xenbr0\"]")
        ;;
    esac
    {
        sed -e "s|@NAME@|$1|g" -e 's|@FOLDER@|/share|g' \
            ${memory:+-e "s|^memory = .*|memory = $memory|"} \
            "$nested/guests/$kind.cfg"
        printf '%s\n' "${devices[@]}" "${@:2}"
    } >"$SHARE/$1.cfg"
}

# guest_create HOST NAME [LINE]... What an earlier guest of that name has written
# is gone: its count of passes would be waited for.
guest_create() {
    guest_config "${@:2}"
    on "$1" "rm -f /var/log/xen/$2.serial && xl create /share/$2.cfg" ||
        fail "guest $2 cannot be created"
}

# guest_lines HOST NAME: the whole lines that the guest has written to its
# serial port there, or to its PV console if it has no other; they come in
# pieces.
guest_lines() {
    local files=("$RUNDIR/$1/log/$2.serial")
    case $BED_GUEST in
    linux-pvh | linux-net | linux-disk | linux-database | linux-server)
        files=("$RUNDIR/$1/log/guest-$2"*.log)
        ;;
    esac
    cat "${files[@]}" | perl -ne 's/\r?\n\z/\n/ and print'
} 2>/dev/null

# guest_last HOST NAME: the last line of those that it writes each second.
guest_last() {
    guest_lines "$1" "$2" | grep -E '^workload: .* (ok|BROKEN)$' | tail -n 1
}

# guest_value HOST NAME KEY: out of that line: seconds, step, pages, passes or
# sum; 0 before there is a line.
guest_value() {
    local word
    for word in $(guest_last "$1" "$2"); do
        if [ "${word%%=*}" = "$3" ]; then
            echo "${word#*=}"
            return
        fi
    done
    echo 0
}

guest_is_beyond() { [ "$(guest_value "$1" "$2" "$3")" -gt "$4" ]; }

# guest_runs HOST NAME [SECONDS]: the guest goes on there and has since
# checked all of its memory, and found it right.
guest_runs() {
    local passes deadline=${3:-300}
    passes=$(guest_value "$1" "$2" passes)
    wait_for "$deadline" "guest $2 that checks its memory on $1" \
        guest_is_beyond "$1" "$2" passes $((passes + 1))
    if guest_lines "$1" "$2" | grep -E 'BROKEN|clock went back'; then
        fail "guest $2 on $1 has wrong memory or time"
    fi
}

# guest_send HOST NAME CHARACTER: p power off, r reboot, c crash, b break a page,
# i idle, g go on.
guest_send() { on "$1" "printf $3 | socat -u - UNIX:/run/$2.com1"; }

# guest_is HOST NAME: there is such a domain.
guest_is() { on "$1" xl domid "$2" >/dev/null 2>&1; }
guest_is_gone() { ! guest_is "$1" "$2"; }

# ---- ssh ----

# ssh_up FROM TO: root on FROM may log in on TO.
ssh_up() {
    on "$1" 'mkdir -p /root/.ssh &&
        dropbearkey -t ed25519 -f /root/.ssh/id_dropbear >/dev/null 2>&1 &&
        dropbearkey -y -f /root/.ssh/id_dropbear |
        grep ^ssh- >/share/ssh-key' || fail "no ssh key on $1"
    on "$2" 'mkdir -p /root/.ssh /etc/dropbear &&
        chmod 700 /root /root/.ssh &&
        cat /share/ssh-key >>/root/.ssh/authorized_keys &&
        dropbear -R -s -W 1048576' || fail "no ssh server on $2"
}
