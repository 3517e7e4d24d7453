"""A room on this network whose broker went away with its host: after one yes, it goes on.

Viewers know each other only through the broker, and an address is personal: so nobody says theirs
beforehand. Whoever says yes looks on the network for the room (`messaging.nearby`); who finds none
when their turn comes starts a broker, as open as the one before was, and announces it there. All
of them go back as soon as the first broker answers again. Rooms with accounts, a certificate or a
host on the internet are never carried on: only their host can open them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from resonance_tui.errors import Problem
from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.nearby import NearbyAnnouncer, NearbyUnavailable, follow_nearby
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.broker_choice import start_public_broker
from resonance_tui.session.failover import JITTER_S, rank
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from resonance_broker import RunningBroker

ASK_AFTER_S = 3.0  # a broker that is only restarted is back by then
ELSEWHERE = mark("The room goes on at another machine again, and no longer at this one.")
LOOK_EVERY_S = 0.25
LOOK_FIRST_S = 2.0  # before it is one's turn: what is announced already is found in this time
STEP_S = 2.0  # between two in the order: to start a broker, and for its name to get around
MOST_STEPS = 3  # the last ones wait no longer than this many
HOME_EVERY_S = 5.0  # whether the first broker is back

log = logging.getLogger(__name__)


def may_be_carried_on(url: BrokerUrl) -> bool:
    """Whether everybody may open the room as well as its host did."""
    return not (url.is_tls or url.is_websocket or url.username or url.pin)


async def address_facing(url: BrokerUrl) -> str | None:
    """This machine's address on the network that it shares with that broker; None where the broker
    is this machine's own, or lies outside of it."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)  # sends nothing
            own = str(probe.getsockname()[0])
        ip = ipaddress.ip_address(str(address[0]).partition("%")[0])
    except (OSError, UnicodeError, ValueError):
        return None
    return own if ip.is_private and not (ip.is_loopback or ip.is_link_local) else None


class CarriedRoom:
    """A broker of ours for the room of another host, announced on the network."""

    def __init__(self, broker: RunningBroker, channel: str, address: str) -> None:
        self._broker = broker
        self.url = BrokerUrl(host=address, port=broker.settings.port)
        room = NearbyRoom(channel, "", self.url, socket.gethostname().partition(".")[0])
        announcer = NearbyAnnouncer([room], lambda: [address], say=log.info)
        self._announcing = asyncio.create_task(announcer.run(), name="nearby")

    async def end(self) -> None:
        self._announcing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._announcing
        await asyncio.to_thread(self._broker.stop)


