"""A recording as it is read, studied and, while it is still being made, followed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from resonance_tui.errors import StoreError
from resonance_tui.history.loading import (
    LoadedSession,
    Request,
    can_grow,
    moments_in,
    read,
    read_marks,
    read_on,
    read_span,
    read_together,
)
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recorded, with_scores

FOLLOW_S = 1.0
LIVE_S = 5.0  # this long after the last new second a recording counts as running
MOST_MOMENTS = 12  # a list beside the chart is looked through, not searched
STUDY_S = 10.0  # moments of a running recording are looked for this often


class Playback:
    """Reads and computes in threads; the later of two requests wins."""

    def __init__(self, request: Request, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.request = request
        self.recording: LoadedSession | None = None
        self.recorded: Recorded | None = None  # what is drawn; None until something was read
        self.moments: tuple[Moment, ...] = ()
        self.marks: tuple[Mark, ...] = ()
        self.is_live = False
        self._clock = clock
        self._is_following = False
        self._grown_at = self._studied_at = float("-inf")

    @property
    def is_due(self) -> bool:
        """A running recording was not studied for a while."""
        return self.is_live and self._clock() - self._studied_at > STUDY_S

    async def load(self) -> None:
        """Reads what `request` asks for. Raises StoreError."""
        recording = await asyncio.to_thread(read, self.request)
        self.recording, self.moments, self.is_live = recording, (), False
        self.marks = recording.marks
        self.recorded = None
        if len(recording.track):
            confusion, gaps = self.request.confusion, recording.gaps
            self.recorded = Recorded(recording.track, confusion, gaps=gaps)

    async def study(self) -> None:
        """Works out what may take longer than the first picture: scores and moments."""
        if (recorded := self.recorded) is None:
            return
        self._studied_at = self._clock()
        scored = await asyncio.to_thread(with_scores, recorded)
        request, track, found = self.request, recorded.track, self.moments
        with suppress(StoreError):  # was said when it was opened; what is on screen stays
            found = await asyncio.to_thread(moments_in, request, track, top=MOST_MOMENTS)
        if self.recorded is recorded:
            self.recorded = scored
        self.moments = tuple(found)
        if self.is_live:  # somebody may have marked, asked or sent something since
            await self.read_marks()
            await self._read_together(track.start, track.end)

    async def _read_together(self, start: int, end: int) -> None:
        """What cannot be read stays as it was."""
        with suppress(StoreError):
            found = await asyncio.to_thread(read_together, self.request, start, end)
            if self.recording is not None:
                asked, sent, teams = found
                self.recording = replace(
                    self.recording, questions=asked, reactions=sent, teams=teams
                )

    async def read_words(self) -> None:
        """Marks, title and note again, after one was changed here."""
        await self.read_marks()
        if self.recording is not None and (span := self.recording.span) is not None:
            with suppress(StoreError):
                found = await asyncio.to_thread(read_span, self.request, span)
                self.recording = replace(self.recording, span=found)

    async def read_marks(self) -> None:
        """Again, after one was made or changed; what cannot be read stays as it was."""
        if (recorded := self.recorded) is not None:
            edges = recorded.track.start, recorded.track.end
            with suppress(StoreError):
                self.marks = await asyncio.to_thread(read_marks, self.request, *edges)

    async def follow(self) -> bool:
        """Reads what was recorded since; whether there is anything new to see."""
        recorded = self.recorded
        if self._is_following or recorded is None or not can_grow(self.request):
            return False
        self._is_following = True
        try:
            grown = await asyncio.to_thread(_grown, self.request, recorded)
        except StoreError:  # was said when it was opened; what is on screen stays
            return False
        finally:
            self._is_following = False
        return self._take(recorded, grown)

    def _take(self, recorded: Recorded, grown: Recorded) -> bool:
        if self.recorded is not recorded:  # another session was chosen meanwhile
            return False
        if grown is not recorded:
            self.recorded, self._grown_at = grown, self._clock()
        was_live, self.is_live = self.is_live, self._clock() - self._grown_at < LIVE_S
        return grown is not recorded or self.is_live != was_live

    def choose(self, session: int) -> None:
        """For the next `load`: the session of that number, 1 being the latest."""
        self.request = replace(self.request, start=None, end=None, session=session)


def _grown(request: Request, recorded: Recorded) -> Recorded:
    """The same object where nothing was recorded since."""
    track = read_on(request, recorded.track)
    return recorded if track is recorded.track else with_scores(replace(recorded, track=track))
