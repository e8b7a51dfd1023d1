"""Tells crashes of the emulated platform from failures of what is tested.

Under emulation a processor now and then does what no processor does, and
then something dies that nobody tested. A test cannot pass or fail on such a
host. Programs under test are told by their names, which begin with xl-colo:
whatever happens to them counts as theirs.
"""

import re

OURS = "xl-colo"

# What hypervisor, dom0 kernel and dynamic loader write when they, or a
# program, die of something that is no ordinary error.
_CONSOLE = re.compile(r"""
    Panic\ on\ CPU | Xen\ BUG\ at | \(XEN\)\ Assertion\ .*\ failed
  | Kernel\ panic | kernel\ BUG\ at | \bOops:
  | BUG:\ unable\ to\ handle | restore:\ bad\ CR4
  | (?P<program>\S+?)\[\d+\]:?\ (?:segfault\ at|general\ protection|trap\ )
""", re.X)
_OUTPUT = re.compile(r"Inconsistency detected by ld\.so")


def find_faults(hosts):
    """Lines "host: log: what it says", one for each crash."""
    return [f"{host.name}: {log}: {line}"
            for host in hosts if host.folder.exists()
            for log, line in _faults_of(host)]


def _faults_of(host):
    ended = host.ended_by_itself()
    if ended is not None:
        yield "qemu.log", ended
    for path in [host.folder / "console.log", host.folder / "errors.log",
                 *sorted((host.folder / "log").glob("**/*.log"))]:
        if not path.is_file():
            continue
        pattern = _CONSOLE if path.name == "console.log" else _OUTPUT
        for line in path.read_text(errors="replace").splitlines():
            found = pattern.search(line)
            if found and not found.groupdict().get(
                    "program", "").startswith(OURS):
                yield str(path.relative_to(host.folder)), line