class NetworkFailover:
    """Asks once, and carries the room on as often as its brokers go away; see the module.

    `known_ids`: the viewers known from the room. `ask` shows a question, or takes it back (None);
    `notice` takes a sentence for a person, `on_moved` the address that the room is at from now on.
    """

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        link: Link,
        *,
        known_ids: Callable[[], Collection[str]],
        ask: Callable[[str | None], None],
        notice: Callable[[str], None],
        on_moved: Callable[[str], None],
    ) -> None:
        self._url, self._channel, self._link = url, channel, link
        self._known_ids, self._ask = known_ids, ask
        self._notice, self._on_moved = notice, on_moved
        self._answer: bool | None = None
        self._own: CarriedRoom | None = None
        self._can_host = True
        self._rooms: list[NearbyRoom] = []  # of others, as the network tells now

    def answer(self, yes: bool) -> None:
        """What the person says to the question; it holds for the session."""
        self._answer = yes
        self._ask(None)

    async def run(self) -> None:
        """Until cancelled; then a broker of ours ends."""
        await self._until(lambda: self._is_connected or len(self._known_ids()) > 1)
        address = await address_facing(self._url)
        try:
            while address is not None and self._answer is not False:
                await self._until(lambda: not self._is_connected)
                if await self._is_agreed(address):
                    await self._carry_on(address)
            await asyncio.Event().wait()
        finally:
            await self._end_own()

    @property
    def _is_connected(self) -> bool:
        return self._link.status.state is LinkState.CONNECTED

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(LOOK_EVERY_S)

    async def _is_agreed(self, address: str) -> bool:
        """Asks, unless that was answered before, the broker is back, or nobody else was there."""
        await self._until(lambda: self._is_connected or len(self._known_ids()) > 1)
        if self._answer is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_AFTER_S):
                    await self._until(lambda: self._is_connected)
            if not self._is_connected:
                self._ask(question(address))
            await self._until(lambda: self._is_connected or self._answer is not None)
            self._ask(None)
        return bool(self._answer) and not self._is_connected

    async def _carry_on(self, address: str) -> None:
        """Until the first broker has us again."""
        looking = asyncio.create_task(self._look(), name="look nearby")
        turn_at = self._turn_at()
        home_at = time.monotonic() + HOME_EVERY_S
        try:
            while not (self._is_connected and self._link.place == self._url.place):
                if self._is_connected:
                    turn_at = self._turn_at()
                if self._own is None:
                    await self._join_or_host(address, turn_at)
                elif time.monotonic() >= home_at:
                    home_at = time.monotonic() + HOME_EVERY_S
                    await self._give_way(self._own)
                await asyncio.sleep(LOOK_EVERY_S)
            await self._end_own()  # whoever went there comes after us
            self._on_moved(self._url.public)
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    def _turn_to(self, url: BrokerUrl) -> None:
        self._link.turn_to(url)
        self._on_moved(url.public)

    def _turn_at(self) -> float:
        before = min(rank(self._link.viewer_id, self._known_ids(), self._url.place), MOST_STEPS)
        return time.monotonic() + LOOK_FIRST_S + STEP_S * before + random.uniform(0, JITTER_S)

    async def _look(self) -> None:
        with contextlib.suppress(NearbyUnavailable):
            await follow_nearby(self._take)

    def _take(self, rooms: list[NearbyRoom]) -> None:
        own = self._own.url.place if self._own else ""
        self._rooms = [
            room
            for room in rooms
            if room.channel == self._channel
            and may_be_carried_on(room.url)
            and not (room.needs_link or room.ticket or room.fingerprint)
            and room.url.place != own
        ]

    async def _join_or_host(self, address: str, turn_at: float) -> None:
        if self._is_connected:
            return
        for room in self._rooms:
            if await is_reachable(room.url):
                self._turn_to(replace(room.url, alternates=()))
                return
        if self._can_host and time.monotonic() >= turn_at:
            await self._host(address)

    async def _host(self, address: str) -> None:
        try:
            broker = await start_public_broker(address, self._url.port)
        except Problem as problem:
            self._can_host = False  # what is missing is missing the next time, too
            self._notice(
                tr("The room cannot be carried on from here: {why}", why=tr(problem.message))
            )
            return
        if self._is_connected:  # meanwhile: nobody is to come here
            await asyncio.to_thread(broker.stop)
            return
        self._own = CarriedRoom(broker, self._channel, address)
        self._turn_to(self._own.url)
        self._notice(tr("The room goes on at this machine while you stay."))

    async def _give_way(self, own: CarriedRoom) -> None:
        """To the first broker, once it is back; to a room of the same name that comes first, where
        two were started at once."""
        ahead = [room.url for room in self._rooms if room.url.place < own.url.place]
        for url in (self._url, *ahead):
            if await is_reachable(url):
                self._turn_to(replace(url, alternates=()))
                await self._end_own()
                self._notice(tr(ELSEWHERE))
                return

    async def _end_own(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            await own.end()


def question(address: str) -> str:
    """For the person: what a yes does, and who sees what."""
    return tr(
        "The room's broker is gone. Carry the room on within this network? Your app then looks for "
        "it here, and where nobody has it yet, opens it on this machine for everyone on the "
        "network, without passwords, at {address}.",
        address=address,
    )
