"""A room as a third party counts it: from its reports, or from the total where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.client import BrokerClient, follow_rules
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.events import (
    AsideTotalEvent,
    Event,
    HostKeyEvent,
    LeaveEvent,
    ReportEvent,
    RoomEvent,
    RulesEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.messages import ASIDE_TOTAL, REPORT, ROOM_SETTINGS, SWEEP, TOTAL
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import TEAMS, Counts, RoomCounts, RoomSettings
from resonance_tui.room.authority import Authority, certificate_print
from resonance_tui.room.conduct import conduct_of
from resonance_tui.room.doubts import RETURN_S
from resonance_tui.room.room_clock import RoomClock
from resonance_tui.room.state import RoomState

_LISTEN_FOR_A_TOTAL_S = 1.0  # a retained one comes at once, a live one within its tick
_LISTEN_FOR_A_LIVE_ONE_S = 3.0  # where the broker keeps totals for ever
_TOTAL_HOLDS_S = 10.0
_TICK_S = 0.2
_ALIVE_EVERY_S = 5.0
_ANSWER_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class RoomView:
    """The room as the observer counts it."""

    source: str = "nobody"  # "mesh", "total", or "nobody": nothing was heard, or not connected
    viewers: int = 0
    counts: tuple[int, ...] = (0,) * len(Emotion)  # nine, in the order of `Emotion`
    heard: int = 0  # reports that came in, in a mesh; 0 where only totals are heard
    private: Counts = ()  # nine, of randomised reports, which are not in `counts`

    @property
    def people(self) -> int:
        return self.viewers + sum(self.private)


class RoomObserver(ReconnectingConnection):
    """Follows a room without being in it, whatever its size: it remembers `most` viewers.

    Reports are subscribed to only while there is no total: the room may be large. `host_print`:
    the fingerprint of the room's key, whose rules it obeys. `run` raises BrokerRefused where the
    first login is refused, and nothing else.
    """

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        most: int,
        *,
        host_print: str | None = None,
    ) -> None:
        inbox = Inbox(max_topics=2 * most)
        super().__init__(
            url, inbox, answer_timeout_s=_ANSWER_TIMEOUT_S, will_delay_s=0, room=channel
        )
        self._channel = channel
        self._room = RoomState(max_viewers=most)
        self._authority = Authority(
            channel, host_print=host_print, spki_print=certificate_print(url.pin)
        )
        self._settings = RoomSettings()
        self._clock = RoomClock()
        self._total: TotalEvent | None = None
        self._has_old_total = False  # one that may be nobody's any more
        self._total_at = -math.inf  # monotonic seconds
        self._private: Counts = ()  # beside the total
        self._aside_at = -math.inf  # monotonic seconds
        self._heard = 0
        self._in_mesh = False  # on the current connection
        self.listens = asyncio.Event()  # was connected: what is sent from then on is heard

    @property
    def abilities(self) -> frozenset[str]:
        """What the room's host lets its clients use."""
        return self._settings.abilities

    def view(self) -> RoomView:
        """As of now."""
        now = time.monotonic()
        at = self._read(now)
        if self.status.state is not LinkState.CONNECTED:
            return RoomView(heard=self._heard)
        if self._total is not None and self._has_total(now):
            known = self._total.viewers, tuple(self._total.counts), self._heard
            return RoomView("total", *known, self._private_beside(now))
        if not self._in_mesh:
            return RoomView(heard=self._heard)
        room = self._room.tick(at)
        counts = RoomCounts(room.counts, room.unsure, room.away).nine
        private = room.private if any(room.private) else ()
        return RoomView("mesh", room.viewers, counts, self._heard, private)

    def _private_beside(self, now: float) -> Counts:
        is_renewed = now - self._aside_at < _TOTAL_HOLDS_S
        return self._private if is_renewed else ()

    def _has_total(self, now: float) -> bool:
        return self._total is not None and now - self._total_at < _TOTAL_HOLDS_S

    # The connection

    def _identifier(self) -> str:
        return f"rsn-{new_viewer_id()}"

    def _will_topic(self) -> str | None:
        return None

    def _on_duplicate_id(self) -> None:
        """Cannot happen: the id is random."""

    def _closing_messages(self) -> list[Outgoing]:
        return []

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        """What the broker kept was heard before, or sent before anybody listened."""
        self._heard += bool(payload) and not is_retained and "/r/" in topic
        super()._on_arrival(topic, payload, is_retained, left_s)

    async def _subscribe(self, client: BrokerClient) -> None:
        """Whoever was there before is doubted: some may have left unnoticed."""
        now = time.monotonic()
        self._in_mesh = self._has_old_total = False
        self._clock.begin(now)
        self._room.doubt()
        self._room.doubt_until(self._at(now) + self._settings.heartbeat_s + RETURN_S)
        await client.follow(ROOM_SETTINGS.topic.of(self._channel), 1)
        await client.follow(TOTAL.topic.of(self._channel), 0)
        with contextlib.suppress(BrokerRefused):  # rules made before there were asides
            await client.follow(ASIDE_TOTAL.topic.of(self._channel), 0)
        await follow_rules(client, self._channel)
        await self._wait_for_a_total()
        await self._follow_what_is_needed(client)
        checkpoint()
        self._set_connected()
        self.listens.set()

    async def _wait_for_a_total(self) -> None:
        began = now = time.monotonic()
        wait = _LISTEN_FOR_A_TOTAL_S
        while now - began < wait and not self._has_total(now):
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            self._read(now)
            wait = _LISTEN_FOR_A_LIVE_ONE_S if self._has_old_total else _LISTEN_FOR_A_TOTAL_S

    async def _follow_what_is_needed(self, client: BrokerClient) -> None:
        if not self._in_mesh and not self._has_total(time.monotonic()):
            if not client.traits.expires:
                with contextlib.suppress(BrokerRefused):  # rules made before there were sweeps
                    await client.follow(SWEEP.topic.of(self._channel, "+"), 1)
            await client.follow(REPORT.topic.filter(channel=self._channel), 0)
            self._in_mesh = True

    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "reports": self._follow_reports(client),
            "alive": self._keep_alive(client),
            "check": self._check_line(client),
            "retention": self._find_retention(client),
        }

    @property
    def question(self) -> Question | None:
        """What the host asks, by rules that are believed; it may be over."""
        return self._authority.rules.question if self._authority.rules else None

    @property
    def teams(self) -> int:
        """How many teams the host lists, by such rules, and its programs count."""
        rules = self._authority.rules
        return len(rules.teams) if rules and TEAMS in self._settings.abilities else 0

    @property
    def private_epsilon(self) -> float | None:
        """Of every report, where the host rules that; None: as each viewer likes."""
        return (self._authority.rules.private_epsilon or None) if self._authority.rules else None

    @property
    def newcomers_lack_names(self) -> bool:
        """Whether they are brought none that was said before they came."""
        return self._retention.is_lacking

    async def _find_retention(self, client: BrokerClient) -> None:
        if self._retention.brings is None:
            await self._retention.ask_under_another_id(client, self._channel)
        checkpoint()
        self._retention.done()

    async def _follow_reports(self, client: BrokerClient) -> None:
        """Counts for itself from then on where the aggregators have gone."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._read(time.monotonic())
            await self._follow_what_is_needed(client)
            self.check_line(self._in_mesh)
            checkpoint()

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Subscribes again for the answer: a dead connection is noticed here."""
        while True:
            await asyncio.sleep(_ALIVE_EVERY_S)
            await client.follow(TOTAL.topic.of(self._channel), 0)
            checkpoint()

    # What arrives

    @property
    def _is_rumour(self) -> bool:
        """Whether what the broker kept may be nobody's any more."""
        return self.traits is not None and not self.traits.expires

    def _at(self, now: float) -> float:
        """By the room's clock: silence of the line, or of this machine, is nobody's silence."""
        is_connected = self.status.state is LinkState.CONNECTED
        return self._clock.at(now, asked_at=self.asked_at, is_connected=is_connected)

    def _read(self, now: float) -> float:
        """Takes what arrived. The time by the room's clock."""
        at = self._at(now)
        for event in self._inbox.drain(time.monotonic()):
            self._apply(event, now, at)
        self._room.obey(conduct_of(self._authority.look(now, time.time())))
        return at

    def _apply(self, event: Event, now: float, at: float) -> None:
        match event:
            case ReportEvent(is_retained=True):
                age_s = self._settings.age_s(event.report, event.left_s)
                self._room.recall(event.viewer_id, event.report, at, age_s)
            case ReportEvent():
                self._room.report(event.viewer_id, event.report, at)
            case RoomEvent():
                self._settings = said = event.settings or RoomSettings()
                self._room.be_patient(ttl=said.patience_s, stale_after=said.stale_after_s)
            case LeaveEvent():
                self._room.leave(event.viewer_id, at, is_swept=event.is_swept)
            case HostKeyEvent() | RulesEvent():
                self._authority.take(event, now)
            case TotalEvent(is_retained=True) if not (self.traits and self.traits.expires):
                self._has_old_total = True
            case TotalEvent():
                self._take_total(event, now)
            case AsideTotalEvent(is_retained=False):
                self._private, self._aside_at = event.aside.private, now
            case TotalOverEvent():
                self._total = None
            case _:
                return

    def _take_total(self, event: TotalEvent, now: float) -> None:
        """The same one again is what the broker keeps: it says nothing about now."""
        last = self._total
        if last is None or (event.boot, event.seq) != (last.boot, last.seq):
            self._total, self._total_at = event, now
