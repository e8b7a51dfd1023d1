"""An emulated Xen host, and what its cards lead to."""

from bed.machine import LINUX, Machine, card
from bed.networks import plug

# Facts, section 4, says what each of these mends; -avx2: the emulated
# vinserti128 reads 32 bytes where 16 are meant, so that libcrypto's Poly1305
# ran over the end of a guest's last mapped page.
_PROCESSOR = "EPYC,+svm,+npt,-smap,-smep,-monitor,-rdtscp,-avx2"
# eager-fpu: Xen otherwise has CR0.TS tell it when a domain first uses the
# vector registers, and under emulation they were lost all the same as soon as
# a guest used them too: in dom0 a memmove() of 4 MiB went wrong every time.
_XEN = ("dom0_mem=900M,max:900M console=com1 com1=115200,8n1 "
        "sched=credit2 noreboot cpuidle=0 bootscrub=0 spec-ctrl=eager-fpu")


class Host(Machine):
    def start(self, emulator, image, share, memory_mb, switched, disk_mb=0):
        """Starts it; its cards lead to the switch, or straight to those of the
        other host. With a disk, if that is to have a size: /dev/vda."""
        join = plug if switched else _cable
        self.launch(emulator, image, share, [
            "-cpu", _PROCESSOR, "-m", f"{memory_mb}M", *self._boot_options(),
            *card("wire", 5, f"52:54:00:76:00:0{self.number}",
                  join("wire", self.name), "host_mtu=9000"),
            *card("guests", 6, f"52:54:00:77:00:0{self.number}",
                  join("guests", self.name)),
            *(self._disk(disk_mb) if disk_mb else [])])

    def _disk(self, size_mb):
        """RUNDIR/<host>/disk, which outlives the host. What the emulator has
        written to it is not lost with the emulator, so nothing is flushed; what
        is discarded reads as zeros."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / "disk", "ab") as file:
            file.truncate(size_mb << 20)
        return ["-drive", "file=disk,format=raw,if=none,id=disk,cache=unsafe,"
                "discard=unmap",
                "-device", "virtio-blk-pci,drive=disk,addr=7"]

    def _boot_options(self):
        # Names relative to the host's folder: a comma in a path would end
        # the multiboot module's name.
        kernel = (f"image/vmlinux console=hvc0 tsc=reliable {LINUX} "
                  f"bed.host={self.name} bed.number={self.number}")
        return ["-kernel", "image/xen", "-append", _XEN,
                "-initrd", f"{kernel.replace(',', ',,')},image/dom0.cpio"]

    def set_link(self, up):
        self.monitor("set_link", {"name": "wire", "up": up})


def _cable(network, name):
    """From host to host, without anything between them."""
    peer = "b" if name == "a" else "a"
    return (f"dgram,id={network},local.type=unix,local.path={network},"
            f"remote.type=unix,remote.path=../{peer}/{network}")
