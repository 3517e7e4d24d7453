"""The brokers that run on this machine, for other commands of their owner: address and login.

Each lies beside the accounts, for the owner's eyes alone, while the broker runs. A lock that goes
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

from resonance_tui.errors import ResonanceError, StoreError
from resonance_tui.files import is_own, lock_file, private_folder, read_private, write_private
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url

RUNNING_FILE, LOCK_FILE = "running.json", "running.lock"
MOST_RUNNING = 8  # brokers with one folder
LOCK_TRIES, LOCK_EVERY_S = 5, 0.05  # whoever looks holds the lock for a moment


@dataclass(frozen=True, slots=True)
class RunningHost:
    """A running broker, as its own machine reaches it."""

    login: BrokerUrl  # with the host's own account, if any, and the certificate's fingerprint
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
    """While it lasts, `all_running` of that folder has this broker; beyond eight it has not.

    Raises StoreError.
    """
    with contextlib.ExitStack() as stack:
        file = _take_place(folder, stack)
        if file is None:
            yield
            return
        page = _Page(1, os.getpid(), login.spelled_out, login.password or "", tuple(channels))
        with _complaining(folder):
            write_private(file, msgspec.json.encode(page))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                file.unlink()


def find_running(folder: Path) -> RunningHost | None:
    """The broker that runs with `folder`, of several the first; None where none does."""
    return next(iter(all_running(folder)), None)


def all_running(folder: Path) -> list[RunningHost]:
    """The brokers that run with `folder`. What one that was killed has left is taken away."""
    found = (_read(folder, place) for place in range(MOST_RUNNING))
    return [each for each in found if each is not None]


def running_with(folder: Path, channel: str) -> RunningHost | None:
    """The broker here that announces that channel, one with accounts before others."""
    found = [each for each in all_running(folder) if channel in each.channels]
    return min(found, key=lambda each: each.login.username is None, default=None)


def _files(folder: Path, place: int) -> tuple[Path, Path]:
    """The record and the lock of the broker that came in that place."""
    suffix = f"-{place + 1}" if place else ""
    record, lock = (folder / name for name in (RUNNING_FILE, LOCK_FILE))
    return record.with_stem(record.stem + suffix), lock.with_stem(lock.stem + suffix)


def _read(folder: Path, place: int) -> RunningHost | None:
    file, lock = _files(folder, place)
    try:
        if not is_own(file):  # in a folder that others write, too: they could lead us anywhere
            return None
        page = msgspec.json.decode(read_private(file), type=_Page)
        url = parse_broker_url(page.url)
        if not _is_held(lock):
            file.unlink()
            return None
    except (OSError, ValueError, RecursionError, ResonanceError):
        return None
    return RunningHost(replace(url, password=page.password or None), page.channels, page.pid)


def _take_place(folder: Path, stack: contextlib.ExitStack) -> Path | None:
    """The record to write; its lock is held as long as `stack`. None where all are taken."""
    for place in range(MOST_RUNNING):
        file, path = _files(folder, place)
        with _complaining(folder):
            private_folder(folder)
            lock = path.open("w")
        if _take(lock):
            stack.enter_context(lock)
            return file
        lock.close()
    return None


def _is_held(lock_path: Path) -> bool:
    with lock_path.open("r+") as lock:
        try:
            lock_file(lock, wait=False)
        except OSError:
            return True
    return False


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
