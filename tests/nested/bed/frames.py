"""What the observer at the guests' network saw a machine send; see switch.py.

A line a frame, in the order in which they were sent:
    TIME SOURCE DESTINATION LENGTH WHAT
TIME in seconds, of this machine's clock; LENGTH in bytes; WHAT is "arp
request|reply ADDRESS ADDRESS", "tcp ADDRESS:PORT ADDRESS:PORT FLAGS SEQUENCE
ACKNOWLEDGED PAYLOAD", with PAYLOAD in bytes, "ip PROTOCOL ADDRESS ADDRESS", or
the type that the frame names. IPv6 is not looked into.
"""

import socket
import struct

_ARP, _IPV4 = 0x0806, 0x0800
_FLAGS = "FSRPA"


def frames(path, source=None):
    """The lines of one capture; just those of a sender, where that is told.

    The capture may still grow: a frame that is not whole yet is left out.
    """
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        seconds, nanoseconds, stored, length = \
            struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + stored]
        at += 16 + stored
        if at > len(data):
            break
        sender = _mac(frame[6:12])
        if source in (None, sender):
            yield (f"{seconds}.{nanoseconds:09} {sender} {_mac(frame[:6])} "
                   f"{length} {_what(frame)}")


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
    size, protocol, sender, target = struct.unpack_from("!xxH5xB2x4s4s",
                                                        packet)
    sender, target = socket.inet_ntoa(sender), socket.inet_ntoa(target)
    if protocol != socket.IPPROTO_TCP:
        return f"ip {protocol} {sender} {target}"
    header = (packet[0] & 15) * 4
    source, destination, sequence, acknowledged, offset, bits = \
        struct.unpack_from("!HHIIBB", packet, header)
    flags = "".join(flag for bit, flag in enumerate(_FLAGS) if bits >> bit & 1)
    payload = size - header - (offset >> 4) * 4
    return (f"tcp {sender}:{source} {target}:{destination} {flags or '-'} "
            f"{sequence} {acknowledged} {payload}")


def _mac(address):
    return ":".join(f"{byte:02x}" for byte in address)
