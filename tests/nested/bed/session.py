"""What the observer at the wire saw a guest's program send to its peer.

A line a frame of docs/specs/colo-wire.md, in the order in which they were sent:
    TIME NAME [CHECKPOINT]
TIME is when the frame's last byte was on its way, in seconds of this machine's
clock, as that of bed/frames.py: before the peer had all of the frame. A type
that is not below comes as a number.

The program's bytes are found in connections of plain-shell (see
image/plain-shell.c), whose command is one of the program's; of ssh nothing can
be told.
"""

import struct

from bed.capture import captured

_SHELL_PORT = 1000
_COMMAND = b"xl-colo-receive"
_NAMES = {
    0x01: "HELLO", 0x02: "OFFER", 0x03: "ACCEPT", 0x04: "HEARTBEAT",
    0x05: "STOP", 0x06: "BYE", 0x07: "DEVICE", 0x10: "IMAGE", 0x11: "RECORD",
    0x12: "DEVICE_STATE", 0x13: "CHECKPOINT", 0x14: "RESUME", 0x15: "DONE",
    0x16: "DIGESTS", 0x17: "PAGES", 0x18: "MEMORY", 0x19: "PACKED_PAGES",
    0x1a: "STANDS", 0x1b: "DISK_DIGESTS",
    0x20: "SUSPENDED", 0x21: "DIRTY_SET", 0x22: "COMMITTED", 0x23: "READY",
    0x24: "RESUMED", 0x25: "VERIFIED", 0x26: "DIRTY_DIGESTS",
    0x27: "CHECKPOINT_WANTED", 0x28: "KEPT", 0x29: "DISK_VERIFIED",
    0x30: "TAKEOVER", 0x31: "YIELDED",
    0x32: "TAKEN_OVER",
}
_OFFER, _ACCEPT = 0x02, 0x03  # each sender's last frame without a check
_NUMBERED = {0x12, 0x13, 0x14, 0x16, 0x1b, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25,
             0x26, 0x29}
_CHECK_SIZE = 16


def sessions(own, other):
    """What the host of the capture `own` has sent to that of `other`: of each
    session, by its connection's ends, time in ns, name and checkpoint or "" of
    each frame."""
    commands = {**_commands(own), **_commands(other)}
    found = {}
    for key, pieces in _streams(own).items():
        if _COMMAND in commands.get(frozenset(key), b""):
            to_server = key[1][1] == _SHELL_PORT
            found[frozenset(key)] = list(_frames(
                _program_bytes(pieces, b"i" if to_server else b"o")))
    return found


def _commands(capture):
    """Of each connection that was begun there, what its shell was told."""
    found = {}
    for key, pieces in _streams(capture).items():
        if key[1][1] == _SHELL_PORT:
            start = b"".join(data for _, data in pieces[:2])
            found[frozenset(key)] = start[5:5 + int.from_bytes(start[1:5],
                                                               "big")]
    return found


def _streams(capture):
    """Of each connection, by its ends, the times and pieces of what was sent.
    """
    streams, later = {}, {}
    expected = {}
    for time_ns, _, frame in captured(capture):
        segment = _tcp(frame)
        if segment is None:
            continue
        key, sequence, begins, data = segment
        if begins:  # another connection between the same ports is not looked at
            expected.setdefault(key, (sequence + 1) % 2**32)
            streams.setdefault(key, [])
        if not data or key not in expected:
            continue
        waiting = later.setdefault(key, {})
        waiting[sequence] = max(data, waiting.get(sequence, b""), key=len)
        # What was sent again, or overtook something, comes once and in order.
        for at in sorted(waiting, key=lambda at: _ahead(expected[key], at)):
            known = -_ahead(expected[key], at)
            if known < 0:
                break
            fresh = waiting.pop(at)[known:]
            if fresh:
                streams[key].append((time_ns, fresh))
                expected[key] = (expected[key] + len(fresh)) % 2**32
    return streams


def _ahead(expected, sequence):
    """By how much a segment begins behind what is expected, or before it."""
    return (sequence - expected + 2**31) % 2**32 - 2**31


def _tcp(frame):
    """Of a segment to or from a shell: its ends, sequence number, whether it
    begins the connection, and its data; else None."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    size, = struct.unpack_from("!H", frame, 16)
    header = 14 + (frame[14] & 15) * 4
    source, target, sequence = struct.unpack_from("!HHI", frame, header)
    if _SHELL_PORT not in (source, target):
        return None
    data = header + (frame[header + 12] >> 4) * 4
    return (((frame[26:30], source), (frame[30:34], target)), sequence,
            bool(frame[header + 13] & 2), frame[data:14 + size])


def _program_bytes(pieces, kind):
    """Times and pieces of one of a shell connection's streams."""
    data = bytearray()
    for time_ns, piece in pieces:
        data += piece
        at = 0
        while at + 5 <= len(data):
            size = int.from_bytes(data[at + 1:at + 5], "big")
            if at + 5 + size > len(data):
                break
            if data[at:at + 1] == kind:
                yield time_ns, bytes(data[at + 5:at + 5 + size])
            at += 5 + size
        del data[:at]


def _frames(pieces):
    """Time, name and checkpoint, or "", of each frame of the program's."""
    data = bytearray()
    check = 0
    for time_ns, piece in pieces:
        data += piece
        at = 0
        while at + 8 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            end = at + 8 + size + -size % 8 + check
            if end > len(data):
                break
            checkpoint = ""
            if kind in _NUMBERED and size >= 8:
                checkpoint, = struct.unpack_from("<Q", data, at + 8)
            yield time_ns, _NAMES.get(kind, f"0x{kind:04x}"), checkpoint
            if kind in (_OFFER, _ACCEPT):
                check = _CHECK_SIZE
            at = end
        del data[:at]
