"""Pure: where in a recording or stream of OBS a moment is, from OBS's events.

OBS's own `outputDuration` trails the picture by what its encoder holds back, so positions are
counted from the STARTED event by a clock of our own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from resonance_tui.obs.protocol import Event

# Before STARTED was seen, all that is known is OBS's duration, which trails the picture.
HELD_BACK_S = 0.6
SAME_S = 2.0  # what OBS tells of a recording that went on unseen is that near to our own clock
_STARTED, _STOPPED = "OBS_WEBSOCKET_OUTPUT_STARTED", "OBS_WEBSOCKET_OUTPUT_STOPPED"
_PAUSED, _RESUMED = "OBS_WEBSOCKET_OUTPUT_PAUSED", "OBS_WEBSOCKET_OUTPUT_RESUMED"
Output = Literal["Record", "Stream"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a moment is."""

    file: str  # "" where OBS has not told it yet, and of a stream
    seconds: float  # from the file's first picture
    is_exact: bool  # False: attached while it ran, so about half a second off


@dataclass(frozen=True, slots=True)
class RecordClock:
    """One output of OBS. Times are seconds of one monotonic clock; a state is never changed."""

    output: Output = "Record"
    began_at: float | None = None  # of the file that is written; None while nothing runs
    file: str = ""
    paused_at: float | None = None
    paused_s: float = 0.0  # in the file that is written
    is_exact: bool = True

    @property
    def is_running(self) -> bool:
        """Something is written, or would be if it were not paused."""
        return self.began_at is not None

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    def attached(self, at: float, duration_s: float, *, is_paused: bool) -> RecordClock:
        """It ran already when we came: from OBS's `outputDuration`, about right."""
        began = at - duration_s - (0.0 if is_paused else HELD_BACK_S)
        return replace(
            self,
            began_at=began,
            paused_at=at if is_paused else None,
            paused_s=0.0,
            is_exact=False,
        )

    def seen_again(self, at: float, duration_s: float, *, is_paused: bool) -> RecordClock:
        """After a while without OBS, in which it ran on: as it was where that fits what OBS tells,
        else as one that was not seen before."""
        here = self.position(at)
        if here is not None and not is_paused and abs(here.seconds - duration_s) < SAME_S:
            return self
        if is_paused and self.is_paused:
            return self
        return replace(self.attached(at, duration_s, is_paused=is_paused), file=self.file)

    def after(self, event: Event, at: float) -> RecordClock:
        """After an event that came at `at`. What is of another output changes nothing."""
        if event.kind == "RecordFileChanged" and self.output == "Record":
            return self._next_file(str(event.data.get("newOutputPath", "")), at)
        if event.kind != f"{self.output}StateChanged":
            return self
        state = event.data.get("outputState")  # never outputActive, which is wrong while paused
        if state == _STARTED:
            return self._started(str(event.data.get("outputPath") or ""), at)
        if state == _PAUSED and self.is_running and not self.is_paused:
            return replace(self, paused_at=at)
        if state == _RESUMED and self.paused_at is not None:
            return replace(self, paused_s=self.paused_s + at - self.paused_at, paused_at=None)
        if state == _STOPPED:
            return RecordClock(self.output)
        return self

    def position(self, at: float) -> Position | None:
        """Of a moment at `at`; None where nothing is written then, also while it is paused."""
        if self.began_at is None or at < self.began_at or self.paused_at is not None:
            return None
        return Position(self.file, at - self.began_at - self.paused_s, self.is_exact)

    def _started(self, file: str, at: float) -> RecordClock:
        """A stream that reconnects starts anew in OBS, and its video at the platform goes on."""
        if self.output == "Stream" and self.is_running:
            return self
        return RecordClock(self.output, at, file)

    def _next_file(self, file: str, at: float) -> RecordClock:
        if not self.is_running:
            return self
        paused_at = at if self.is_paused else None
        return replace(
            self, began_at=at, file=file, paused_s=0.0, paused_at=paused_at, is_exact=True
        )
