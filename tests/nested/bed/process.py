"""A process that outlives the command which started it."""

import os
import pathlib
import shlex
import signal
import subprocess
import time


class Process:
    """One process, known by a file with its pid and start time."""

    def __init__(self, pid_file):
        self._pid_file = pathlib.Path(pid_file)

    def start(self, command, folder, log):
        """Start it in `folder`; what it says is added to the file `log`."""
        with open(log, "ab") as errors:
            errors.write((shlex.join(map(str, command)) + "\n").encode())
            errors.flush()
            # A session of its own: a Ctrl-C meant for the test is not for it.
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL,
                stdout=errors, stderr=errors, start_new_session=True)
        self._pid_file.write_text(
            f"{process.pid} {_start_time(process.pid)}\n")

    def _pid(self):
        if not self._pid_file.exists():
            return None
        pid, started = self._pid_file.read_text().split()
        return int(pid) if _start_time(pid) == started else None

    def is_alive(self):
        return self._pid() is not None

    def ended_by_itself(self):
        """Whether it was started, is gone, and nobody has killed it."""
        return self._pid_file.exists() and not self.is_alive()

    def signal(self, number):
        """Signal it; returns whether there was one."""
        pid = self._pid()
        if pid is None:
            return False
        os.kill(pid, number)
        return True

    def kill(self):
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
