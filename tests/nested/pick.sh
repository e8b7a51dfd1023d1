# What one test alone has on its hosts, out of unpacked packages; sourced.
# shellcheck shell=bash

# pick PACKAGES ROOT FILE...: puts these files below the folder ROOT, and with
# them the libraries of those that are programs. To be run in the folder PACKAGES.
pick() {
    local packages=$1 root=$2 lib=$1/usr/lib/x86_64-linux-gnu file
    shift 2
    for file; do
        [ -f "$file" ] && [ "$(head -c 4 "$file" | tr -d '\0')" = $'\x7fELF' ] ||
            continue
        "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$packages/usr/lib" \
            --list "$packages/$file" |
            sed -nE "s|.* => $packages/([^ ]*) .*|\1|p"
    done | sort -u >"$root.libraries"
    mkdir -p "$root"
    tar --dereference -cf - "$@" -T "$root.libraries" | tar -C "$root" -xf -
    rm "$root.libraries"
}
