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

    def begin(self) -> None:
        """The host is connected: from now on everything is heard anew."""
        self._is_connected = True
        self._attendance.begin(time.monotonic())

    def forget(self) -> None:
        """The connection is lost."""
        self._is_connected = False
        self._reader.forget()

    def feed(self, topic: str, payload: bytes, *, is_rumour: bool = False) -> None:
        """Every message that the host's connection receives. `is_rumour`: from before, kept where
        nothing expires."""
        self._reader.feed(topic, payload)
        levels = topic.split("/", 3)
        is_of_viewers = len(levels) == 4 and levels[3].startswith(("r/", "sweep/"))
        if is_of_viewers and levels[2] not in self._counted:
            self._attendance.take(topic, payload, time.monotonic(), is_rumour=is_rumour)

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
        in_counted = sum(each.figures.room for each in self._counting)
        return Figures(
            people=in_counted + self._attendance.people(now, without=self._counted),
            reports_per_s=counted + self._attendance.reports_per_s(now),
            out_per_s=out_per_s,
        )
