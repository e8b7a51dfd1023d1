# What the tests of the program itself share; sourced after lib.sh.
#
# The program comes from the build folder, $XL_COLO_BUILD, by `make install`
# into the share of the run, so that both hosts have what was just built.
# shellcheck shell=bash

guest=g1

# Two hosts with the program on them, and the guest running on a.
colo_up() {
    hosts_up 2
    install_program
    guest_create a "$guest"
    wait_for 60 "first lines of the guest" guest_lines_reach a "$guest" 2
}

install_program() {
    : "${XL_COLO_BUILD:?the folder where xl-colo was built}"
    make -s -C "$XL_COLO_BUILD" install DESTDIR="$SHARE/root" \
        >"$RUNDIR/install.log" 2>&1 || fail "make install: see install.log"
    local host
    for host in a b; do
        on "$host" 'cp -a /share/root/. / && mkdir -p /var/log/xen'
    done
}

# colo_start [options]: protects the guest on a with b as its secondary.
colo_start() {
    on_deadline 180 a "xl-colo-start -s /usr/lib/testbed/plain-shell \
        --timeout 5 $* $guest b"
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

# The serial lines' last number of HOST's guest has grown by N since MARK.
guest_went_on() {
    local host=$1 mark=$2 more=$3
    [ "$(guest_line_count "$host" "$guest")" -ge $((mark + more)) ]
}

# The guest's own checker has found nothing wrong, and it is alive.
expect_sound_guest() {
    local host=$1 mark
    mark=$(guest_line_count "$host" "$guest")
    wait_for 60 "the guest's next lines on $host" \
        guest_went_on "$host" "$mark" 3
    if guest_lines "$host" "$guest" | grep -q BROKEN; then
        guest_lines "$host" "$guest" | grep BROKEN >&2
        fail "the guest on $host found its memory broken"
    fi
    guest_lines "$host" "$guest" | tail -n 1 | grep -q ' ok' ||
        fail "the guest on $host does not say that its memory is right"
}

# domain_on HOST NAME: whether xl lists it.
domain_on() {
    on "$1" "xl domid $2" >/dev/null 2>&1
}

no_domain_on() {
    ! domain_on "$1" "$2"
}

# expect_only_on HOST: one copy of the guest, and it is there.
expect_only_on() {
    local here=$1 other=b
    [ "$here" = b ] && other=a
    domain_on "$here" "$guest" || fail "the guest does not run on $here"
    if host_alive "$other"; then
        no_domain_on "$other" "$guest" || fail "the guest is on $other as well"
        no_domain_on "$other" "$guest--incoming" ||
            fail "a copy is left on $other"
    fi
}

# One line of figures, from HOST's status, for the test's output.
show_figures() {
    on "$1" "xl-colo-status --json $guest" 2>/dev/null | python3 -c '
import json, sys
s = json.load(sys.stdin)[0]
print("    figures: %s checkpoints (%s verified)"
      % (s["checkpoints"], s["verified-checkpoints"]))
for figure in ("pause-us", "a-pages", "b-pages", "d-pages",
               "to-secondary-bytes", "to-primary-bytes"):
    keys = ["last-" + figure, "recent-" + figure + "-median",
            "recent-" + figure + "-max"]
    if all(key in s for key in keys):
        print("    %-20s last %10s  median %10s  max %10s"
              % (figure, *(s[key] for key in keys)))
'
}
