"""What joins the machines of a run: see switch.py.

    RUNDIR/switch/<network>-<machine>        the socket of a machine's port
    RUNDIR/switch/<network>-<machine>.pcap   what the machine sent; for tcpdump
    RUNDIR/switch/switch.log                 what the switch says

"guests" is the guests' network, of whose frames the first bytes are kept;
"wire" the one from host to host, all of which is.
"""

import os
import pathlib
import sys
import time

from bed import switch
from bed.process import Process
from bed.session import sessions

NETWORKS = {
    "guests": (["a", "b", "c"], 256),
    "wire": (["a", "b"], 65535),
}


class Networks:
    def __init__(self, rundir):
        self.folder = pathlib.Path(rundir).absolute() / "switch"
        self.process = Process(self.folder / "switch.pid")

    def start(self, testbed):
        """Starts the switch; returns when machines can be plugged in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sockets = [self.folder / f"{network}-{machine}"
                   for network, (machines, _) in NETWORKS.items()
                   for machine in machines]
        for path in sockets:
            path.unlink(missing_ok=True)
        self.process.start([sys.executable, "-B", testbed, "switch", "--dir",
                            self.folder.parent], self.folder,
                           self.folder / "switch.log")
        while not all(path.exists() for path in sockets):
            if not self.process.is_alive():
                raise OSError(f"no switch: see {self.folder / 'switch.log'}")
            time.sleep(0.05)

    def run(self):
        """The switch itself; never returns."""
        os.chdir(self.folder)
        switch.run([([f"{network}-{machine}" for machine in machines], snap)
                    for network, (machines, snap) in NETWORKS.items()])

    def capture(self, network, machine):
        return self.folder / f"{network}-{machine}.pcap"

    def sessions(self, host):
        """What the programs on `host` sent to the other; see session.py."""
        other = "b" if host == "a" else "a"
        return sessions(self.capture("wire", host),
                        self.capture("wire", other))


def plug(network, machine):
    """The emulator's option for a cable into a machine's port, where it is
    started in the machine's folder."""
    return (f"stream,id={network},addr.type=unix,"
            f"addr.path=../switch/{network}-{machine}")
