"""The networks between machines, and an observer of them.

It is a process of its own, which goes on when a machine dies. Each machine's
emulator connects to the unix socket of its port and sends and receives frames,
each behind its length in four bytes. A frame goes to the port of the network
from which the switch has last seen its destination, or to all others. A port
whose machine is gone, or stands still, is sent to no more than fits into
QUEUE_MOST; what follows is lost, as on any wire.

What each machine has sent is in a file before any other machine has got it,
with this machine's time; so of two frames, also in different networks, the one
that caused the other has the earlier time.
"""

import selectors
import signal
import socket

from bed.capture import Capture

QUEUE_MOST = 4 << 20  # bytes
FRAME_MOST = 1 << 17
READ_MOST = 1 << 18


class Port:
    """Listens at `path`, which is relative and short: a socket's may have 107
    bytes."""

    def __init__(self, network, selector, path, capture):
        self._network = network
        self._selector = selector
        self._capture = capture
        self._connection = None
        self._input = b""
        self._output = bytearray()
        self._is_full = False  # the connection takes no more just now
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def _accept(self, _):
        connection = self._listener.accept()[0]
        self._close()
        connection.setblocking(False)
        self._connection = connection
        self._selector.register(connection, selectors.EVENT_READ, self._move)

    def _close(self):
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None
        self._input = b""
        self._output.clear()
        self._is_full = False

    def _move(self, events):
        if events & selectors.EVENT_WRITE:
            self.flush()
        try:
            if events & selectors.EVENT_READ:
                self._receive()
        except BlockingIOError:
            pass
        except OSError:
            self._close()

    def _receive(self):
        data = self._connection.recv(READ_MOST)
        if not data:
            self._close()
            return
        data = self._input + data
        frames, at = [], 0
        while at + 4 <= len(data):
            size = int.from_bytes(data[at:at + 4], "big")
            if size > FRAME_MOST:
                raise OSError("not a frame")
            if at + 4 + size > len(data):
                break
            frames.append(data[at + 4:at + 4 + size])
            at += 4 + size
        self._input = data[at:]
        self._capture.write(frames)
        self._network.forward(self, frames)

    def add(self, frame):
        """`flush` sends it."""
        if self._connection is not None and \
                len(self._output) + len(frame) <= QUEUE_MOST:
            self._output += len(frame).to_bytes(4, "big")
            self._output += frame

    def flush(self):
        if not self._output:
            is_full = False
        else:
            try:
                del self._output[:self._connection.send(self._output)]
            except OSError:
                pass  # full, or at its end, of which reading it tells
            is_full = bool(self._output)
        if is_full != self._is_full and self._connection is not None:
            self._is_full = is_full
            self._selector.modify(
                self._connection, selectors.EVENT_READ
                | (selectors.EVENT_WRITE if is_full else 0), self._move)


class Network:
    """Joins ports; none of them hears what another network's say."""

    def __init__(self, selector, ports, snap):
        """`ports`: of each the path of its socket. Of each frame `snap` bytes
        are kept, beside the socket."""
        self._seen = {}  # address: port
        self._ports = [Port(self, selector, path,
                            Capture(f"{path}.pcap", snap)) for path in ports]

    def forward(self, source, frames):
        for frame in frames:
            if len(frame) < 14:
                continue
            destination, sender = frame[:6], frame[6:12]
            if not sender[0] & 1:
                self._seen[sender] = source
            target = self._seen.get(destination)
            for port in self._ports if target is None else [target]:
                if port is not source:
                    port.add(frame)
        for port in self._ports:
            port.flush()


def run(networks):
    """Never returns. `networks`: of each the arguments ports and snap."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    joined = [Network(selector, *network) for network in networks]
    while joined:
        for key, events in selector.select():
            key.data(events)
