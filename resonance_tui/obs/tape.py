"""Pure: what one output of OBS has written, as stretches without a pause.

Any moment, also one that is found long afterwards, is looked up in them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from resonance_tui.obs.protocol import Event
from resonance_tui.obs.record_clock import Output, Position, RecordClock

_STOPPED = "OBS_WEBSOCKET_OUTPUT_STOPPED"
_STOPPING = "OBS_WEBSOCKET_OUTPUT_STOPPING"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Written from `start` to `end` without a pause, at `position` s of the file and on."""

    number: int  # counts up
    start: float
    position: float
    file: str  # "" where OBS has not told it, and of a stream
    is_exact: bool
    end: float = math.inf

    def place(self, at: float) -> Position | None:
        """Of a moment at `at`; None where it is outside."""
        if not self.start <= at < self.end:
            return None
        return Position(self.file, self.position + at - self.start, self.is_exact)


class Tape:
    """Follows one output by OBS's events. Times are seconds of one monotonic clock."""

    def __init__(self, output: Output) -> None:
        self.output: Output = output
        self.clock = RecordClock(output)
        self._stretches: list[Stretch] = []
        self._numbers = itertools.count()
        self._is_stopping = False
        self.lost_at: float | None = None  # OBS has been gone since then
        self._first_of_file = 0  # number of the first stretch of the recording that runs

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """All of them, in order of time."""
        return tuple(self._stretches)

    def position(self, at: float) -> Position | None:
        """Of a moment at `at`, which may be past; None where nothing was written then."""
        places = (each.place(at) for each in reversed(self._stretches))
        return next((place for place in places if place is not None), None)

    def take(self, event: Event, at: float) -> bool:
        """Whether the output ended by itself: nobody had asked OBS to stop it."""
        state = event.data.get("outputState") if self._is_ours(event) else None
        was_running = self.clock.is_running
        self._move(self.clock.after(event, at), at)
        if state == _STOPPED:
            self._name_file(str(event.data.get("outputPath") or ""))
        was_asked, self._is_stopping = self._is_stopping, state == _STOPPING
        return state == _STOPPED and was_running and not was_asked

    def attach(self, at: float, duration_s: float, *, is_active: bool, is_paused: bool) -> None:
        """What OBS tells of its status when we come, or come back. Of what ended meanwhile is only
        known that it was still written when OBS was lost."""
        lost_at, self.lost_at = self.lost_at, None
        if lost_at is not None and not self._is_same(at, duration_s, is_active, is_paused):
            self._move(RecordClock(self.output), lost_at)
        if not is_active:
            self._move(RecordClock(self.output), at)
        elif self.clock.is_running:
            self._move(self.clock.seen_again(at, duration_s, is_paused=is_paused), at)
        else:
            self._move(self.clock.attached(at, duration_s, is_paused=is_paused), at)

    def lose(self, at: float) -> None:
        """OBS is gone; what it writes goes on, for all that is known."""
        self.lost_at = self.lost_at or at

    def _is_same(self, at: float, duration_s: float, is_active: bool, is_paused: bool) -> bool:
        seen = self.clock.seen_again(at, duration_s, is_paused=is_paused)
        return is_active and self.clock.is_running and seen == self.clock

    def _is_ours(self, event: Event) -> bool:
        return event.kind == f"{self.output}StateChanged"

    def _move(self, clock: RecordClock, at: float) -> None:
        """A change ends the stretch that was written, and may begin another."""
        before, self.clock = self.clock, clock
        if clock == before:
            return
        if self._stretches and math.isinf(self._stretches[-1].end):
            self._stretches[-1] = replace(self._stretches[-1], end=at)
        number = next(self._numbers)
        if not before.is_running:
            self._first_of_file = number
        if (here := clock.position(at)) is not None:
            self._stretches.append(Stretch(number, at, here.seconds, here.file, here.is_exact))

    def _name_file(self, file: str) -> None:
        """Once it has stopped, OBS names the file; of one that was split, the first."""
        nameless = itertools.takewhile(lambda each: not each.file, self._of_recording())
        for each in list(nameless):
            self._stretches[self._stretches.index(each)] = replace(each, file=file)

    def _of_recording(self) -> Iterator[Stretch]:
        return (each for each in self._stretches if each.number >= self._first_of_file)
