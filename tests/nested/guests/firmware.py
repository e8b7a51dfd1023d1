"""hvmloader with a Linux kernel and an initramfs, as one ELF file.

firmware.py HVMLOADER VMLINUX INITRAMFS OUTPUT

libxl puts an HVM guest's firmware into its memory segment by segment, so
what else is to be there can come along. loader.c, started by hvmloader,
finds it by the record at PAYLOAD.
"""

import struct
import sys

# Above what hvmloader uses for its own tests, below where kernels are linked.
PAYLOAD = 0x800000
ALIGNMENT = 0x200000


def segments_of(path):
    """Of each loaded segment: physical address, bytes, size in memory."""
    with open(path, "rb") as file:
        data = file.read()
    wide = data[4] == 2
    if wide:
        entry, offset = struct.unpack_from("<QQ", data, 24)
        size, count = struct.unpack_from("<HH", data, 54)
    else:
        entry, offset = struct.unpack_from("<II", data, 24)
        size, count = struct.unpack_from("<HH", data, 42)
    segments = []
    for at in range(offset, offset + size * count, size):
        if wide:
            kind, _, start, _, address, stored, memory = \
                struct.unpack_from("<IIQQQQQ", data, at)
        else:
            kind, start, _, address, stored, memory = \
                struct.unpack_from("<IIIIII", data, at)
        if kind == 1:
            # What is zero need not be in the file.
            contents = data[start:start + stored].rstrip(b"\0")
            segments.append((address, contents, memory))
    return entry, segments


def write_elf(path, entry, segments):
    header_size, program_header_size = 52, 32
    offset = header_size + program_header_size * len(segments)
    headers, contents = b"", b""
    for address, data, memory in segments:
        headers += struct.pack("<8I", 1, offset + len(contents), address,
                               address, len(data), memory, 7, 0x1000)
        contents += data
    with open(path, "wb") as out:
        out.write(b"\x7fELF\x01\x01\x01" + bytes(9)
                  + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, entry, header_size,
                                0, 0, header_size, program_header_size,
                                len(segments), 0, 0, 0))
        out.write(headers + contents)


def main(hvmloader, vmlinux, initramfs, output):
    entry, segments = segments_of(hvmloader)
    kernel, kernel_segments = segments_of(vmlinux)
    with open(initramfs, "rb") as file:
        ramdisk = file.read()
    end = max(address + memory for address, _, memory in kernel_segments)
    start = -(-end // ALIGNMENT) * ALIGNMENT
    record = struct.pack("<3I", kernel, start, len(ramdisk))
    segments += [(PAYLOAD, record, len(record)), *kernel_segments,
                 (start, ramdisk, len(ramdisk))]
    write_elf(output, entry, segments)


if __name__ == "__main__":
    main(*sys.argv[1:])
