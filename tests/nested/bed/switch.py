"""The guests' network: a switch that joins hosts and client, and an observer.

    switch.py FOLDER PORT...

It is a process of its own, which goes on when a machine dies. Each machine's
emulator connects to the unix socket FOLDER/PORT and sends and receives frames,
each behind its length in four bytes. A frame goes to the port from which the
switch has last seen its destination, or to all others. A port whose machine is
gone, or stands still, is sent to no more than fits into QUEUE_MOST; what
follows is lost, as on any wire.

What each machine has sent is in FOLDER/PORT.pcap before any other machine has
got it: the first SNAP_MOST bytes of each frame, with this machine's time.
tcpdump reads it.
"""

import os
import pathlib
import selectors
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bed.process import Process  # noqa: E402

FOLDER = "switch"  # of a run's
QUEUE_MOST = 4 << 20  # bytes
SNAP_MOST = 256
FRAME_MOST = 1 << 17
READ_MOST = 1 << 18

# pcap-savefile(5): nanoseconds, version 2.4, Ethernet
_PCAP_HEADER = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, SNAP_MOST, 1)


class Capture:
    """What one port sent."""

    def __init__(self, path):
        self._file = open(path, "wb", buffering=0)
        self._file.write(_PCAP_HEADER)

    def write(self, frames):
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        self._file.write(b"".join(
            struct.pack("<IIII", seconds, nanoseconds,
                        min(len(frame), SNAP_MOST), len(frame))
            + bytes(frame[:SNAP_MOST]) for frame in frames))


class Port:
    def __init__(self, switch, folder, name):
        self.name = name
        self._switch = switch
        self._capture = Capture(folder / f"{name}.pcap")
        self._connection = None
        self._input = b""
        self._output = bytearray()
        self._listener = socket.socket(socket.AF_UNIX)
        # The process is in the folder: a socket's path may have 107 bytes.
        self._listener.bind(name)
        self._listener.listen(1)
        switch.selector.register(self._listener, selectors.EVENT_READ,
                                 self._accept)

    def _accept(self, _):
        connection = self._listener.accept()[0]
        self._close()
        connection.setblocking(False)
        self._connection = connection
        self._watch()

    def _close(self):
        if self._connection is not None:
            self._switch.selector.unregister(self._connection)
            self._connection.close()
            self._connection = None
        self._input = b""
        self._output.clear()

    def _watch(self):
        events = selectors.EVENT_READ
        if self._output:
            events |= selectors.EVENT_WRITE
        try:
            self._switch.selector.modify(self._connection, events, self._move)
        except KeyError:
            self._switch.selector.register(self._connection, events,
                                           self._move)

    def _move(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self._flush()
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
        for frame in frames:
            if len(frame) >= 14:
                self._switch.forward(self, frame)

    def send(self, frame):
        if self._connection is None or \
                len(self._output) + len(frame) > QUEUE_MOST:
            return
        self._output += len(frame).to_bytes(4, "big") + frame
        try:
            self._flush()
        except OSError:
            self._watch()  # it is told of an end there

    def _flush(self):
        sent = self._connection.send(self._output) if self._output else 0
        del self._output[:sent]
        self._watch()


class Switch:
    def __init__(self, folder, names):
        self.selector = selectors.DefaultSelector()
        self._seen = {}  # address: port
        self._ports = [Port(self, folder, name) for name in names]

    def forward(self, source, frame):
        destination, sender = frame[:6], frame[6:12]
        if not sender[0] & 1:
            self._seen[sender] = source
        target = self._seen.get(destination)
        if target is None:
            for port in self._ports:
                if port is not source:
                    port.send(frame)
        elif target is not source:
            target.send(frame)

    def run(self):
        while True:
            for key, events in self.selector.select():
                key.data(events)


def start(rundir, names):
    """Starts the switch of a run; returns when machines can be plugged in."""
    folder = pathlib.Path(rundir).absolute() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    process = of_run(rundir)
    process.start([sys.executable, "-B", __file__, folder, *names], folder,
                  folder / "switch.log")
    while not all((folder / name).exists() for name in names):
        if not process.is_alive():
            raise OSError(f"no switch: see {folder / 'switch.log'}")
        time.sleep(0.05)


def of_run(rundir):
    """The switch of a run as a Process, whether or not there is one."""
    return Process(pathlib.Path(rundir).absolute() / FOLDER / "switch.pid")


def capture_of(rundir, name):
    """The file with what machine `name` has sent."""
    return pathlib.Path(rundir) / FOLDER / f"{name}.pcap"


def plug(name):
    """The emulator's option for a cable into port `name`, where it is started
    in a folder of the run's."""
    return f"stream,id=guests,addr.type=unix,addr.path=../{FOLDER}/{name}"


def main(folder, *names):
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    os.chdir(folder)
    Switch(pathlib.Path("."), names).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
