"""Debian packages of any suite, unpacked in a folder: nothing is installed on the system.

apt works with a state, a cache and a source of its own there. The source is the mirror that this
machine is configured with, and the suite is ours to choose. Programs of a newer suite need its own
C library, so each is replaced by a script that starts it with the loader of its folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from brokers.errors import NotHere

CONFIGURATION = """\
Dir::State "{apt}";
Dir::State::status "{apt}/status";
Dir::State::lists "{apt}/lists";
Dir::Cache "{apt}/cache";
Dir::Etc::sourcelist "{apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
"""
LAUNCHER = '#!/bin/sh\nexec {loader} --library-path {libraries} --argv0 "$0" {program} "$@"\n'
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNPACKED = "versions.txt"  # written last: one line for each package
PATIENCE_S = 900.0
ERLANG = b"/usr/lib/erlang"  # Debian's scripts name it in full
PROGRAMS = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/lib/**/bin")
LIBRARIES = ("lib", "lib/*-linux-gnu", "usr/lib", "usr/lib/*-linux-gnu")


def unpack(folder: Path, suite: str, *packages: str) -> Path:
    """The packages of that suite and all they need, below a root in the folder; that root.

    What is there already is not fetched again. Raises NotHere.
    """
    root = folder / "root"
    if (root / UNPACKED).is_file():
        return root
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise NotHere("needs apt-get and dpkg: the package comes from Debian's index")
    archives = _download(folder / "apt", suite, packages)
    shutil.rmtree(root, ignore_errors=True)
    for each in archives:
        _run("dpkg", "-x", str(each), str(root))
    _use_own_libraries(root)
    names = sorted(each.name.rsplit("_", 1)[0].replace("%3a", ":") for each in archives)
    (root / UNPACKED).write_text("\n".join((*names, "")))
    shutil.rmtree(folder / "apt")
    return root


def version(root: Path, package: str) -> str:
    """Of a package that `unpack` brought; upstream's part of it, `2.0.21` of `1:2.0.21-1+b1`."""
    for line in (root / UNPACKED).read_text().splitlines():
        name, _, text = line.partition("_")
        if name == package:
            return text.rpartition(":")[2].rsplit("-", 1)[0]
    raise NotHere(f"{package} is not among what was unpacked")


def _download(apt: Path, suite: str, packages: tuple[str, ...]) -> list[Path]:
    for each in ("lists/partial", "cache/archives/partial"):
        (apt / each).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(_source(suite))
    (apt / "apt.conf").write_text(CONFIGURATION.format(apt=apt))
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
    _run("apt-get", "update", environment=environment)
    _run("apt-get", "install", "-y", "--download-only", *packages, environment=environment)
    return sorted((apt / "cache/archives").glob("*.deb"))


def _source(suite: str) -> str:
    """A line of sources.list: the machine's mirror of Debian, with another suite."""
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    told = _run("apt-get", "indextargets", "--format", form, "Identifier: Packages")
    for line in told.splitlines():
        origin, label, address = line.split("|")
        if (origin, label) == ("Debian", "Debian"):
            key = f"[signed-by={KEYRING}] " if KEYRING.is_file() else ""
            return f"deb {key}{address} {suite} main\n"
    raise NotHere("apt knows no mirror of Debian on this machine: apt-get update")


def _use_own_libraries(root: Path) -> None:
    """Programs start with the loader and libraries of the root; scripts find Erlang there."""
    found = (each for one in LIBRARIES for each in sorted(root.glob(f"{one}/ld-linux*")))
    # Links may be absolute, and lead to the loader of the system.
    loader = next((each for each in found if each.is_file() and not each.is_symlink()), None)
    if loader is None:
        raise NotHere("no loader came with the C library")
    folders = [str(each) for one in LIBRARIES for each in sorted(root.glob(one))]
    _run(
        shutil.which("ldconfig", path=f"{os.environ.get('PATH', '')}:/sbin") or "ldconfig",
        "-n",
        *folders,
    )
    libraries = ":".join(folders)
    for program in list(_programs(root)):
        start = program.read_bytes()
        if start.startswith(b"\x7fELF"):
            moved = program.with_name(f"{program.name}.elf")
            program.rename(moved)
            text = LAUNCHER.format(loader=loader, libraries=libraries, program=moved)
            program.write_text(text)
            program.chmod(0o755)
        elif start.startswith(b"#!") and ERLANG in start:
            program.write_bytes(start.replace(ERLANG, str(root).encode() + ERLANG))


def _programs(root: Path) -> Iterator[Path]:
    for folder in (each for one in PROGRAMS for each in root.glob(one)):
        for each in folder.iterdir():
            if each.is_file() and not each.is_symlink() and os.access(each, os.X_OK):
                yield each


def _run(*command: str, environment: dict[str, str] | None = None) -> str:
    """What it printed. Raises NotHere with its last line where it failed."""
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotHere(f"{command[0]} took longer than {PATIENCE_S:.0f} s") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NotHere(f"{' '.join(command[:2])}: {' '.join(last) or done.returncode}")
    return done.stdout
