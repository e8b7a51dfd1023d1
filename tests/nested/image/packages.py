"""Packages of any Debian suite, downloaded and unpacked into a folder.

Nothing is installed, and the machine's own apt is only read: a private apt,
with its own sources, lists and (empty) package database, resolves the names
and fetches everything they depend on, down to the C library. So a set of
packages is complete in itself, whatever this machine runs.
"""

import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import time

MACHINE_APT = pathlib.Path("/etc/apt")
LISTS_STAY_FRESH_S = 24 * 3600


class PackageError(Exception):
    pass


def fetch(folder, suite, names, architecture="amd64"):
    """Unpack `names` of `suite` with all they need; returns the root folder.

    Looks for newer versions once a day, and unpacks again when there are any;
    without a network it goes on with what was unpacked before.
    """
    folder = pathlib.Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    root, wish = folder / "root", folder / "wish"
    wished = " ".join([_hash(pathlib.Path(__file__)), architecture, suite,
                       *names])
    known = root.exists() and wish.exists() and wish.read_text() == wished
    if known and time.time() - wish.stat().st_mtime < LISTS_STAY_FRESH_S:
        return root
    apt = _PrivateApt(folder, suite, architecture)
    missing = apt.update()
    if missing and known:
        return root
    try:
        versions = apt.resolve(names)
    except PackageError:
        if known:
            return root
        if missing:
            print(missing, file=sys.stderr)
        raise
    manifest = folder / "versions"
    if not (known and manifest.read_text() == versions):
        shutil.rmtree(root, ignore_errors=True)
        _unpack(apt.download(names), root)
        manifest.write_text(versions)
    wish.write_text(wished)
    return root


def versions_hash(folder):
    return _hash(folder / "versions")


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _unpack(debs, root):
    # Old packages put files in /lib, new ones in /usr/lib: one tree for both.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to("usr/" + name)
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb],
                              stdout=subprocess.PIPE) as data:
            subprocess.run(
                ["tar", "-x", "-C", root, "--keep-directory-symlink",
                 "--no-same-owner", "--exclude=./usr/share/doc",
                 "--exclude=./usr/share/man", "--exclude=./usr/share/locale"],
                stdin=data.stdout, check=True)
        if data.returncode:
            raise PackageError(f"cannot unpack {deb.name}")
        deb.unlink()


class _PrivateApt:
    def __init__(self, folder, suite, architecture):
        self.folder = folder / "apt"
        for sub in ("lists/partial", "archives/partial"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "wanted.sources").write_text(_sources_for(suite))
        self.options = ["-qq", "-y", "--no-install-recommends",
                        "-o", "APT::Sandbox::User=root"]
        if suite.endswith("-backports"):  # not chosen by themselves
            self.options += ["-t", suite]
        for key, value in {
                "APT::Architecture": architecture,
                "APT::Architectures": architecture,
                "Dir::Etc::sourcelist": self.folder / "wanted.sources",
                "Dir::Etc::sourceparts": "/dev/null",
                "Dir::Etc::preferences": "/dev/null",
                "Dir::Etc::preferencesparts": "/dev/null",
                "Dir::State": self.folder,
                "Dir::State::status": self.folder / "status",
                "Dir::Cache": self.folder}.items():
            self.options += ["-o", f"{key}={value}"]

    def _run(self, *args):
        done = subprocess.run(["apt-get", *self.options, *args], text=True,
                              capture_output=True)
        if done.returncode:
            raise PackageError(f"apt-get {args[0]}: {done.stderr.strip()}")
        return done.stdout

    def update(self):
        """Fetches the lists; returns what apt says of those it cannot.

        A mirror that is just being updated may lack one for hours, and the
        packages that are wanted may well be in the others.
        """
        try:
            self._run("update")
        except PackageError as error:
            return str(error)
        return ""

    def resolve(self, names):
        """One line "name version" for each package that is needed."""
        planned = self._run("install", "--simulate", *names)
        return "".join(sorted(
            f"{name} {version}\n" for name, version in
            re.findall(r"^Inst (\S+) \((\S+)", planned, re.M)))

    def download(self, names):
        self._run("install", "--download-only", *names)
        return sorted((self.folder / "archives").glob("*.deb"))


def _sources_for(suite):
    """The machine's own sources, pointed at `suite` of the same archive."""
    release = suite.removesuffix("-backports")
    machine = _machine_release()
    wanted = []
    for source in _machine_sources():
        suites = [release + pocket
                  for pocket in ("", "-updates", "-security")
                  if machine + pocket in source["Suites"].split()]
        if release in suites and release != suite:
            suites.append(suite)
        if suites and "deb" in source["Types"].split():
            wanted.append({**source, "Types": "deb",
                           "Suites": " ".join(suites)})
    if not wanted:
        raise PackageError(f"no source for {machine} in {MACHINE_APT}")
    return "\n".join(
        "".join(f"{key}: {value}\n" for key, value in source.items())
        for source in wanted)


def _machine_release():
    text = pathlib.Path("/etc/os-release").read_text()
    found = re.search(r'^VERSION_CODENAME="?(\w+)', text, re.M)
    if not found:
        raise PackageError("this machine has no release name: not Debian?")
    return found[1]


def _machine_sources():
    for path in MACHINE_APT.glob("sources.list.d/*.sources"):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            text = re.sub(r"^#.*\n?", "", stanza, flags=re.M)
            fields = dict(re.findall(r"^([\w-]+):\s*(.*)$", text, re.M))
            if "Suites" in fields:
                yield fields
    for path in [MACHINE_APT / "sources.list",
                 *MACHINE_APT.glob("sources.list.d/*.list")]:
        for line in path.read_text().splitlines() if path.exists() else ():
            found = re.match(r"(deb)\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+(.+)",
                             line)
            if found:
                fields = {"Types": found[1], "URIs": found[3],
                          "Suites": found[4], "Components": found[5]}
                key = re.search(r"signed-by=(\S+)", found[2] or "")
                if key:
                    fields["Signed-By"] = key[1]
                yield fields
