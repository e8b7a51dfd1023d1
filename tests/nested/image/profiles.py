"""What is in a host image, by profile, and which QEMU runs the hosts.

"headers" are the packages that the program under test is built with for the
profile's Xen, where that is not this machine's own.
"""

_HOST_TOOLS = [
    "bash", "busybox-static", "dash", "dmsetup", "drbd-utils", "dropbear-bin",
    "iproute2", "kmod", "qemu-system-xen", "seabios", "socat",
    "xenstore-utils",
    # For the program under test, which comes over the 9p share.
    "libdevmapper1.02.1", "liblz4-1", "libstdc++6", "libxxhash0", "libyajl2",
]

PROFILES = {
    "bookworm": {
        "suite": "bookworm",
        "xen": ["xen-hypervisor-4.17-amd64", "xen-utils-4.17", "libssl3",
                *_HOST_TOOLS],
        "kernel": ("bookworm", ["linux-image-amd64"]),
    },
    # Debian 12's kernel: what the facts were tried with under emulation.
    "trixie": {
        "suite": "trixie",
        "xen": ["xen-hypervisor-4.20-amd64", "xen-utils-4.20", "libssl3t64",
                *_HOST_TOOLS],
        "headers": ["libdevmapper-dev", "libssl-dev", "libxen-dev"],
        "kernel": ("bookworm", ["linux-image-amd64"]),
    },
}

# QEMU 10 is reliable and fast, but a guest's BIOS finds no memory there, and
# its Linux no page fault's address before mend_qemu.py; QEMU 7.2 runs every
# guest, with a fault in about 1 of 300 dom0 commands.
EMULATORS = {
    "10": ("bookworm-backports", ["qemu-system-x86"]),
    "7.2": ("bookworm", ["qemu-system-x86"]),
}

# Paths in the unpacked packages that a dom0 needs. The libraries that ELF
# files among them name are found by the build.
DOM0_FILES = [
    "etc/drbd.conf",
    "etc/xen/xl.conf",
    "etc/xen/scripts",
    # By the kernel's version of DRBD drbdadm becomes one of these.
    "usr/lib/drbd/drbd*-84",
    # Xen's hotplug scripts are of bash. As a shell, busybox takes its own ip
    # and tc, which know no tap, no bridge and no filter, for those of iproute2.
    "usr/bin/bash",
    "usr/bin/busybox",
    "usr/bin/dash",
    "usr/bin/dbclient",
    # The packages of Xen need it, and so it is among them.
    "usr/bin/dpkg",
    "usr/bin/dpkg-deb",
    "usr/bin/dpkg-query",
    "usr/bin/dpkg-split",
    "usr/bin/dropbearkey",
    "usr/bin/ip",
    "usr/bin/kmod",
    "usr/bin/socat",
    "usr/bin/tar",
    "usr/bin/xenstore*",
    "usr/lib/xen-*/bin/libxl-save-helper",
    "usr/lib/xen-*/bin/xen*",
    "usr/lib/xen-*/bin/xl",
    "usr/lib/xen-*/boot/hvmloader",
    "usr/lib/xen-common/bin/xen-utils-wrapper",
    "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    "usr/lib/x86_64-linux-gnu/libdevmapper.so.1.02.1",
    "usr/lib/x86_64-linux-gnu/libgcc_s.so.1",
    "usr/lib/x86_64-linux-gnu/liblz4.so.1",
    "usr/lib/x86_64-linux-gnu/libstdc++.so.6",
    "usr/lib/x86_64-linux-gnu/libxen*.so.*",
    "usr/lib/x86_64-linux-gnu/libxlutil.so.*",
    "usr/lib/x86_64-linux-gnu/libxxhash.so.0",
    "usr/lib/x86_64-linux-gnu/libyajl.so.2",
    "usr/lib64/ld-linux-x86-64.so.2",
    "usr/libexec/xen-qemu-system-i386",
    "usr/sbin/bridge",
    "usr/sbin/dmsetup",
    "usr/sbin/drbd*",
    "usr/sbin/dropbear",
    "usr/sbin/ip",
    "usr/sbin/modprobe",
    "usr/sbin/tc",
    "usr/sbin/xen*",
    "usr/sbin/xl",
    "usr/share/qemu/keymaps",
    "usr/share/qemu/kvmvapic.bin",
    "usr/share/qemu/linuxboot*.bin",
    "usr/share/seabios/bios-256k.bin",
]

# The client has no Xen, and no tools but these.
CLIENT_FILES = [
    "usr/bin/busybox",
    "usr/bin/dash",
    "usr/bin/ip",
    "usr/bin/kmod",
    "usr/lib64/ld-linux-x86-64.so.2",
    "usr/sbin/modprobe",
]
CLIENT_MODULES = ["virtio_pci", "virtio_net", "9pnet_virtio", "9p"]

# Loaded by dom0's init, in this order, with whatever they depend on.
MODULES = [
    *CLIENT_MODULES,
    "xenfs", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd",
    "xen-netback",
    "bridge", "tun",
]

# In the image as well: the filters, which the kernel has loaded when they are
# asked for, and those for disks, which tests load; see net.sh and disk.sh. Open
# vSwitch, and what it offloads to, are of the one test that has it.
MODULES_ON_DEMAND = [
    "act_gact", "act_mirred", "act_skbedit", "cls_fw", "cls_matchall",
    "sch_ingress",
    "cls_flower", "openvswitch",
    "brd", "dm-delay", "dm-snapshot", "drbd", "loop", "virtio_blk",
    "xen-blkback",
]

# For guests: their init loads them.
GUEST_MODULES = [
    "e1000", "xen-blkfront", "xen-netfront",
    "crc16", "crc32c_generic", "ext4", "jbd2", "mbcache",
]
