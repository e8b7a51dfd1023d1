"""One emulated Xen host: a QEMU process and a folder of its own.

    RUNDIR/<host>/console.log   hypervisor and dom0 kernel
    RUNDIR/<host>/qemu.log      messages of the emulator
    RUNDIR/<host>/errors.log    what commands in dom0 wrote to stderr
    RUNDIR/<host>/log/          the host's /var/log/xen, as it is written
    RUNDIR/<host>/qemu.pid      the emulator's pid and start time
    RUNDIR/<host>/port          where dom0's shell listens on 127.0.0.1
    RUNDIR/<host>/exchange/     for push and pull
"""

import json
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time

from bed import shell

NUMBERS = {"a": 1, "b": 2}  # the last ones of their addresses

# Facts, section 4, says what each of these mends; -avx2: the emulated
# vinserti128 reads 32 bytes where 16 are meant, so that libcrypto's Poly1305
# ran over the end of a guest's last mapped page.
_MACHINE = [
    "-machine", "pc", "-accel", "tcg,thread=multi", "-smp", "1",
    "-cpu", "EPYC,+svm,+npt,-smap,-smep,-monitor,-rdtscp,-avx2",
    "-display", "none", "-nodefaults", "-no-reboot", "-vga", "none",
]
# eager-fpu: Xen otherwise has CR0.TS tell it when a domain first uses the vector
# registers, and under emulation they were lost all the same as soon as a guest
# used them too: in dom0 a memmove() of 4 MiB went wrong every time.
_XEN = ("dom0_mem=900M,max:900M console=com1 com1=115200,8n1 "
        "sched=credit2 noreboot cpuidle=0 bootscrub=0 spec-ctrl=eager-fpu")
_LINUX = "console=hvc0 tsc=reliable mitigations=off loglevel=7"


class BedError(Exception):
    pass


def _card(name, slot, address, netdev, *options):
    return ["-netdev", netdev,
            "-device", ",".join([f"virtio-net-pci,netdev={name},addr={slot},"
                                 f"romfile=,mac={address}", *options])]


def _cable(name, peer):
    """From host to host, without anything between them."""
    return (f"dgram,id={name},local.type=unix,local.path={name},"
            f"remote.type=unix,remote.path=../{peer}/{name}")


class Host:
    def __init__(self, rundir, name):
        self.name = name
        self.rundir = pathlib.Path(rundir).absolute()
        self.folder = self.rundir / name
        self._pid_file = self.folder / "qemu.pid"

    def start(self, emulator, image, share, memory_mb):
        """Start the emulator; `wait_until_up` tells when dom0 answers."""
        for sub in ("log", "exchange"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "image").unlink(missing_ok=True)
        (self.folder / "image").symlink_to(image)
        command = [*emulator, "-name", self.name, *_MACHINE,
                   "-m", f"{memory_mb}M", *self._boot_options(),
                   *self._device_options(share)]
        log = self.folder / "qemu.log"
        with open(log, "ab") as errors:
            errors.write((shlex.join(command) + "\n").encode())
            errors.flush()
            # A session of its own: a Ctrl-C meant for the test is not for it.
            process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=errors, stderr=errors, start_new_session=True)
        self._pid_file.write_text(
            f"{process.pid} {_start_time(process.pid)}\n")

    def _boot_options(self):
        # Names relative to the host's folder: a comma in a path would end
        # the multiboot module's name.
        kernel = (f"image/vmlinux {_LINUX} bed.host={self.name} "
                  f"bed.number={NUMBERS[self.name]}")
        return ["-kernel", "image/xen", "-append", _XEN,
                "-initrd", f"{kernel.replace(',', ',,')},image/dom0.cpio"]

    def _device_options(self, share):
        peer = "b" if self.name == "a" else "a"
        options = [
            "-chardev", "file,id=com1,path=console.log,append=on",
            "-serial", "chardev:com1",
            "-chardev", "socket,id=com2,path=shell,server=on,wait=off",
            "-serial", "chardev:com2",
            "-qmp", "unix:qmp,server=on,wait=off",
            "-netdev", "user,id=driver,restrict=on,"
                       "hostfwd=tcp:127.0.0.1:0-:1000",
            "-device", "virtio-net-pci,netdev=driver,addr=4,romfile=",
            *_card("wire", 5, f"52:54:00:76:00:0{NUMBERS[self.name]}",
                   _cable("wire", peer), "host_mtu=9000"),
            *_card("guests", 6, f"52:54:00:77:00:0{NUMBERS[self.name]}",
                   _cable("guests", peer)),
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
        raise BedError(f"host {self.name}: dom0 does not answer; console: "
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

    def set_link(self, up):
        self.monitor("set_link", {"name": "wire", "up": up})

    def doze(self, seconds):
        """Stop the emulated machine, whose uptime is the less for it."""
        self.monitor("stop", {})
        time.sleep(seconds)
        self.monitor("cont", {})

    def _pid(self):
        if not self._pid_file.exists():
            return None
        pid, started = self._pid_file.read_text().split()
        return int(pid) if _start_time(pid) == started else None

    def is_alive(self):
        return self._pid() is not None

    def ended_by_itself(self):
        """The emulator's last words when nobody killed it, else None."""
        if self._pid_file.exists() and not self.is_alive():
            return "emulator ended: " + self._last_line("qemu.log")
        return None

    def signal(self, number):
        """Signal the emulator; returns whether there was one."""
        pid = self._pid()
        if pid is None:
            return False
        os.kill(pid, number)
        return True

    def kill(self):
        """Kill the host at once, as a power failure would."""
        if self.signal(signal.SIGKILL):
            while self.is_alive():
                time.sleep(0.01)
            self._pid_file.unlink()


def _start_time(pid):
    """Tells a process from a later one of the same pid; None when dead."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # proc(5): the third one on
    return None if fields[0] == "Z" else fields[19]
