"""The others in front of one camera: each a viewer of its own, with a connection and a will.

Somebody who is in view for a moment joins; who is away for long leaves. In between they are away,
as anybody is. A connection each lets everybody leave by their own will, also when this program is
killed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerError
from resonance_tui.messaging.connection import LinkState
from resonance_tui.messaging.link import Link
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.protocol.sanitize import NICKNAME_LIMIT
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session.plan import LinkFactory, SessionPlan
from resonance_tui.session.self_report import SelfReport
from resonance_tui.texts import tr
from resonance_tui.widths import cut

JOINS_AFTER_S = 2.0  # in view for so long: a face in a poster's reflection is no viewer
LEAVES_AFTER_S = 30.0  # away for so long


def guest_name(nickname: str, seat: int) -> str:
    """What the room calls who sits in this seat: "Mia 2" beside Mia; "" beside an anonymous one."""
    if not nickname:
        return ""
    ending = f" {seat + 1}"
    room = NICKNAME_LIMIT - len(ending)
    return cut(nickname, room, most=room) + ending


class Presence:
    """Whether the person of one seat is in the room. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._since = -math.inf  # in view, or away
        self._is_seen = self.is_in = False

    def look(self, is_seen: bool, now: float) -> bool:
        """Whether they are in now; `is_seen`: a face is in view."""
        if is_seen != self._is_seen:
            self._is_seen, self._since = is_seen, now
        if now - self._since >= (JOINS_AFTER_S if is_seen else LEAVES_AFTER_S):
            self.is_in = is_seen
        return self.is_in


class Guest:
    """One seat: what is read of its person, and their connection while they are in the room."""

    def __init__(self, seat: int, boot: int, marks: dict[str, bool]) -> None:
        self.seat = seat
        self.own = SelfReport(boot, **marks)
        self.presence = Presence()
        self.steady = ABSENT
        self.link: Link | None = None
        self.running: asyncio.Task[None] | None = None
        self.is_unwanted = False  # by the host, the broker or the room, for the session
        self._nickname = ""  # as it was published

    def call(self, nickname: str) -> None:
        """`nickname`: of the first viewer."""
        name = guest_name(nickname, self.seat)
        if self.link is not None and name != self._nickname:
            self._nickname = name
            self.link.publish_nickname(name)

    def publish(self, now: float) -> None:
        """The report, where one is due, and somebody to publish it."""
        if self.link is None:  # asking would count as published
            return
        report = self.own.due(self.own.view(now, is_sharing=True), now)
        if report is not None:
            self.link.publish_report(report)

    def leave(self) -> None:
        """Takes report and nickname back and ends the connection in good order."""
        if self.running is not None:
            self.running.cancel()
        self.link = self.running = None
        self._nickname = ""
        self.own.reset()


@dataclass(frozen=True, slots=True)
class RoomForGuests:
    """What holds for them at one look at the room."""

    link: Link  # of the first viewer
    broker: BrokerUrl
    nickname: str  # of the first viewer
    is_sharing: bool
    heartbeat_s: float
    slow_s: float
    removed: Collection[str]  # ids


class Guests:
    """All but the first of those whom one camera reads. Used on the loop's thread."""

    def __init__(
        self,
        plan: SessionPlan,
        connect: LinkFactory,
        notice: Callable[[str], None],
        marks: dict[str, bool],
    ) -> None:
        """`notice` takes a sentence for a person; `marks`: of the camera, see SelfReport."""
        self._plan, self._connect, self._notice = plan, connect, notice
        self._seats = [Guest(seat, plan.boot, marks) for seat in range(1, plan.people)]
        self._tasks: asyncio.TaskGroup | None = None
        self._ids: set[str] = set()

    @property
    def ids(self) -> frozenset[str]:
        """Under which they are in the room, or were: the room that was seen last may list who has
        left since."""
        return frozenset(self._ids)

    def mark_source(self, marks: dict[str, bool]) -> None:
        """Of another camera, from the next reading on."""
        for guest in self._seats:
            guest.own.mark_source(**marks)

    def read(self, seat: int, steady: Steady, now: float) -> None:
        """The newest state of a seat, from 1 on."""
        guest = self._seats[seat - 1]
        guest.steady = steady
        guest.own.read(steady, {})
        guest.publish(now)

    def look(self, now: float, room: RoomForGuests) -> None:
        """To be called several times a second: who is there long enough joins, others leave."""
        for guest in self._seats:
            is_in = guest.presence.look(guest.steady.code is not Emotion.AWAY, now)
            if guest.link is not None and guest.link.viewer_id in room.removed:
                guest.is_unwanted = True
            if not is_in or guest.is_unwanted or not room.is_sharing:
                guest.leave()
            elif guest.link is not None or self._join(guest, room):
                self._keep(guest, room, now)

    def dismiss(self) -> None:
        """All of them, for as long as the session lasts."""
        for guest in self._seats:
            guest.is_unwanted = True
        self.leave()

    def leave(self) -> None:
        """All of them; who is still in view joins again with the next look."""
        for guest in self._seats:
            guest.leave()

    async def run(self) -> None:
        """Until cancelled; then everybody leaves in good order."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None
                self.leave()

    def _join(self, guest: Guest, room: RoomForGuests) -> bool:
        """Only where the first viewer is: their connection finds the broker."""
        if self._tasks is None or room.link.status.state is not LinkState.CONNECTED:
            return False
        url = _address(room.broker, room.link.place)
        link = self._connect(url, self._plan, new_viewer_id())
        link.subscribe_all(False)
        guest.link = link
        guest.running = self._tasks.create_task(self._live(guest, link), name="guest")
        return True

    async def _live(self, guest: Guest, link: Link) -> None:
        try:
            await link.run()
        except BrokerError as error:
            guest.is_unwanted = True
            self._notice(tr("One more person could not join: {why}.", why=tr(error.message)))

    def _keep(self, guest: Guest, room: RoomForGuests, now: float) -> None:
        link = guest.link
        assert link is not None
        self._ids.add(link.viewer_id)
        link.drain()  # answers roll calls; what is in the room the first viewer's link says
        link.set_heartbeat(room.heartbeat_s)
        is_elsewhere = link.place != room.link.place
        if is_elsewhere and room.link.status.state is LinkState.CONNECTED:
            link.turn_to(_address(room.broker, room.link.place))
        guest.own.slow_down(room.slow_s)
        guest.call(room.nickname)
        guest.publish(now)


def _address(broker: BrokerUrl, place: str) -> BrokerUrl:
    """Of the broker at this place: one of the room's own, or one that carries it on."""
    own = (each for each in (broker, *broker.alternates) if each.place == place)
    return next(own, None) or parse_broker_url(place)
