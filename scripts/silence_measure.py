"""How soon whoever is gone is gone for others, whether who is back stays, and bytes on the wire.

Everything is measured from outside: `join --headless --json` of a checkout, each behind a line of
this program's own that counts bytes and can go silent. Seconds are upper bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

PEOPLE = 8
ENTER_S, LONGEST_S, BACK_S = 60.0, 45.0, 35.0
IDLE = asyncio.subprocess.DEVNULL


@dataclass(frozen=True, slots=True)
class Silence:
    """Seconds until a viewer is gone for another; None: not within `LONGEST_S`."""

    left_s: float | None
    killed_s: float | None
    frozen_s: float | None
    unplugged_s: float | None
    blinks: int  # times that somebody who was back after a dead line was gone once more
    bytes_a_minute: int  # of one viewer in a room of eight, both ways


class Line:
    """Between one viewer and the broker: counts, and goes silent when told to."""

    def __init__(self, host: str, port: int) -> None:
        self._broker = host, port
        self._mutes: list[Callable[[], None]] = []
        self.carried = self.dials = 0
        self.port = 0
        self.is_unplugged = False  # who dials is not answered either

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dials += 1
        far_reader, far_writer = await asyncio.open_connection(*self._broker)
        is_mute = asyncio.Event()
        self._mutes.append(is_mute.set)
        if self.is_unplugged:
            is_mute.set()
        with contextlib.suppress(OSError, asyncio.CancelledError):  # at the end
            await asyncio.gather(
                self._pour(reader, far_writer, is_mute), self._pour(far_reader, writer, is_mute)
            )

    async def _pour(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_mute: asyncio.Event
    ) -> None:
        while data := await reader.read(4096):
            if not is_mute.is_set():
                self.carried += len(data)
                writer.write(data)
        if not is_mute.is_set():
            writer.close()

    def go_silent(self) -> None:
        """The connections of now stay open, and nothing comes through; later ones are fine."""
        for mute in self._mutes:
            mute()
        self._mutes.clear()


@dataclass
class Viewer:
    """A `join` of one checkout, and every number of viewers that it showed."""

    process: Process
    line: Line
    counts: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for text in self.process.stdout:
            told = json.loads(text)
            if told.get("type") == "room":
                self.counts.append((time.monotonic(), told["viewers"]))

    @property
    def sees(self) -> int:
        return self.counts[-1][1] if self.counts else 0

    async def until(self, viewers: int, within_s: float) -> float | None:
        """Seconds until it sees no more, or at last that many."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            if self.sees == viewers:
                return round(time.monotonic() - began, 1)
            await asyncio.sleep(0.02)
        return None


class Party:
    """Eight viewers in one room at the broker, in a folder of their own."""

    def __init__(self, checkout: Path, url: str, folder: Path) -> None:
        self._checkout, self._url, self._folder = checkout, urlsplit(url), folder
        self._channel = f"silence-{uuid4().hex[:6]}"
        self._readers: list[asyncio.Task[None]] = []
        self._servers: list[asyncio.Server] = []
        self.people: list[Viewer] = []

    async def enter(self) -> Viewer:
        line = Line(self._url.hostname or "localhost", self._url.port or 1883)
        server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
        self._servers.append(server)
        line.port = server.sockets[0].getsockname()[1]
        viewer = Viewer(await self._join(line.port), line)
        self._readers.append(asyncio.create_task(viewer.read()))
        self.people.append(viewer)
        return viewer

    async def _join(self, port: int) -> Process:
        home = self._folder / str(len(self.people))
        home.mkdir(parents=True)
        roots = [self._checkout, self._checkout / "broker", self._checkout / "model_zoo"]
        environment = {each: text for each, text in os.environ.items() if "RESONANCE" not in each}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, roots)), "HOME": str(home)}
        environment |= {
            f"XDG_{each}_HOME": str(home / each) for each in ("CONFIG", "DATA", "CACHE")
        }
        login = f"{self._url.netloc.rpartition('@')[0]}@" if self._url.username else ""
        where = ("--broker", f"{self._url.scheme}://{login}127.0.0.1:{port}")
        what = ("join", self._channel, *where, "--camera", "none", "--headless", "--json")
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "resonance_tui", *what),
            cwd=self._folder, env=environment, stdin=IDLE, stdout=PIPE, stderr=IDLE,
        )  # fmt: skip

    async def leave(self) -> None:
        for each in self.people:
            if each.process.returncode is None:
                each.process.kill()
                await each.process.wait()
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        for server in self._servers:
            server.close()


@contextlib.asynccontextmanager
async def _party(checkout: Path, url: str) -> AsyncGenerator[Party]:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        party = Party(checkout, url, Path(folder))
        try:
            yield party
        finally:
            await party.leave()


async def measure(checkout: Path, url: str, *, seconds: float = 45.0) -> Silence:
    """`url`: of the broker, with a login where it asks for one. `seconds`: for counting bytes.

    Raises TimeoutError where the eight do not get into one room.
    """
    async with _party(checkout, url) as party:
        for _ in range(PEOPLE):
            await party.enter()
        witness, *others = party.people
        if await witness.until(PEOPLE, ENTER_S) is None:
            raise TimeoutError(f"{witness.sees} of {PEOPLE} viewers got into a room at {url}")
        await asyncio.sleep(3)
        spent = await _bytes_a_minute(party.people, seconds)
        leaving, killed, frozen, unplugged, back = others[:5]
        leaving.process.send_signal(signal.SIGINT)
        left_s = await witness.until(PEOPLE - 1, LONGEST_S)
        killed.process.send_signal(signal.SIGKILL)
        killed_s = await witness.until(PEOPLE - 2, LONGEST_S)
        frozen.process.send_signal(signal.SIGSTOP)
        frozen_s = await witness.until(PEOPLE - 3, LONGEST_S)
        unplugged_s = await _unplug(witness, unplugged)
        blinks = await _blinks(witness, back)
        return Silence(left_s, killed_s, frozen_s, unplugged_s, blinks, spent)


async def _unplug(witness: Viewer, viewer: Viewer) -> float | None:
    """Nothing comes through, and whoever dials again finds nobody either."""
    before = witness.sees
    viewer.line.is_unplugged = True
    viewer.line.go_silent()
    return await witness.until(before - 1, LONGEST_S)


async def _bytes_a_minute(people: list[Viewer], seconds: float) -> int:
    before = sum(each.line.carried for each in people)
    await asyncio.sleep(seconds)
    after = sum(each.line.carried for each in people)
    return round((after - before) / len(people) / seconds * 60)


async def _blinks(witness: Viewer, viewer: Viewer) -> int:
    """A line goes dead; its viewer dials again by itself. How often it is gone after that."""
    full, dials = witness.sees, viewer.line.dials
    viewer.line.go_silent()
    began = time.monotonic()
    while viewer.line.dials == dials and time.monotonic() - began < LONGEST_S:
        await asyncio.sleep(0.05)
    await witness.until(full, 5)
    back_at = time.monotonic()
    await asyncio.sleep(BACK_S)
    seen = [count for at, count in witness.counts if at >= back_at]
    return sum(now < full <= before for before, now in zip([full, *seen], seen, strict=False))
