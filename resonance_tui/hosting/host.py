"""The host's own connection to its broker: rooms announced, figures read, accounts kept up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiomqtt import MqttError

from resonance_broker import AccountsStore, BrokerProblem, RunningBroker
from resonance_broker.certificate import fingerprint, is_self_signed
from resonance_tui.errors import BrokerError
from resonance_tui.hosting.attendance import REPORTS
from resonance_tui.hosting.enrollments import EnrollmentDesk
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.keeper import Door, RoomKeeper
from resonance_tui.hosting.tidying import Tidying
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.announcer import RoomAnnouncement
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.protocol.messages import (
    ENROLLMENT_REQUEST,
    NICKNAME,
    REPORT,
    ROOM_SETTINGS,
    SWEEP,
    TABLE,
)
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.room_keys import RoomKeys

log = logging.getLogger(__name__)

RETRY_S = 1.0
SILENCE_S = 5.0  # after this the broker is asked whether it is still there
REPORTS_EVERY_S = 1.0
FAREWELL_S = 1.0
ACCOUNTS_EVERY_S = 0.25  # how soon accounts that were changed in another terminal count


class Host:
    """Reconnects to the broker of this process until cancelled."""

    def __init__(
        self,
        broker: RunningBroker,
        channels: Sequence[str],
        headcount: Headcount,
        *,
        say: Callable[[str], None],
        keys: RoomKeys | None = None,
    ) -> None:
        """`headcount` is told of everything that is heard; `say` takes a sentence for a person;
        `keys`: of the rooms; None: without rules."""
        self._broker, self._headcount = broker, headcount
        self._say = Listeners(say)
        self._rooms = RoomAnnouncement(channels, say)
        folder = broker.settings.accounts
        self._store = AccountsStore(folder) if folder is not None else None
        self.locked: set[str] = set()  # channels that let nobody new in
        self._desk = (
            EnrollmentDesk(self._store, self._reload, say, locked=self.locked)
            if self._store
            else None
        )
        door = Door(self._store, self.locked, self._reload)
        tls_key = own_tls_key(broker)
        self._keeper = RoomKeeper(keys, channels, door, say, tls_key=tls_key) if keys else None
        self._tidying = Tidying(channels)
        self._heard_at = 0.0  # monotonic seconds
        self._loaded: tuple[int, int] | None = None  # stamp of the accounts that the broker knows

    async def run(self) -> None:
        """Until cancelled; then what was announced is taken back."""
        while True:
            with contextlib.suppress(MqttError, BrokerError, BrokerProblem, TimeoutError, OSError):
                async with self._connect() as client:
                    await self._serve(client)
            self._headcount.forget()
            await asyncio.sleep(RETRY_S)

    def _connect(self) -> contextlib.AbstractAsyncContextManager[BrokerClient]:
        return broker_client(
            own_url(self._broker),
            self._on_arrival,
            identifier=f"rsn-host-{secrets.token_hex(4)}",
            version=5 if self._broker.has_mqtt5 else 4,
        )

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        self._heard_at = time.monotonic()
        self._headcount.feed(topic, payload, is_retained=is_retained, left_s=left_s)
        if not self._broker.has_mqtt5:
            self._tidying.take(topic, payload, is_retained)
        kind = TABLE.find(topic)
        if self._desk is not None and kind is ENROLLMENT_REQUEST:
            self._desk.observe(topic, payload)
        elif kind not in (REPORT, SWEEP, NICKNAME) and (
            self._keeper is None or not self._keeper.observe(topic, payload)
        ):
            self._rooms.observe(topic, payload)

    async def _serve(self, client: BrokerClient) -> None:
        """All that goes on while connected; on the way out the rooms are taken back."""
        self._heard_at = time.monotonic()
        self._headcount.begin()
        self._tidying.begin()
        for topic in self._headcount.topics:
            await client.follow(topic, 0)
        if self._desk is not None:
            await client.follow(ENROLLMENT_REQUEST.topic.of("+"), 1)
        try:
            self._tell_reading()
            await self._rooms.begin(client)
            if self._keeper is not None:
                await self._keeper.begin(client)
            await _until_one_ends(self._duties(client))
        except asyncio.CancelledError:
            await self._take_back(client)
            raise

    async def _take_back(self, client: BrokerClient) -> None:
        with contextlib.suppress(MqttError, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                for message in self._rooms.closing_messages():
                    await client.send(message)

    def _duties(self, client: BrokerClient) -> list[Coroutine[Any, Any, None]]:
        duties: list[Coroutine[Any, Any, None]] = [
            self._rooms.run(client),
            _until_disconnected(client),
            self._until_silent(client),
            self._follow_reports(client),
        ]
        if not client.is_v5:
            duties.append(self._tidying.run(client))
        if self._desk is not None and self._store is not None:
            duties += [self._desk.run(client), self._follow_accounts(self._store)]
        if self._keeper is not None:
            duties.append(self._keeper.run(client))
        return duties

    async def _until_silent(self, client: BrokerClient) -> None:
        """Raises MqttError once the broker no longer answers. One that renews its figures every
        second need not be asked."""
        while True:
            await asyncio.sleep(1.0)
            is_silent = time.monotonic() - self._heard_at >= SILENCE_S
            if is_silent or self._headcount.has_overdue:
                self._headcount.asked_at = time.monotonic()
                await client.follow(ROOM_SETTINGS.topic.filter(), 1)
                self._headcount.asked_at = None
                self._heard_at = time.monotonic()

    async def _follow_reports(self, client: BrokerClient) -> None:
        """Subscribes to the reports of all rooms for as long as they are few."""
        is_following = False
        while True:
            if self._headcount.wants_reports and not is_following:
                if not client.is_v5:
                    await client.follow(SWEEP.topic.filter(), 1)
                await client.follow(ROOM_SETTINGS.topic.filter(), 1)  # how long people are silent
                await client.follow(REPORTS, 0)
            elif is_following and not self._headcount.wants_reports:
                await client.unsubscribe([REPORTS])
                self._tidying.begin()
            is_following = self._headcount.wants_reports
            await asyncio.sleep(REPORTS_EVERY_S)

    async def _follow_accounts(self, store: AccountsStore) -> None:
        """Takes up what `broker users` and `broker invite` change in other terminals."""
        while True:
            if (stamp := store.stamp) != self._loaded:
                self._loaded = stamp
                await asyncio.to_thread(self._reload)
                self._tell_reading()
            await asyncio.sleep(ACCOUNTS_EVERY_S)

    def _tell_reading(self) -> None:
        """Viewers' programs follow what they may read by the rules that the broker has."""
        self._rooms.tell_totals(self._broker.reading.totals)

    def _reload(self) -> None:
        try:
            self._broker.renew_people()
        except (BrokerProblem, OSError) as problem:
            self._say(f"The accounts stay as they were: {problem}.")


async def _until_disconnected(client: BrokerClient) -> None:
    """Messages arrive by callback; the iterator only tells when the connection ends."""
    async for _ in client.messages:
        pass


async def _until_one_ends(duties: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Raises what the first one ended with; the others are cancelled."""
    running = [asyncio.ensure_future(duty) for duty in duties]
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        next(iter(done)).result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=FAREWELL_S)


def own_tls_key(broker: RunningBroker) -> Path | None:
    """The key of a certificate that no authority vouches for, so that links name that key."""
    cert, key = broker.settings.tls_cert, broker.settings.tls_key
    try:
        return key if cert is not None and is_self_signed(cert) else None
    except BrokerProblem:
        return None


def own_url(broker: RunningBroker) -> BrokerUrl:
    """The broker's address with the host's own login and the fingerprint of its certificate, so
    that any name in the certificate will do. Raises BrokerProblem for an unreadable certificate."""
    login, certificate = broker.login, broker.settings.tls_cert
    return replace(
        parse_broker_url(broker.settings.url),
        username=login.name if login else None,
        password=login.password if login else None,
        pin=fingerprint(certificate) if certificate else None,
    )
