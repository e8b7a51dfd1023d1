"""Files of captured frames: pcap-savefile(5), Ethernet, with nanoseconds."""

import struct
import time

_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")


class Capture:
    """Written by one process while others read."""

    def __init__(self, path, snap):
        self._file = open(path, "wb", buffering=0)
        self._snap = snap  # no more bytes of a frame than these
        self._file.write(_HEADER.pack(0xa1b23c4d, 2, 4, 0, 0, snap, 1))

    def write(self, frames):
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        self._file.write(b"".join(
            _RECORD.pack(seconds, nanoseconds, min(len(frame), self._snap),
                         len(frame)) + frame[:self._snap]
            for frame in frames))


def captured(path):
    """Of each frame: time in ns, length, and what was kept of it.

    The capture may still grow: a frame that is not whole yet is left out.
    """
    with open(path, "rb") as file:
        file.read(_HEADER.size)
        while len(header := file.read(_RECORD.size)) == _RECORD.size:
            seconds, nanoseconds, kept, length = _RECORD.unpack(header)
            frame = file.read(kept)
            if len(frame) < kept:
                return
            yield seconds * 1_000_000_000 + nanoseconds, length, frame


def seconds(time_ns):
    return f"{time_ns // 1_000_000_000}.{time_ns % 1_000_000_000:09}"
