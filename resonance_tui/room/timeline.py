"""The room over the last minutes, one point a second."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from resonance_tui.room.state import RoomSnapshot


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """The room during one second."""

    t: float  # epoch seconds, whole
    viewers: int
    counts: tuple[int, ...]  # seven
    resonance: float | None = None  # of the half minute up to here, 0-1; None: not known


class Timeline:
    """The last `span_s` seconds; of several snapshots in one second the last one stays.

    Where the clock is set back, the points after the new time are dropped.
    """

    def __init__(self, span_s: int = 300) -> None:
        self._points: deque[TimelinePoint] = deque(maxlen=span_s)

    def add(self, room: RoomSnapshot, at: float, resonance: float | None = None) -> None:
        point = TimelinePoint(float(int(at)), room.viewers, room.counts, resonance)
        while self._points and self._points[-1].t >= point.t:
            self._points.pop()
        self._points.append(point)

    def points(self) -> tuple[TimelinePoint, ...]:
        """Oldest first. Seconds without a snapshot have no point."""
        return tuple(self._points)
