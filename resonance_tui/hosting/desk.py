"""A host's or co-host's connection to a room, at whatever broker: who is there, and acts."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from aiomqtt import MqttError

from resonance_broker.accounts import HOST_NAME
from resonance_tui.errors import (
    BrokerRefused,
    BrokerUnreachable,
    InputError,
    Problem,
    StoreError,
    WireError,
)
from resonance_tui.hosting.rulebook import REPAIR_EVERY_S, SETTLE_S, Rulebook
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retention import fetch
from resonance_tui.protocol.events import HostKeyEvent, ReportEvent, RulesEvent
from resonance_tui.protocol.messages import (
    HOST_KEY,
    NICKNAME,
    REPORT,
    ROOM_SETTINGS,
    RULES,
    SWEEP,
    decode,
)
from resonance_tui.protocol.rules import ADMITTED_MOST, RoomRules
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import host_rules_id, is_id, new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room.attendance import Attendance, Attendee
from resonance_tui.room.room_clock import ASLEEP_S, RoomClock
from resonance_tui.room_keys import LoggedAct, RoomKey, RoomKeys
from resonance_tui.texts import mark

CONNECT_S = 6.0  # more than one try
PROBE_EVERY_S = 5.0
LOOK_EVERY_S = 0.5  # at the clock, and at who is silent
KEPT_S = 3.0  # the broker reads its access rules anew, and that is announced
UNSEEN = mark("This account does not read who is in the room.")
UNSEEN_HINT = mark("Use the host's, or ask for an account with the role host.")


class Desk(ReconnectingConnection):
    """Runs until it is cancelled. `changed` is called when the rules are others."""

    def __init__(
        self, url: BrokerUrl, keys: RoomKeys, key: RoomKey, *, sees_viewers: bool = True
    ) -> None:
        """`sees_viewers`: whether reports and nicknames are subscribed to."""
        super().__init__(url, Inbox(), answer_timeout_s=5.0, will_delay_s=0, room=key.channel)
        self.is_courtesy: bool | None = None  # anybody can write under any id; None: not known
        self._may_host = True  # not an account of a viewer; as long as that is not known
        self._is_denied = False  # a subscription to reports was refused
        self.attendance = Attendance()
        self._clock = RoomClock(ASLEEP_S + 2 * LOOK_EVERY_S)
        self._book = Rulebook(
            *(keys, key, publisher_id(url, key)),
            nickname=self.attendance.nickname,
            is_open=url.username is None,
        )
        with contextlib.suppress(StoreError):  # the room goes on without its log
            self.attendance.know_names(
                {act.whom: act.name for act in keys.acts(key.channel) if act.name}
            )
        self.changed: Listeners[[RoomRules]] = self._book.changed
        self.trouble = ""  # what ended `run`
        self._sees_viewers = sees_viewers
        self._client: BrokerClient | None = None
        self._ready = asyncio.Event()
        self._name = f"rsn-desk-{secrets.token_hex(6)}"

    async def run(self) -> None:
        """Raises BrokerRefused when the first login is refused; `trouble` says so, too."""
        try:
            await super().run()
        except Problem as problem:
            self.trouble = problem.message
            raise

    @property
    def key(self) -> RoomKey:
        return self._book.key

    @property
    def channel(self) -> str:
        return self._book.channel

    @property
    def rules(self) -> RoomRules:
        """Those that hold."""
        return self._book.rules

    @property
    def keeps_reports(self) -> bool:
        """Whether the broker keeps reports from other viewers, so that what the rules say of
        small rooms is more than a courtesy. By its host's word, where nothing tells otherwise: no
        login of a host's can try what others may read."""
        if self.is_courtesy or not (self.attendance.reads_totals or self._is_denied):
            return False
        return self._may_host or not self._hears_others()

    async def until_kept(self, within_s: float = KEPT_S) -> bool:
        """`keeps_reports` once the host's program has had the time to make it so."""
        ends = time.monotonic() + within_s
        while not self.is_courtesy and not self.keeps_reports and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        return self.keeps_reports

    @property
    def sees_all(self) -> bool:
        """Whether this login reads who is there."""
        return self._may_host or not self.keeps_reports

    def _hears_others(self) -> bool:
        return any(each != self._url.username for each in self.attendance.around(time.time()))

    @property
    def watch_s(self) -> float:
        """For so long somebody who is there may not be heard: a heartbeat, and a little more."""
        return self.attendance.confirm_s

    def acts(self) -> list[LoggedAct]:
        """What was done here, oldest first: as it is kept, and what the rules say since.

        Raises StoreError."""
        return self._book.acts()

    def attendees(self) -> list[Attendee]:
        self._look(is_connected=self._client is not None)
        return self.attendance.attendees(time.time(), self.rules)

    async def until_ready(self, within_s: float | None = None) -> None:
        """Until connected, with the broker's rules in, and with everybody who is there, where those
        are looked at: `within_s` is for the connection. Raises BrokerUnreachable."""
        try:
            async with asyncio.timeout(CONNECT_S if within_s is None else within_s):
                while self._client is None:
                    self.wake.clear()
                    await self.wake.wait()
            async with asyncio.timeout(CONNECT_S + self.watch_s):
                await self._ready.wait()
        except TimeoutError:
            why = self.why_lost or f"no answer from {self.place}"
            raise BrokerUnreachable(why[:1].upper() + why[1:]) from None

    async def act(
        self, name: str, value: str = "", *, whom: str | None = None, is_noted: bool = True
    ) -> RoomRules:
        """As `Rulebook.change`; raises BrokerUnreachable while not connected."""
        client = self._client
        if client is None:
            raise BrokerUnreachable(f"Not connected to {self.place}: nothing was changed.")
        if name == "lock":
            await self.until_ready()
            if not self.sees_all:  # it would lock everybody out
                raise InputError(UNSEEN, UNSEEN_HINT)
        present = self._inside()
        try:
            await self._book.show_key(client)
            return await self._book.change(
                client, name, value, present=present, whom=whom, is_noted=is_noted
            )
        except MqttError:
            lost = f"The connection to {self.place} was lost; perhaps nothing was changed."
            raise BrokerUnreachable(lost) from None

    def _inside(self) -> tuple[str, ...]:
        """For a lock: who is there, and who may be about to come back, where there is room."""
        now = time.time()
        here, around = self.attendance.present(now), self.attendance.around(now)
        return tuple(dict.fromkeys((*here, *around[: max(0, ADMITTED_MOST - len(here))])))

    async def sees_two_writers(self, viewer_id: str) -> bool:
        """Whether more than one program writes under that id. Where anybody can, this watches for
        as long as each of them takes to report again."""
        began = time.monotonic()
        while not self.attendance.has_two_writers(viewer_id, time.time()):
            is_there = viewer_id in self.attendance.present(time.time())
            patience_s = self.watch_s if is_there else SETTLE_S
            if not self.is_courtesy or time.monotonic() - began >= patience_s:
                return False
            await asyncio.sleep(0.1)
        return True

    async def keep(self) -> None:
        """Write what holds, and who did what, to disk. Raises StoreError."""
        await self._book.keep()

    # One connection after the other

    def _identifier(self) -> str:
        return self._name

    def _will_topic(self) -> str | None:
        return None

    def _on_duplicate_id(self) -> None:
        """Cannot happen: the id is random."""

    def _closing_messages(self) -> list[Outgoing]:
        return []  # rules hold on without who made them

    async def _subscribe(self, client: BrokerClient) -> None:
        self._book.forget()
        self._clock.begin(time.monotonic())
        self._look(is_connected=True)
        self.attendance.reconnected(time.time())
        for _ in range(2):  # retained messages arrive before the second SUBACK
            await client.follow(HOST_KEY.topic.of(self.channel), 1)
            await client.follow(RULES.topic.filter(channel=self.channel), 1)
            if not self._retention.brings:
                await self._fetch_rules(client)
            with contextlib.suppress(BrokerRefused):  # the usual ones hold, then
                await client.follow(ROOM_SETTINGS.topic.of(self.channel), 1)
        if self._sees_viewers:
            await self._follow_viewers(client)
            if not client.is_v5:
                with contextlib.suppress(BrokerRefused):  # rules made before there were sweeps
                    await client.follow(SWEEP.topic.of(self.channel, "+"), 1)
            await client.follow(HOST_KEY.topic.of(self.channel), 1)  # after what is retained
        self.is_courtesy = await self._lets_forge(client)
        self._may_host = self.is_courtesy is not False or await client.may_write(
            HOST_KEY.topic.of(self.channel)
        )
        if self._retention.brings is None and self.is_courtesy is not False:
            await self._retention.ask_under_another_id(client, self.channel)
        checkpoint()
        self._retention.done()
        self._client = client
        self._set_connected()

    async def _follow_viewers(self, client: BrokerClient) -> None:
        """Also with a login that may not read them: whoever rules need not see."""
        try:
            for row in (REPORT, NICKNAME):
                await client.follow(row.topic.filter(channel=self.channel), 0)
            self._is_denied = False
        except BrokerRefused as error:
            if type(error) is not BrokerRefused:  # it is not about rights
                raise
            self._is_denied = True

    async def _fetch_rules(self, client: BrokerClient) -> None:
        """Of the ids under which they may be shown, those that can be known."""
        for each in {self._book.publisher_id, host_rules_id(self.key.host_public)}:
            await fetch(client, RULES.topic.of(self.channel, each))

    def _on_retention_found(self) -> None:
        super()._on_retention_found()
        self._book.is_repeated = self._retention.is_lacking

    async def _get_ready(self) -> None:
        """Who is there is known at once, or once everybody has reported."""
        if self._sees_viewers and self._retention.is_lacking:
            await asyncio.sleep(self.watch_s)
        self._ready.set()

    async def _lets_forge(self, client: BrokerClient) -> bool | None:
        """Whether this broker lets anybody write under any id; None where it does not say.

        The host's own login may everything, so what it may says nothing of others.
        """
        if self._url.username is None:
            return True
        if not client.tells_refusals or not is_id(self._url.username):
            return None
        if self._url.username == HOST_NAME:
            return None
        return await client.may_write(NICKNAME.topic.of(self.channel, new_viewer_id()))

    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "alive": self._keep_alive(client),
            "rules": self._keep_rules(client),
            "ready": self._get_ready(),
            "look": self._keep_looking(),
            "check": self._check_line(client),
        }

    async def _keep_rules(self, client: BrokerClient) -> None:
        """At a broker of somebody else's nobody but us shows again what was overwritten."""
        while True:
            await asyncio.sleep(REPAIR_EVERY_S)
            with contextlib.suppress(BrokerRefused, StoreError):  # an act says so
                await self._book.keep_up(client)
            checkpoint()

    async def _keep_looking(self) -> None:
        while True:
            self._look(is_connected=True)
            self.check_line(self.attendance.has_overdue(time.time()))
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self, *, is_connected: bool) -> None:
        """At the clock: silence of the line, or of this machine, is nobody's silence."""
        now = time.monotonic()
        at = self._clock.at(now, asked_at=self.asked_at, is_connected=is_connected)
        self.attendance.still_s = now - at

    async def _keep_alive(self, client: BrokerClient) -> None:
        try:
            while True:
                await asyncio.sleep(PROBE_EVERY_S)
                self.attendance.tick(time.time())
                await client.follow(HOST_KEY.topic.of(self.channel), 1)
                checkpoint()
        finally:
            self._client = None
            self._ready.clear()

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        """Every message is looked at: between two of one id a forgery shows."""
        if not self._limiter.allow(topic, time.monotonic()):
            self._book.suspect(topic)
            return
        try:
            event = decode(topic, payload)
        except WireError:
            self._limiter.record_violation(topic, time.monotonic())
            self._book.suspect(topic)
            return
        if isinstance(event, HostKeyEvent | RulesEvent):
            self._book.observe(event)
        else:
            self._look(is_connected=True)
            if is_retained and isinstance(event, ReportEvent):
                event = replace(event, is_retained=True, left_s=left_s)
            self.attendance.take(event, time.time())
        self.wake.set()


def publisher_id(url: BrokerUrl, key: RoomKey) -> str:
    """On whose topic rules are published: the account's own, or one that follows from the key."""
    if url.username is not None and is_id(url.username):
        return url.username
    return host_rules_id(key.key.public)
