"""Runs a command in a host's dom0: the client of image/plain-shell.c."""

import socket
import struct
import time

DEADLINE_PASSED = 124  # as timeout(1) says it
HOST_LOST = 255        # as ssh(1) says it

_CHUNK = 65536


def run(port, line, timeout_s, out, errors):
    """Run a shell command line in the dom0 behind `port` of 127.0.0.1.

    Writes what the command writes to each of the binary files in `out` and
    `errors` as it comes, and returns the exit status. A command that is still running at
    the deadline is killed with everything that it started.
    """
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection(("127.0.0.1", port),
                                      timeout=timeout_s) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _send(connection, b"c", line.encode())
            _send(connection, b"i", b"")
            try:
                return _follow(connection, deadline, {b"o": out,
                                                      b"e": errors})
            except TimeoutError:
                connection.settimeout(1)
                _send(connection, b"k", b"")
                return DEADLINE_PASSED
    except TimeoutError:
        return DEADLINE_PASSED
    except OSError:
        return HOST_LOST


def _follow(connection, deadline, streams):
    while True:
        kind, size = struct.unpack("!cI", _receive(connection, 5, deadline))
        if size > _CHUNK:
            raise OSError("no frame of the shell's")
        body = _receive(connection, size, deadline)
        if kind == b"x":
            return body[0]
        for file in streams[kind]:
            file.write(body)
            file.flush()


def _send(connection, kind, body):
    connection.sendall(struct.pack("!cI", kind, len(body)) + body)


def _receive(connection, size, deadline):
    data = b""
    while len(data) < size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("the host closed the connection")
        data += part
    return data
