"""Pure: one stay in a room, in a few lines for whoever has left it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.room.together import Evening
from resonance_tui.session.events import SessionView
from resonance_tui.texts import mark, tr, tr_n

MOST_MOODS = 3
LEAST_VIEWERS = 0.05  # on average, of a mood that is told
STEP_S = 2.0  # what lies between two looks counts for this long at most


@dataclass(slots=True)
class Visit:
    """Looks at the views of one session as they come."""

    first: SessionView
    database: Path
    peak: int | None = None  # of the figures that were facts; None: there were none
    _began: float | None = None  # monotonic s, when one was in the room
    _seen: float = 0.0  # the last look at it
    _watched_s: float = 0.0
    _moods_s: list[float] = field(default_factory=lambda: [0.0] * 7)  # viewers times seconds
    _has_recorded: bool = False
    evening: Evening | None = None

    def take(self, view: SessionView, now: float) -> None:
        """`now`: monotonic seconds."""
        if view.link.state is not LinkState.CONNECTED:
            return
        if self._began is None:
            self._began = self._seen = now
        step, self._seen = min(now - self._seen, STEP_S), now
        self._has_recorded |= view.is_recording
        self.evening = view.evening
        room = view.room
        if room.is_counting or room.confirming:
            return
        self.peak = max(self.peak or 0, room.people)
        if room.is_withheld:
            return
        self._watched_s += step
        self._moods_s = [
            sum_s + count * step for sum_s, count in zip(self._moods_s, room.counts, strict=True)
        ]

    def lines(self) -> list[str]:
        """How long, how the room felt, and where the recording is."""
        channel, broker = self.first.channel, self.first.broker_url.rpartition("@")[2]
        if self._began is None:
            return [tr("You were never in {channel} at {broker}.", channel=channel, broker=broker)]
        stay, people = _duration(self._seen - self._began), self._people()
        words = mark("You were in {channel} for {time}: {people}.")
        lines = [tr(words, channel=channel, time=stay, people=people)]
        if moods := self._moods():
            lines.append(tr("The room on average: {moods}.", moods=moods))
        lines += self.evening.lines() if self.evening is not None else []
        if self._has_recorded:
            lines.append(tr("Recorded in {file}", file=self.database))
            lines.append(tr("Look at it: {command}", command=self._command()))
        return lines

    def _people(self) -> str:
        if self.peak is None:
            return tr("too short to know who was there")
        return tr_n("at most {count} viewer at once", "at most {count} viewers at once", self.peak)

    def _moods(self) -> str:
        means = {code: self._moods_s[code] / max(self._watched_s, 1e-9) for code in range(7)}
        told = sorted(means, key=lambda code: -means[code])[:MOST_MOODS]
        return ", ".join(
            f"{tr(Emotion(code).word)} {means[code]:.1f}"
            for code in told
            if means[code] > LEAST_VIEWERS
        )

    def _command(self) -> str:
        return f"resonance-tui history {shlex.quote(self.first.channel)}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return tr("{seconds} s", seconds=round(seconds))
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return tr("{minutes} min", minutes=minutes)
    return tr("{hours} h {minutes} min", hours=hours, minutes=minutes)
