# What the tests of the program itself share; sourced after lib.sh.
# shellcheck shell=bash

guest=g1
dead=  # the host that was killed

# host_dies HOST: at once, as if the power went; $killed_at is when, in ms.
host_dies() {
    killed_at=$(now_ms)
    host_kill "$1"
    dead=$1
}

# state_of HOST: its /var/lib/xl-colo is on something that outlives its memory;
# after each boot.
state_of() {
    on "$1" 'mkdir -p -m 700 /host/state /var/lib/xl-colo &&
        mount --bind /host/state /var/lib/xl-colo' ||
        fail "no state folder on $1"
}

# profile_of HOST
profile_of() {
    case $1 in
    a) echo "${BED_PROFILE%,*}" ;;
    b) echo "${BED_PROFILE#*,}" ;;
    esac
}

# Two hosts with the program on them, and the guest running on a.
colo_up() {
    colo_hosts_up
    colo_guest_up
}

# The guest on a.
colo_guest_up() {
    guest_create a "$guest"
    # Linux takes a minute where the machine has other work to do.
    wait_for 240 "the guest's first line" guest_is_beyond a "$guest" seconds 0
    guest_runs a "$guest"
}

# The hosts alone. The program is the package that there is for their release, as
# the host's own dpkg installs it; otherwise what the build folder $XL_COLO_BUILD
# would install, or one like it made for the host's Xen.
colo_hosts_up() {
    [ -n "${RUNDIR:-}" ] || need_testbed
    local host profile
    for host in a b; do
        profile=$(profile_of $host)
        [ -e "$SHARE/root-$profile" ] || [ -n "$(package_of "$profile")" ] ||
            "$nested/build-program" "$profile" "$SHARE/root-$profile" || exit
    done
    hosts_up 2
    for host in a b; do
        if [ -n "$(package_of "$(profile_of $host)")" ]; then
            install_package "$host"
        else
            put_on "$host" "root-$(profile_of $host)"
        fi
    done
}

# package_of PROFILE: one that was given, whose libraries are those of that Xen.
package_of() {
    case $1 in
    trixie) echo "${XL_COLO_DEB_TRIXIE:-}" ;;
    *) echo "${XL_COLO_DEB:-}" ;;
    esac
}

# install_package HOST. There dpkg has what the package depends on in its
# database, except ssh, in place of which there is dropbear; and it asks for
# ldconfig, which has no part in this.
install_package() {
    cp "$(package_of "$(profile_of "$1")")" "$SHARE/xl-colo.deb"
    on "$1" 'dpkg --force-bad-path --ignore-depends=openssh-client \
        -i /share/xl-colo.deb' || fail "dpkg on $1"
}

# need_package: $XL_COLO_DEB, or one that is built now, from what "make dist"
# packs.
need_package() {
    [ -z "${XL_COLO_DEB:-}" ] || return 0
    command -v dh >/dev/null || skip "no dh (Debian package debhelper)"
    progress "building the package"
    local folder=$XL_COLO_BUILD/packages-deb
    # Its last step is the linter, which may be missing.
    (cd "$XL_COLO_BUILD" && "$nested/../packages" deb) >"$folder.log" 2>&1
    XL_COLO_DEB=$(ls "$folder"/xl-colo_*.deb) || {
        tail -n 20 "$folder.log" >&2
        fail "no package"
    }
}

# put_on HOST FOLDER: what is in $SHARE/FOLDER, in place of the host's own
# files. Who has one of those open keeps it: tar does not write into it.
put_on() {
    on "$1" "tar -C '/share/$2' -cf - . | tar -C / -xf -" ||
        fail "cannot put $2 on $1"
}

# colo_start [options]: protects the guest on a with b as its secondary, or what
# $primary and $secondary say. With -F this lasts for the checkpoints, too. The
# copy runs between these, if the test does not say $output=commit: then both
# directions have work.
colo_start() {
    on_deadline 400 "${primary:-a}" "xl-colo-start \
        -s /usr/lib/testbed/plain-shell --timeout 5 \
        --output=${output:-compare} $* $guest ${secondary:-b}"
}

# status HOST KEY: one value of the guest's status, "null" when unknown.
status() {
    on "$1" "xl-colo-status --json $guest" 2>/dev/null |
        python3 -c '
import json, sys
reports = json.load(sys.stdin)
value = reports[0].get(sys.argv[1], "missing")
print(json.dumps(value) if not isinstance(value, str) else value)
' "$2"
}

status_is() {
    [ "$(status "$1" "$2")" = "$3" ]
}

checkpoints_reach() {
    local n
    n=$(status "$1" checkpoints) && [ "$n" -ge "$2" ]
}

# expect_only_on HOST: one copy of the guest, there, and its memory right. After a
# takeover it may have to wait for its disks.
expect_only_on() {
    local here=$1 other=b
    [ "$here" = b ] && other=a
    wait_for 120 "guest on $here" guest_is "$here" "$guest"
    if [ "$other" != "$dead" ]; then
        guest_is_gone "$other" "$guest" || fail "the guest is on $other too"
        guest_is_gone "$other" "$guest--incoming" ||
            fail "a copy is left on $other"
    fi
    guest_runs "$here" "$guest"
}

copy_is_gone() {
    guest_is_gone b "$guest--incoming"
}

# must_go_wrong WHAT COUNT PATTERN: with WHAT switched off, protection ends within
# so many checkpoints, for a reason that PATTERN matches, and the guest goes on.
# F3 may take a few: as long as the copy happens to write to no page that the
# guest does not write to as well, nothing differs.
must_go_wrong() {
    local out=$RUNDIR/without-$1.out
    colo_start --verify -i 500 --max-checkpoints "$2" "--without=$1" -F \
        >"$out" 2>&1 && fail "$2 checkpoints without $1, and nothing went wrong"
    grep -Eq "$3" "$out" || {
        cat "$out" >&2
        fail "it failed in another way than for want of $1"
    }
    grep -E "$3" "$out" | head -n 1 | cut -c -120 | sed 's/^/    /'
    wait_for 30 "the copy to be gone" copy_is_gone
    expect_only_on a
}

# A copy with PV drivers is introduced to xenstored again at each checkpoint,
# after its reset, and no other is.
count_introductions() {
    on b "xenstore-control logfile /var/log/xen/xenstored.trace &&
        xenstore-control log on" || fail "xenstored on b does not log"
}
introductions() { grep -ac '^IN .* INTRODUCE ' "$RUNDIR/b/log/xenstored.trace"; }

# One line of figures, from HOST's status, for the test's output.
show_figures() {
    on "$1" "xl-colo-status --json $guest" 2>/dev/null | python3 -c '
import json, sys
s = json.load(sys.stdin)[0]
print("    figures: %s checkpoints (%s verified)"
      % (s["checkpoints"], s["verified-checkpoints"]))
for figure in ("pause-us", "acknowledge-us", "guest-suspend-us", "suspend-us",
               "copy-us", "resume-us", "commit-us", "both-run-us",
               "copy-pause-us", "copy-load-us", "a-pages", "b-pages", "d-pages",
               "to-secondary-bytes", "to-primary-bytes"):
    keys = ["last-" + figure, "recent-" + figure + "-median",
            "recent-" + figure + "-max"]
    if all(s.get(key) is not None for key in keys):
        print("    %-20s last %10s  median %10s  max %10s"
              % (figure, *(s[key] for key in keys)))
'
}
