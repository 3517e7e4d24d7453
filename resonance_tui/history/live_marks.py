"""Moments that were found while they happened, stored with the session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resonance_tui.emotions import Emotion
from resonance_tui.history.store import Store

_KEEP = "INSERT OR REPLACE INTO live_mark VALUES (?, ?, ?, ?, ?, ?)"
_READ = """
SELECT t, emotion, people, read, replay FROM live_mark
WHERE channel = ? AND t BETWEEN ? AND ? ORDER BY t
"""


@dataclass(frozen=True, slots=True)
class LiveMark:
    """The room began to show `emotion` at `t` (epoch s)."""

    t: float
    emotion: Emotion
    people: int  # who showed it
    read: int  # who showed any emotion
    replay: str = ""  # file that OBS saved of it

    @property
    def share(self) -> float:
        """0-1, of those who were read."""
        return self.people / max(self.read, 1)


def keep_marks(store: Store, channel: str, marks: Iterable[LiveMark]) -> None:
    """Store them, in place of those of the same times. Raises StoreError."""
    rows = [(channel, each.t, each.emotion, each.people, each.read, each.replay) for each in marks]
    with store.transaction() as db:
        db.executemany(_KEEP, rows)


def live_marks(store: Store, channel: str, first: float, last: float) -> list[LiveMark]:
    """Those of the range (epoch s, both included), in order of time. Raises StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last)).fetchall()
    return [LiveMark(t, Emotion(code), *more) for t, code, *more in rows]
