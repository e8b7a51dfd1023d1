"""The client: an emulated machine without Xen, on the guests' network."""

from bed.machine import LINUX, Machine, card
from bed.networks import plug

_MEMORY_MB = 256
# Without Xen the kernel finds out by itself how fast its TSC runs, with a timer
# that is emulated: on a busy machine it once found a thirtieth of that, and its
# clock ran as much too fast.
_CLOCK = "clocksource=hpet"


class Client(Machine):
    def start(self, emulator, image, share):
        self.launch(emulator, image, share, [
            "-cpu", "EPYC,-avx2", "-m", f"{_MEMORY_MB}M",
            "-kernel", "image/vmlinux", "-initrd", "image/client.cpio",
            "-append", f"console=ttyS0 {_CLOCK} {LINUX} "
                       f"bed.host={self.name} bed.number={self.number}",
            *card("guests", 5, f"52:54:00:77:00:0{self.number}",
                  plug("guests", self.name))])
