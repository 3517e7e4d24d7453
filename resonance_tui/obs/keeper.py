"""Stores what OBS wrote and the moments of a session; a disk in trouble loses nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from resonance_tui.errors import StoreError
from resonance_tui.history.live_marks import LiveMark, keep_marks
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import keep_video_start, video_start
from resonance_tui.history.video_parts import RECORD, VideoPart, keep_parts
from resonance_tui.obs.tape import Stretch

EVERY_S = 2.0


def epoch(at: float) -> float:
    """Epoch seconds of a time of the monotonic clock, as the clock on the wall goes now."""
    return at + time.time() - time.monotonic()


class Keeper:
    """What `take` and `mark` are told is stored every EVERY_S, and at the end. Times that they are
    given are of the monotonic clock. `say`: takes a sentence for a person."""

    def __init__(
        self,
        database: Path,
        channel: str,
        say: Callable[[str], object],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._database, self._channel, self._say = database, channel, say
        self._every_s = every_s
        self._starts: dict[tuple[str, int], float] = {}  # epoch s, which never change again
        self._known: dict[tuple[str, int], VideoPart] = {}
        self._parts: dict[tuple[str, int], VideoPart] = {}  # not stored yet
        self._marks: dict[float, LiveMark] = {}  # the same
        self._videos: dict[str, float] = {}  # first picture of the first file, by output
        self._video: tuple[str, float] | None = None  # what is stored
        self._is_left_alone = False  # a person said when the video began
        self._trouble = ""

    def take(self, output: str, stretches: Iterable[Stretch], now: float) -> None:
        """What an output has written until `now`."""
        for each in stretches:
            key = output, each.number
            start = self._starts.setdefault(key, epoch(each.start))
            end = start + min(each.end, now) - each.start
            part = VideoPart(output, start, end, each.file, each.position, each.is_exact)
            if part != self._known.get(key):
                self._known[key] = self._parts[key] = part
            self._videos.setdefault(output, start - each.position)

    def mark(self, mark: LiveMark) -> None:
        self._marks[mark.t] = mark

    async def run(self) -> None:
        """Until it is cancelled; then stores what is left."""
        try:
            while True:
                await asyncio.sleep(self._every_s)
                await self.flush()
        finally:
            await self.flush()
            if self._trouble and (self._marks or self._parts):
                self._say(f"{len(self._marks)} marks were not stored: {self._trouble}")

    async def flush(self) -> None:
        """Store what is not stored yet; what cannot be is kept for the next time."""
        parts, marks = dict(self._parts), dict(self._marks)
        try:
            await asyncio.to_thread(self._store, list(parts.values()), list(marks.values()))
        except StoreError as error:
            if error.message != self._trouble:
                self._say(f"{error.message} Marks wait in memory.")
            self._trouble = error.message
            return
        self._trouble = ""
        self._parts = {k: part for k, part in self._parts.items() if parts.get(k) is not part}
        self._marks = {k: mark for k, mark in self._marks.items() if marks.get(k) is not mark}

    def _store(self, parts: list[VideoPart], marks: list[LiveMark]) -> None:
        if not (parts or marks or self._has_video_to_keep):
            return
        with Store(self._database) as store:
            if parts:
                keep_parts(store, self._channel, parts)
            if marks:
                keep_marks(store, self._channel, marks)
            self._keep_video(store)

    @property
    def _has_video_to_keep(self) -> bool:
        return not self._is_left_alone and self._wanted() not in (None, self._video)

    def _wanted(self) -> tuple[str, float] | None:
        """The recording is the session's video; where there is none, the stream."""
        found = sorted(self._videos.items(), key=lambda each: each[0] != RECORD)
        return found[0] if found else None

    def _keep_video(self, store: Store) -> None:
        """Once the session has rows. What a person said of it stands."""
        wanted = self._wanted()
        if wanted is None or not self._has_video_to_keep:
            return
        spans = store.sessions(self._channel)
        if not spans or spans[-1].end < wanted[1]:
            return
        span = spans[-1]
        known = video_start(store, self._channel, span.start, span.end)
        if known is not None and (self._video is None or known != self._video[1]):
            self._is_left_alone = True
            return
        keep_video_start(store, self._channel, span, wanted[1])
        self._video = wanted
        clock = time.strftime("%H:%M:%S", time.localtime(wanted[1]))
        self._say(f"The session's video began at {clock}, as OBS has it.")
