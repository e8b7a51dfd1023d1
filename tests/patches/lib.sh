# What the scripts of this folder share; sourced by them.
#
# All that is fetched, unpacked and built goes below $XL_COLO_PATCH_DIR, by
# default xen-patches in the current folder: run from a build folder, nothing
# reaches the checkout.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
name=${0##*/}
work=${XL_COLO_PATCH_DIR:-$PWD/xen-patches}
mkdir -p "$work"
work=$(cd "$work" && pwd)

say() { printf '%s: %s\n' "$name" "$*"; }
die() { printf '%s: %s\n' "$name" "$*" >&2; exit 1; }
skip() { printf '%s: skipped: %s\n' "$name" "$*" >&2; exit 77; }

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null || skip "$1 is missing (Debian package $2)"
}

# The architectures that a patch has to build for, and what compiles for them.
all_architectures='x86_64 arm64 armhf'
cross_prefix() {
    case $1 in
    x86_64) echo ;;
    arm64) echo aarch64-linux-gnu- ;;
    armhf) echo arm-linux-gnueabihf- ;;
    esac
}
need_compiler() {
    case $1 in
    x86_64) need gcc gcc ;;
    arm64) need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu ;;
    armhf) need arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf ;;
    esac
}

# make_in TREE ARCH FOLDER TARGET...: the tree's own make, which also knows
# the targets of objects.mk. Warnings are shown, but are no errors: old
# releases have them with today's compilers.
make_in() {
    local tree=$1 arch=$2 folder=$3 xen_arch flags=-Wno-error
    shift 3
    xen_arch=$arch
    if [ "$arch" = armhf ]; then xen_arch=arm32; fi
    # What differs between architectures, types and prototypes, is seen without
    # optimizing, in half of the time.
    if [ "$arch" != x86_64 ]; then flags+=' -O0'; fi
    # 4.6 has major() from <sys/types.h>, where glibc no longer has it; what
    # comes ahead of libxl_osdeps.h takes the choice of features with it
    if [ -d "$tree/tools/libxl" ]; then
        flags+=' -D_GNU_SOURCE= -include sys/sysmacros.h'
    fi
    APPEND_CFLAGS="$flags ${MORE_CFLAGS-}" make --no-print-directory -s -j"${JOBS:-2}" \
        -C "$tree/$folder" -f Makefile -f "$here/objects.mk" \
        XEN_TARGET_ARCH="$xen_arch" CROSS_COMPILE="$(cross_prefix "$arch")" "$@"
}

# copy_tree FROM TO: without history; TO is made anew.
copy_tree() {
    rm -rf "$2"
    mkdir -p "$2"
    tar -C "$1" --exclude=./.git -cf - . | tar -C "$2" -xf -
}

# make_python3 TREE: Xen 4.6 generates its headers by Python 2. Once is enough,
# and again an error.
make_python3() {
    [ -d "$1/tools/libxl" ] && [ ! -e "$1/.python3" ] || return 0
    python3 -m lib2to3 -w -n "$1"/tools/include/xen-foreign/*.py \
        "$1"/tools/libxl/*.py >/dev/null 2>&1 ||
        skip "lib2to3 is missing (Debian package 2to3)"
    # which leaves comparison functions alone
    sed -i 's/integers = list(.*/integers = sorted(inttypes[arch], key=len)[::-1]/; /integers\.sort(/d' \
        "$1/tools/include/xen-foreign/mkheader.py"
    touch "$1/.python3"
}

# use_series TREE SERIES: quilt_in TREE then pushes and pops its patches, in a
# Debian source package behind the packaging's own.
quilt_in() {
    local tree=$1
    shift
    (cd "$tree" && QUILT_PATCHES=$(cat .quilt_patches) QUILT_PC=.pc \
        quilt --quiltrc=- "$@")
}
use_series() {
    local tree=$1 series=$2 patch
    if [ -e "$tree/debian/patches/series" ]; then
        echo debian/patches >"$tree/.quilt_patches"
        while read -r patch; do
            cp "$series/$patch" "$tree/debian/patches/"
            echo "$patch" >>"$tree/debian/patches/series"
        done < <(patches_of "$series")
    else
        (cd "$series" && pwd) >"$tree/.quilt_patches"
    fi
}
patches_of() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1/series"; }

# use_libxen_dev TREE ROOT: sets release, of the tree, and libxen_flags, to
# link with the Xen libraries below ROOT; skips when those are of another one.
use_libxen_dev() {
    local tree=$1 libraries=$2/usr/lib/x86_64-linux-gnu found
    release=$(sh "$tree/version.sh" "$tree/xen/Makefile")
    found=$(sed -n 's/^Version: *//p' "$libraries/pkgconfig/xenlight.pc" \
        2>/dev/null) || skip "libxen-dev is missing"
    case $found in
    "$release" | "$release".*) ;;
    *) skip "libxen-dev is of Xen $found, the tree of $release" ;;
    esac
    libxen_flags="-L$libraries -Wl,-rpath-link=$libraries"
}
