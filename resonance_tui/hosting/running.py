"""The broker that runs on this machine, for other commands of its owner: address and login.

It lies beside the accounts, for the owner's eyes alone, while the broker runs. A lock that goes
with its process tells whether it still does.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import msgspec

from resonance_tui.errors import StoreError
from resonance_tui.files import is_own, lock_file, private_folder, read_private, write_private
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url

RUNNING_FILE, LOCK_FILE = "running.json", "running.lock"
LOCK_TRIES, LOCK_EVERY_S = 20, 0.05  # whoever looks holds the lock for a moment


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A running broker with accounts, as its own machine reaches it."""

    login: BrokerUrl  # with the host's own account and the fingerprint of the certificate
    channels: tuple[str, ...]  # that it announces
    pid: int


@dataclass(frozen=True, slots=True)
class _Page:
    version: int
    pid: int
    url: str
    password: str = field(repr=False)
    channels: tuple[str, ...] = ()


@contextlib.contextmanager
def told_as_running(folder: Path, login: BrokerUrl, channels: Sequence[str]) -> Generator[None]:
    """While it lasts, `find_running` of that folder answers this broker.

    Where another one runs with the same accounts, that one stays the answer. Raises StoreError.
    """
    with _lock_of(folder) as lock:
        if not _take(lock):
            yield
            return
        page = _Page(1, os.getpid(), login.spelled_out, login.password or "", tuple(channels))
        with _complaining(folder):
            write_private(folder / RUNNING_FILE, msgspec.json.encode(page))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (folder / RUNNING_FILE).unlink()


def find_running(folder: Path) -> RunningHost | None:
    """The broker that runs with the accounts in `folder`; None where none does.

    What a broker that was killed has left there is taken away.
    """
    file = folder / RUNNING_FILE
    try:
        if not is_own(file):  # in a folder that others write, too: they could lead us anywhere
            return None
        page = msgspec.json.decode(read_private(file), type=_Page)
        url = parse_broker_url(page.url)
        if not _is_held(folder / LOCK_FILE):
            file.unlink()
            return None
    except (OSError, ValueError, RecursionError, StoreError):
        return None
    return RunningHost(replace(url, password=page.password or None), page.channels, page.pid)


def _is_held(lock_path: Path) -> bool:
    with lock_path.open("r+") as lock:
        try:
            lock_file(lock, wait=False)
        except OSError:
            return True
    return False


@contextlib.contextmanager
def _lock_of(folder: Path) -> Generator[IO[str]]:
    with _complaining(folder):
        private_folder(folder)
        lock = (folder / LOCK_FILE).open("w")
    with lock:
        yield lock


def _take(lock: IO[str]) -> bool:
    for _ in range(LOCK_TRIES):
        try:
            lock_file(lock, wait=False)
            return True
        except OSError:
            time.sleep(LOCK_EVERY_S)
    return False


@contextlib.contextmanager
def _complaining(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
