"""A folder written as an initramfs: cpio's "newc" format, all owned by root."""

import os
import stat
import sys

# Documentation/driver-api/early-userspace/buffer-format.rst in Linux
_HEADER = "070701" + "%08X" * 13


def write_cpio(folder, output):
    with open(output, "wb") as out:
        for number, path in enumerate(_paths(folder), 1):
            _write_entry(out, number, os.path.relpath(path, folder), path)
        _write_header(out, 0, 0, 0, "TRAILER!!!")


def _paths(folder):
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(folders + files):
            yield os.path.join(parent, name)


def _write_entry(out, number, name, path):
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode):
        data = os.readlink(path).encode()
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            data = file.read()
    else:
        data = b""
    _write_header(out, number, info.st_mode, len(data), name)
    out.write(data + b"\0" * (-len(data) % 4))


def _write_header(out, number, mode, size, name):
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(encoded), 0)
    header = (_HEADER % fields).encode() + encoded
    out.write(header + b"\0" * (-len(header) % 4))


if __name__ == "__main__":
    write_cpio(*sys.argv[1:])
