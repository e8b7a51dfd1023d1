"""One emulated machine: a QEMU process and a folder of its own.

    RUNDIR/<machine>/console.log   hypervisor and kernel
    RUNDIR/<machine>/qemu.log      messages of the emulator
    RUNDIR/<machine>/errors.log    what commands in it wrote to stderr
    RUNDIR/<machine>/log/          its logs, as they are written
    RUNDIR/<machine>/qemu.pid      the emulator's pid and start time
    RUNDIR/<machine>/command       how it was started
    RUNDIR/<machine>/port          where its shell listens on 127.0.0.1
    RUNDIR/<machine>/exchange/     for push and pull
"""

import json
import os
import pathlib
import socket
import time

from bed import shell
from bed.process import Process

NUMBERS = {"a": 1, "b": 2, "c": 3}  # the last ones of their addresses

_MACHINE = [
    "-machine", "pc", "-accel", "tcg,thread=multi", "-smp", "1",
    "-display", "none", "-nodefaults", "-no-reboot", "-vga", "none",
]
LINUX = "mitigations=off loglevel=7"


class BedError(Exception):
    pass


class Machine:
    """What hosts and client have in common; they say what they boot, what
    memory they have, and what their network cards lead to."""

    def __init__(self, rundir, name):
        self.name = name
        self.number = NUMBERS[name]
        self.rundir = pathlib.Path(rundir).absolute()
        self.folder = self.rundir / name
        self._process = Process(self.folder / "qemu.pid")
        self.is_alive = self._process.is_alive
        self.signal = self._process.signal
        # As a power failure would end it.
        self.kill = self._process.kill

    def launch(self, emulator, image, share, options):
        """Start the emulator; `wait_until_up` tells when the machine answers.
        """
        for sub in ("log", "exchange"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "image").unlink(missing_ok=True)
        (self.folder / "image").symlink_to(image)
        command = [*emulator, "-name", self.name, *_MACHINE,
                   *self._common_devices(share), *options]
        (self.folder / "command").write_text(json.dumps(command))
        self.boot()

    def boot(self):
        """Start the emulator as it was launched; the machine's disk is kept.
        """
        if self.is_alive():
            raise BedError(f"host {self.name} is up already")
        command = json.loads((self.folder / "command").read_text())
        self._process.start(command, self.folder, self.folder / "qemu.log")

    def _common_devices(self, share):
        options = [
            "-chardev", "file,id=com1,path=console.log,append=on",
            "-serial", "chardev:com1",
            "-chardev", "socket,id=com2,path=shell,server=on,wait=off",
            "-serial", "chardev:com2",
            "-qmp", "unix:qmp,server=on,wait=off",
            "-netdev", "user,id=driver,restrict=on,"
                       "hostfwd=tcp:127.0.0.1:0-:1000",
            "-device", "virtio-net-pci,netdev=driver,addr=4,romfile=",
        ]
        for tag, path in (("share", share), ("host", self.folder)):
            options += ["-virtfs",
                        f"local,path={str(path).replace(',', ',,')},"
                        f"mount_tag={tag},security_model=none,multidevs=remap"]
        return options

    def wait_until_up(self, deadline):
        while time.monotonic() < deadline:
            if not self.is_alive():
                raise BedError(f"host {self.name}: the emulator ended: "
                               + self._last_line("qemu.log"))
            try:
                port = self._ask_port()
            except OSError:
                time.sleep(0.2)
                continue
            (self.folder / "port").write_text(f"{port}\n")
            if shell.run(port, "true", 5, [], []) == 0:
                return
            time.sleep(0.5)
        raise BedError(f"host {self.name} does not answer; console: "
                       + self._last_line("console.log"))

    def _ask_port(self):
        text = self.monitor("human-monitor-command",
                            {"command-line": "info usernet"})
        fields = next(line for line in text.splitlines()
                      if "HOST_FORWARD" in line).split()
        return int(fields[3])

    def _last_line(self, log):
        path = self.folder / log
        lines = path.read_text(errors="replace").splitlines() \
            if path.exists() else []
        return lines[-1] if lines else "(empty)"

    def run(self, line, timeout_s, out, errors):
        port = int((self.folder / "port").read_text())
        with open(self.folder / "errors.log", "ab", buffering=0) as log:
            log.write(f"$ {line}\n".encode())
            status = shell.run(port, line, timeout_s, [out], [errors, log])
            log.write(f"= {status}\n".encode())
        return status

    def monitor(self, command, arguments):
        """One command to the emulator's QMP; returns what it returned."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            # A path through /proc: a socket's own may have 107 characters.
            folder = os.open(self.folder, os.O_PATH)
            try:
                connection.connect(f"/proc/self/fd/{folder}/qmp")
            finally:
                os.close(folder)
            with connection.makefile("rw") as stream:
                stream.readline()
                for request in ({"execute": "qmp_capabilities"},
                                {"execute": command, "arguments": arguments}):
                    stream.write(json.dumps(request))
                    stream.flush()
                    reply = {}
                    while not reply.keys() & {"return", "error"}:
                        reply = json.loads(stream.readline())
                if "error" in reply:
                    raise BedError(f"host {self.name}: {command}: "
                                   + reply["error"]["desc"])
                return reply["return"]

    def doze(self, seconds):
        """Stop the emulated machine, whose uptime is the less for it."""
        self.monitor("stop", {})
        time.sleep(seconds)
        self.monitor("cont", {})

    def ended_by_itself(self):
        """The emulator's last words when nobody killed it, else None."""
        if self._process.ended_by_itself():
            return "emulator ended: " + self._last_line("qemu.log")
        return None


def card(name, slot, address, netdev, *options):
    """The options for a network card that `netdev` joins to something."""
    return ["-netdev", netdev,
            "-device", ",".join([f"virtio-net-pci,netdev={name},addr={slot},"
                                 f"romfile=,mac={address}", *options])]
