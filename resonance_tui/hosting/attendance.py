"""Who is in the rooms of a broker, and how much they say: from the reports themselves; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import LeaveEvent, ReportEvent, SweepEvent
from resonance_tui.protocol.messages import REPORT, decode
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.sweeping import Sweeps

MOST_PEOPLE = 5000  # that are told apart; more are for aggregators
WINDOW_S = 5.0  # over which reports are averaged
SETTLE_S = 1.0  # after subscribing, reports are retained ones of before

REPORTS = REPORT.topic.filter()  # the subscription that feeds it


class Attendance:
    """Counts people by their reports, each room's on its own. Times are monotonic seconds.

    Who has not reported for `patience_s` has gone.
    """

    def __init__(self, patience_s: float | None = None) -> None:
        """`patience_s`: by default that of a room without settings."""
        self._patience_s = RoomSettings().patience_s if patience_s is None else patience_s
        self._heard_at: dict[tuple[str, str], float] = {}  # longest silent first
        self._reported: deque[float] = deque(maxlen=100_000)
        self._begun_at = 0.0
        self._sweeps = Sweeps()

    def begin(self, now: float) -> None:
        """A new connection: who left meanwhile is not known."""
        self._heard_at.clear()
        self._reported.clear()
        self._begun_at = now

    def take(self, topic: str, payload: bytes, now: float, *, is_rumour: bool = False) -> None:
        """Takes any message, and ignores what is no report, and a rumour: what a broker where
        nothing expires has kept."""
        if is_rumour and payload:
            return
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if isinstance(event, ReportEvent):
            self._report((event.channel, event.viewer_id), now)
        elif isinstance(event, SweepEvent):
            self._sweeps.note(event, now)
        elif isinstance(event, LeaveEvent) and not self._sweeps.covers(event, now):
            self._heard_at.pop((event.channel, event.viewer_id), None)

    def _report(self, person: tuple[str, str], now: float) -> None:
        if now - self._begun_at >= SETTLE_S:
            self._reported.append(now)
        was_here = self._heard_at.pop(person, None) is not None
        if was_here or len(self._heard_at) < MOST_PEOPLE:
            self._heard_at[person] = now

    def people(self, now: float, *, without: Collection[str] = ()) -> int:
        """How many there are, but for those in the channels `without`."""
        while self._heard_at:
            person, heard_at = next(iter(self._heard_at.items()))
            if now - heard_at < self._patience_s:
                break
            del self._heard_at[person]
        return sum(channel not in without for channel, _ in self._heard_at)

    def reports_per_s(self, now: float) -> float:
        while self._reported and now - self._reported[0] >= WINDOW_S:
            self._reported.popleft()
        return len(self._reported) / WINDOW_S
