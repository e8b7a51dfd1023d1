"""What the observer at the guests' network saw a machine send; see switch.py.

A line a frame, in the order in which they were sent:
    TIME SOURCE DESTINATION LENGTH WHAT
TIME in seconds, of this machine's clock; LENGTH in bytes; WHAT is "arp
request|reply ADDRESS ADDRESS", "tcp ADDRESS:PORT ADDRESS:PORT FLAGS SEQUENCE
ACKNOWLEDGED PAYLOAD", with PAYLOAD in bytes, "ip PROTOCOL ADDRESS ADDRESS", or
the type that the frame names. IPv6 is not looked into.
"""

import collections
import socket
import struct

from bed.capture import captured, seconds

_ARP, _IPV4 = 0x0806, 0x0800
_FLAGS = "FSRPA"

# Addresses are "ADDRESS:PORT"; `sender` is of Ethernet.
Segment = collections.namedtuple(
    "Segment", "time_ns sender source target flags sequence acknowledged size")


def frames(path, source=None):
    """The lines of one capture; just those of a sender, where that is told."""
    for time_ns, length, frame in captured(path):
        sender = _mac(frame[6:12])
        if source in (None, sender):
            yield (f"{seconds(time_ns)} {sender} {_mac(frame[:6])} {length} "
                   f"{_what(frame)}")


def segments(path):
    """The capture's frames of TCP over IPv4."""
    for time_ns, _, frame in captured(path):
        if frame[12:14] == b"\x08\x00" and len(frame) >= 54 and \
                frame[23] == socket.IPPROTO_TCP:
            yield Segment(time_ns, _mac(frame[6:12]), *_tcp(frame[14:]))


def _what(frame):
    kind = int.from_bytes(frame[12:14], "big")
    try:
        if kind == _ARP:
            operation, sender, target = \
                struct.unpack_from("!H6x4s6x4s", frame, 20)
            return (f"arp {'request' if operation == 1 else 'reply'} "
                    f"{socket.inet_ntoa(sender)} {socket.inet_ntoa(target)}")
        if kind == _IPV4:
            return _ipv4(frame[14:])
    except struct.error:
        return "short"
    return f"0x{kind:04x}"


def _ipv4(packet):
    protocol, sender, target = struct.unpack_from("!9xB2x4s4s", packet)
    if protocol != socket.IPPROTO_TCP:
        return (f"ip {protocol} {socket.inet_ntoa(sender)} "
                f"{socket.inet_ntoa(target)}")
    source, target, flags, sequence, acknowledged, payload = _tcp(packet)
    return (f"tcp {source} {target} {flags or '-'} {sequence} {acknowledged} "
            f"{payload}")


def _tcp(packet):
    size, sender, target = struct.unpack_from("!xxH8x4s4s", packet)
    header = (packet[0] & 15) * 4
    source, destination, sequence, acknowledged, offset, bits = \
        struct.unpack_from("!HHIIBB", packet, header)
    flags = "".join(flag for bit, flag in enumerate(_FLAGS) if bits >> bit & 1)
    return (f"{socket.inet_ntoa(sender)}:{source}",
            f"{socket.inet_ntoa(target)}:{destination}", flags, sequence,
            acknowledged, size - header - (offset >> 4) * 4)


def _mac(address):
    return ":".join(f"{byte:02x}" for byte in address)
