"""People, reports and traffic of one broker: from its aggregators, its reports and its figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from resonance_broker.running import Figure
from resonance_tui.hosting.attendance import Attendance
from resonance_tui.hosting.traffic import FigureReader, Figures, Rate
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.room_clock import ASLEEP_S, RoomClock

DRAW_EVERY_S = 1.0
HEAR_ALL_UP_TO = RoomSettings().mesh_max  # people; beyond, only the aggregators read every report


class Headcount:
    """What the host's connection hears goes in, the figures of now come out.

    A room that one of our aggregators counts is taken from there. All other rooms, and every room
    of a broker without MQTT 5, are counted by their reports as the host itself hears them.
    """

    def __init__(self, names: Mapping[str, Figure], aggregators: Sequence[Aggregator]) -> None:
        """`names`: topic to figure, as the broker's `figures` says."""
        self.topics = tuple(names)
        self._reader = FigureReader(names)
        self._attendance = Attendance()
        self._aggregators = aggregators
        self._reports = Rate()
        self._is_connected = False
        self._clock = RoomClock(ASLEEP_S + 2 * DRAW_EVERY_S)
        self.asked_at: float | None = None  # a question that the broker has not answered

    def begin(self) -> None:
        """The host is connected: from now on everything is heard anew."""
        self._is_connected, self.asked_at = True, None
        self._clock.begin(time.monotonic())
        self._attendance.begin()

    def forget(self) -> None:
        """The connection is lost."""
        self._is_connected, self.asked_at = False, None
        self._reader.forget()

    def _at(self, now: float) -> float:
        """By the clock of the rooms: silence of the broker is nobody's silence."""
        return self._clock.at(now, asked_at=self.asked_at, is_connected=self._is_connected)

    @property
    def has_overdue(self) -> bool:
        """Whether the broker should be asked if it is still there: somebody is late."""
        return self._attendance.has_overdue(self._at(time.monotonic()))

    def feed(
        self, topic: str, payload: bytes, *, is_retained: bool = False, left_s: int | None = None
    ) -> None:
        """Every message that the host's connection receives. `is_retained`: the broker kept it
        from before, and forgets it after `left_s`."""
        self._reader.feed(topic, payload)
        levels = topic.split("/", 3)
        if len(levels) < 4:
            return
        is_of_viewers = levels[3].startswith(("r/", "sweep/")) and levels[2] not in self._counted
        if is_of_viewers or levels[3] == "room":
            at = self._at(time.monotonic())
            self._attendance.take(topic, payload, at, is_retained=is_retained, left_s=left_s)

    @property
    def wants_reports(self) -> bool:
        """Whether the host should subscribe to the reports of all rooms."""
        return sum(each.figures.room for each in self._counting) <= HEAR_ALL_UP_TO

    @property
    def _counting(self) -> list[Aggregator]:
        return [
            each
            for each in self._aggregators
            if each.status.state is LinkState.CONNECTED and each.figures.is_whole
        ]

    @property
    def _counted(self) -> set[str]:
        return {each.channel for each in self._counting}

    def figures(self, now: float) -> Figures:
        """`now`: monotonic seconds; to be called once a second."""
        counted = self._reports.draw(now, sum(each.figures.reports for each in self._aggregators))
        heard = sum(each.figures.heard for each in self._aggregators)
        out_per_s = self._reader.out_per_s(now, heard=heard)
        if not self._is_connected:
            return Figures()
        at = self._at(now)
        in_counted = sum(each.figures.room for each in self._counting)
        return Figures(
            people=in_counted + self._attendance.people(at, without=self._counted),
            reports_per_s=counted + self._attendance.reports_per_s(at),
            out_per_s=out_per_s,
        )
