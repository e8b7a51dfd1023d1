"""Builds the image of a Xen host: hypervisor, dom0 kernel, dom0 initramfs;
and the initramfs of a client, which has the same kernel.

The image holds no program under test: that comes over the 9p share, so that
building the program again does not build the image again.
"""

import glob
import hashlib
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess

from image import mend_qemu, packages, profiles
from image.cpio import write_cpio

HERE = pathlib.Path(__file__).resolve().parent


class Image:
    """A built image in `folder`: xen, vmlinux, dom0.cpio, client.cpio and, for
    guests, hvmloader and modules."""

    def __init__(self, testbed, profile):
        self.testbed = pathlib.Path(testbed).absolute()
        self.profile = profiles.PROFILES[profile]
        self.folder = self.testbed / f"image-{profile}"
        self.sets = self.testbed / "packages"

    def build(self):
        """Build unless recipe and packages are as they were last time."""
        suite = self.profile["suite"]
        kernel_suite, kernel_names = self.profile["kernel"]
        xen = packages.fetch(self.sets / f"xen-{suite}", suite,
                             self.profile["xen"])
        kernel = packages.fetch(self.sets / f"kernel-{kernel_suite}",
                                kernel_suite, kernel_names)
        stamp = self.folder / "inputs"
        inputs = self._inputs(xen.parent, kernel.parent)
        if stamp.exists() and stamp.read_text() == inputs:
            return
        # Aside, so that a half built image is never taken for a whole one.
        work = self.testbed / f"{self.folder.name}.new"
        shutil.rmtree(work, ignore_errors=True)
        for name, files, modules, on_demand in (
                ("dom0", profiles.DOM0_FILES, profiles.MODULES,
                 profiles.MODULES_ON_DEMAND),
                ("client", profiles.CLIENT_FILES, profiles.CLIENT_MODULES,
                 [])):
            stage = work / name
            stage.mkdir(parents=True)
            _Stage(xen, kernel, stage).fill(name, files, modules, on_demand)
            write_cpio(stage, work / f"{name}.cpio")
            shutil.rmtree(stage)
        _gunzip(next(xen.glob("boot/xen-*.gz")), work / "xen")
        _extract_vmlinux(next(kernel.glob("boot/vmlinuz-*")), work / "vmlinux")
        shutil.copy2(next(xen.glob("usr/lib/xen-*/boot/hvmloader")), work)
        for name in profiles.GUEST_MODULES:
            shutil.copy2(next(kernel.glob(f"lib/modules/**/{name}.ko")), work)
        (work / "inputs").write_text(inputs)
        shutil.rmtree(self.folder, ignore_errors=True)
        work.rename(self.folder)

    @staticmethod
    def _inputs(*package_folders):
        digest = hashlib.sha256()
        for path in sorted(HERE.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
        for folder in package_folders:
            digest.update(packages.versions_hash(folder).encode())
        return digest.hexdigest()


def emulator(testbed, version):
    """The command that runs QEMU `version` from where it was unpacked.

    By its own loader and libraries, since those of this machine may be older,
    and with its own modules: the accelerator is one.
    """
    suite, names = profiles.EMULATORS[version]
    sets = pathlib.Path(testbed).absolute() / "packages"
    root = packages.fetch(sets / f"qemu-{version}", suite, names)
    modules = root / "usr/lib/x86_64-linux-gnu/qemu"
    return ["env", f"QEMU_MODULE_DIR={modules}",
            *_loader(root),
            str(mend_qemu.mended(root / "usr/bin/qemu-system-x86_64")),
            *(arg for folder in ("qemu", "seabios")
              for arg in ("-L", str(root / "usr/share" / folder)))]


def _loader(root):
    lib = root / "usr/lib/x86_64-linux-gnu"
    return [str(lib / "ld-linux-x86-64.so.2"),
            "--library-path", str(lib)]


class _Stage:
    """Collects a machine's files from unpacked packages into one folder."""

    def __init__(self, xen, kernel, stage):
        self.xen, self.kernel, self.stage = xen, kernel, stage

    def fill(self, own, files, modules, modules_on_demand):
        """`own` is the folder here with files that no package has."""
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.stage / name).symlink_to("usr/" + name)
        shutil.copytree(HERE / own, self.stage, dirs_exist_ok=True)
        for pattern in files:
            found = glob.glob(pattern, root_dir=self.xen)
            if not found:
                raise packages.PackageError(f"no {pattern} in the packages")
            for name in found:
                self._add(name)
        if (self.stage / "usr/bin/dpkg").exists():
            self._write_package_database()
        self._compile_shell()
        self._link_busybox()
        self._add_modules(modules, modules_on_demand)

    def _add(self, name):
        name = re.sub(r"^(bin|sbin|lib|lib64)/", r"usr/\1/", name)
        source, target = self.xen / name, self.stage / name
        if os.path.lexists(target) and not target.is_dir():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            link = os.readlink(source)
            target.symlink_to(link)
            self._add(os.path.normpath(
                os.path.join("/", os.path.dirname(name), link))[1:])
        elif source.is_dir():
            for child in source.iterdir():
                self._add(f"{name}/{child.name}")
        else:
            shutil.copy2(source, target)
            for library in self._libraries(source):
                self._add(library)

    def _libraries(self, path):
        with open(path, "rb") as file:
            if file.read(5) != b"\x7fELF\x02":  # 64-bit: not hvmloader
                return
        listed = subprocess.run([*_loader(self.xen), "--list", path],
                                text=True, capture_output=True).stdout
        for name, library in re.findall(r"(\S+) => (\S+)", listed):
            if not library.startswith(str(self.xen)):
                raise packages.PackageError(
                    f"{path.name} needs {name}, which no package brings")
            yield os.path.relpath(library, self.xen)

    def _write_package_database(self):
        """For dpkg all that was unpacked is installed, whichever files of it
        were taken: what a package depends on is asked for."""
        database = self.stage / "var/lib/dpkg"
        for sub in ("info", "updates"):
            (database / sub).mkdir(parents=True)
        with open(database / "status", "w") as status:
            for line in (self.xen.parent / "versions").read_text().splitlines():
                name, version = line.split()
                status.write(f"Package: {name}\n"
                             "Status: install ok installed\n"
                             "Maintainer: Debian\n"
                             "Architecture: amd64\n"
                             f"Version: {version}\n"
                             f"Description: {name}\n\n")
                (database / f"info/{name}.list").touch()

    def _compile_shell(self):
        shell = self.stage / "usr/lib/testbed/plain-shell"
        shell.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static",
             "-pthread", "-o", shell, HERE / "plain-shell.c"], check=True)

    def _link_busybox(self):
        (self.stage / "usr/bin/sh").symlink_to("dash")
        listed = subprocess.run([self.xen / "bin/busybox", "--list-full"],
                                text=True, capture_output=True, check=True)
        for applet in listed.stdout.split():
            path = self.stage / applet
            path.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(path):
                path.symlink_to("/usr/bin/busybox")

    def _kmod(self, tool, *args):
        return subprocess.run(
            [*_loader(self.xen), "--argv0", tool, self.xen / "bin/kmod",
             *args], check=True, text=True, capture_output=True).stdout

    def _add_modules(self, at_once, on_demand):
        version = next(self.kernel.glob("lib/modules/*")).name
        self._kmod("depmod", "-b", self.kernel, version)
        planned = self._kmod("modprobe", "-d", self.kernel, "-S", version,
                             "--show-depends", "-a", *at_once, *on_demand)
        for path in re.findall(r"^insmod (\S+)", planned, re.M):
            name = os.path.relpath(path, self.kernel)
            target = self.stage / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        for name in ("modules.builtin", "modules.order"):
            shutil.copy2(self.kernel / "lib/modules" / version / name,
                         self.stage / "lib/modules" / version)
        self._kmod("depmod", "-b", self.stage, version)
        (self.stage / "etc/modules").write_text(
            "\n".join(at_once) + "\n")


def _gunzip(source, target):
    with open(target, "wb") as out:
        subprocess.run(["gzip", "-dc", source], stdout=out, check=True)


def _extract_vmlinux(bzimage, target):
    """Unpack the kernel here: under emulation that takes long.

    Documentation/arch/x86/boot.rst in Linux: setup_sects, payload_offset and
    payload_length. Debian 12 packs with xz; the last four bytes of the
    payload are the unpacked size.
    """
    data = bzimage.read_bytes()
    setup_sectors = data[0x1f1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    target.write_bytes(
        lzma.LZMADecompressor().decompress(data[start:start + length]))
