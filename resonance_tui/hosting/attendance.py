"""Who is in the rooms of a broker, and how much they say: from the reports themselves; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import LeaveEvent, ReportEvent, RoomEvent, SweepEvent
from resonance_tui.protocol.messages import REPORT, decode
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.doubts import Doubts
from resonance_tui.room.sweeping import Sweeps
from resonance_tui.room.uptime import Uptime

MOST_PEOPLE = 5000  # that are told apart; more are for aggregators
WINDOW_S = 5.0  # over which reports are averaged

_USUAL = RoomSettings()  # of a room without settings

REPORTS = REPORT.topic.filter()  # the subscription that feeds it


class Attendance:
    """Counts people by their reports, each room's on its own. Times are monotonic seconds.

    Who has not reported for as long as the room's settings say has gone. What the broker had kept
    is believed by its age: see `Doubts`.
    """

    def __init__(self) -> None:
        self._heard_at: dict[tuple[str, str], float] = {}
        self._reported: deque[float] = deque(maxlen=100_000)
        self._settings: dict[str, RoomSettings] = {}  # of rooms that have some
        self._uptime = Uptime()
        self._doubts: dict[str, Doubts[str]] = {}  # of rooms in which somebody is in doubt
        self._sweeps = Sweeps()

    def begin(self) -> None:
        """A new connection: who left meanwhile is not known."""
        self._heard_at.clear()
        self._reported.clear()
        self._doubts.clear()
        self._uptime.lose()

    def take(
        self,
        topic: str,
        payload: bytes,
        now: float,
        *,
        is_retained: bool = False,
        left_s: int | None = None,
    ) -> None:
        """Takes any message, and ignores what says nothing of people. `is_retained`: the broker
        kept it from before, and forgets it after `left_s`."""
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if isinstance(event, ReportEvent) and is_retained:
            self._recall(event, now, left_s)
        elif isinstance(event, ReportEvent):
            self._report(event, now)
        elif isinstance(event, RoomEvent):
            self._obey(event.channel, event.settings)
        elif isinstance(event, SweepEvent):
            self._sweeps.note(event, now)
        elif isinstance(event, LeaveEvent) and not self._sweeps.covers(event, now):
            self._leave(event.channel, event.viewer_id)

    def _obey(self, channel: str, settings: RoomSettings | None) -> None:
        self._settings.pop(channel, None)
        if settings is not None and len(self._settings) < MOST_PEOPLE:
            self._settings[channel] = settings
        if channel in self._doubts:
            self._doubts[channel].stale_after_s = self._of(channel).stale_after_s

    def _of(self, channel: str) -> RoomSettings:
        return self._settings.get(channel, _USUAL)

    def _leave(self, channel: str, viewer_id: str) -> None:
        self._heard_at.pop((channel, viewer_id), None)
        if channel in self._doubts:
            self._doubts[channel].settle(viewer_id)

    def _recall(self, event: ReportEvent, now: float, left_s: int | None) -> None:
        channel, viewer_id = event.channel, event.viewer_id
        settings, is_known = self._of(channel), (channel, viewer_id) in self._heard_at
        doubts = self._doubts.get(channel) or Doubts[str](settings.stale_after_s)
        age_s = settings.age_s(event.report, left_s)
        if age_s is None or not doubts.believes(age_s) or is_known:
            return
        if len(self._heard_at) < MOST_PEOPLE:
            doubts.uptime = self._uptime
            doubts.add(viewer_id, now - age_s)
            self._doubts[channel] = doubts
            self._heard_at[channel, viewer_id] = now - age_s

    def _report(self, event: ReportEvent, now: float) -> None:
        person = (event.channel, event.viewer_id)
        self._reported.append(now)
        self._uptime.said(event.report.up_s, now)
        if event.channel in self._doubts:
            self._doubts[event.channel].settle(event.viewer_id)
        if person in self._heard_at or len(self._heard_at) < MOST_PEOPLE:
            self._heard_at[person] = now

    def people(self, now: float, *, without: Collection[str] = ()) -> int:
        """How many there are, but for those in the channels `without`."""
        for channel, doubts in list(self._doubts.items()):
            for viewer_id, _ in doubts.look(now):
                self._leave(channel, viewer_id)
            if not doubts:
                del self._doubts[channel]
        for (channel, viewer_id), heard_at in list(self._heard_at.items()):
            if now - heard_at >= self._of(channel).patience_s:
                self._leave(channel, viewer_id)
        return sum(channel not in without for channel, _ in self._heard_at)

    def has_overdue(self, now: float) -> bool:
        """Whether somebody's heartbeat is overdue: is it the line's silence?"""
        return any(
            now - heard_at >= self._of(channel).stale_after_s
            for (channel, _), heard_at in self._heard_at.items()
        )

    def reports_per_s(self, now: float) -> float:
        while self._reported and now - self._reported[0] >= WINDOW_S:
            self._reported.popleft()
        return len(self._reported) / WINDOW_S
