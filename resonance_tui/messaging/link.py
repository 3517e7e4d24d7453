"""A viewer's line to a room: events in, own report out, and how the connection is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable
from resonance_tui.messaging.address import BrokerUrl
from resonance_tui.messaging.client import (
    SESSION_TAKEN_OVER,
    BrokerClient,
    NoGreeting,
    broker_client,
    reason_code,
)
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.knock import newest_version
from resonance_tui.messaging.outbox import NICKNAME_EXPIRY_S, Outbox
from resonance_tui.messaging.wire import (
    Event,
    channel_filter,
    new_viewer_id,
    report_topic,
    room_topic,
)
from resonance_tui.room.state import Report


class LinkState(StrEnum):
    """Where the connection to the broker is in its life."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    state: LinkState
    detail: str = ""  # one line for a person: why it was lost, or what to know
    retry_at: float | None = None  # monotonic seconds of the next attempt while LOST


class Link(Protocol):
    """What the session asks of a line to the room, whatever carries it."""

    status: LinkStatus
    wake: asyncio.Event  # set when something arrived or the status changed; the reader clears it

    @property
    def viewer_id(self) -> str:
        """Changes when a twin holds the same one."""
        ...

    async def run(self) -> None:
        """Connects, stays connected and reads until it is cancelled.

        Cancelling leaves in good order: own retained topics are cleared, within two seconds.
        Raises BrokerRefused when the first login is refused.
        """
        ...

    def publish_report(self, report: Report) -> None:
        """Makes this the state that others see. Latest wins; never blocks."""
        ...

    def publish_nickname(self, nickname: str) -> None:
        """Shows this name to others; "" takes it back."""
        ...

    def withdraw(self) -> None:
        """Stops sharing: report and nickname vanish. A later publish_report resumes."""
        ...

    def drain(self) -> list[Event]:
        """What arrived since the last call, newest per topic."""
        ...


_RETRY_FIRST_S, _RETRY_MOST_S = 0.25, 5.0
_RETRY_REFUSED_S = 30.0  # a login that worked before and is refused now
_STEADY_AFTER_S = 10.0  # a connection that held so long starts the retries afresh
_TWIN_WITHIN_S, _TWIN_LOSSES = 2.0, 2
_FAREWELL_S = 2.0

_log = logging.getLogger(__name__)


async def _until_lost(
    work: Coroutine[Any, Any, None], lost: asyncio.Future[MqttError | BrokerRefused]
) -> None:
    try:
        await work
    except (MqttError, BrokerRefused) as error:
        if not lost.done():
            lost.set_result(error)


def _heed_cancellation() -> None:
    """Python 3.11 forgets a cancellation that arrives in the same turn as an awaited answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class MqttLink:
    """A line to a room over an MQTT broker: version 5 where it can, 3.1.1 where it must.

    `publish_report` sends at once: how often one reports is the caller's choice. A watcher only
    (`observe_only`) hears the room and leaves no trace in it.
    """

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        viewer_id: str,
        *,
        observe_only: bool = False,
        heartbeat_s: float = 10.0,
        connect_timeout: float = 5.0,
        will_delay_s: int = 5,
    ) -> None:
        self.status = LinkStatus(LinkState.CONNECTING)
        self.wake = asyncio.Event()
        self._url = url
        self._channel = channel
        self._is_observer = observe_only
        self._heartbeat_s = heartbeat_s
        self._answer_timeout_s = connect_timeout
        self._will_delay_s = will_delay_s
        self._inbox = Inbox()
        self._outbox = Outbox(channel, viewer_id)
        self._due = asyncio.Event()  # the outbox holds something
        self._version: int | None = None  # of MQTT: 5, 4 (3.1.1), None until the broker told
        self._losses = 0  # in a row, without a steady time between
        self._quick_losses = 0  # in a row, each soon after it was connected
        self._connected_at: float | None = None  # monotonic s; None while not connected
        self._was_welcome = False
        self._notice = ""

    @property
    def viewer_id(self) -> str:
        return self._outbox.viewer_id

    def publish_report(self, report: Report) -> None:
        self._outbox.set_report(report)
        self._due.set()

    def publish_nickname(self, nickname: str) -> None:
        self._outbox.set_nickname(nickname)
        self._due.set()

    def withdraw(self) -> None:
        self._outbox.withdraw()
        self._due.set()

    def drain(self) -> list[Event]:
        return self._inbox.drain()

    async def run(self) -> None:
        try:
            while True:
                self._set_status(LinkState.CONNECTING)
                reason, delay_s = await self._attempt()
                _log.info("%s: %s; next try in %.1f s", self._url, reason, delay_s)
                self._set_status(LinkState.LOST, reason, time.monotonic() + delay_s)
                await asyncio.sleep(delay_s)
        finally:
            self._set_status(LinkState.CLOSED)

    def _set_status(
        self, state: LinkState, detail: str = "", retry_at: float | None = None
    ) -> None:
        self.status = LinkStatus(state, detail, retry_at)
        self.wake.set()

    # --- one connection after the other --------------------------------------------------------

    async def _attempt(self) -> tuple[str, float]:
        """One connection, from dialling to its loss: why it ended, seconds until the next."""
        self._connected_at = None
        try:
            await self._connection()
        except BrokerRefused as error:
            if not self._was_welcome:
                raise
            return error.message, random.uniform(0.5, 1.0) * _RETRY_REFUSED_S
        except BrokerUnreachable as error:
            if isinstance(error, NoGreeting):
                self._version = None  # another broker may have taken its place
            self._quick_losses = 0  # the broker fell; no twin threw us out
            return error.message, self._back_off()
        except MqttError as error:
            self._look_for_a_twin(error)
            return f"the connection to {self._url.authority} was lost", self._back_off()
        raise AssertionError("a connection ends with an error")

    def _back_off(self) -> float:
        """Full jitter, so that a room does not come back all at once."""
        if self._up_s() >= _STEADY_AFTER_S:
            self._losses = 0
        ceiling = min(_RETRY_MOST_S, _RETRY_FIRST_S * 2**self._losses)
        self._losses = min(self._losses + 1, 10)
        return random.uniform(0.1, 1.0) * ceiling

    def _up_s(self) -> float:
        return time.monotonic() - self._connected_at if self._connected_at is not None else 0.0

    def _look_for_a_twin(self, error: MqttError) -> None:
        """Two programs with one id throw each other out for ever, unless one takes a new id."""
        if self._connected_at is None:
            return
        self._quick_losses = self._quick_losses + 1 if self._up_s() < _TWIN_WITHIN_S else 0
        is_told = reason_code(error) == SESSION_TAKEN_OVER
        if self._is_observer or not (is_told or self._quick_losses >= _TWIN_LOSSES):
            return
        self._quick_losses = 0
        self._outbox.move_to(new_viewer_id())
        self._notice = "another program uses your id in this room: you joined under a new one"

    async def _connection(self) -> None:
        if self._version is None:
            self._version = await newest_version(self._url, within_s=self._answer_timeout_s)
            _heed_cancellation()
        topic = None if self._is_observer else report_topic(self._channel, self.viewer_id)
        async with broker_client(
            self._url,
            self._on_arrival,
            identifier=f"rsn-{new_viewer_id() if self._is_observer else self.viewer_id}",
            version=self._version,
            will_topic=topic,
            will_delay_s=self._will_delay_s,
            answer_timeout_s=self._answer_timeout_s,
        ) as client:
            try:
                await self._enter(client)
                await self._stay(client)
            except asyncio.CancelledError:
                await self._say_farewell(client)
                raise

    def _on_arrival(self, topic: str, payload: bytes) -> None:
        self._inbox.put(topic, payload)
        self.wake.set()

    async def _enter(self, client: BrokerClient) -> None:
        await client.follow(channel_filter(self._channel, "r"), 0)
        await client.follow(channel_filter(self._channel, "n"), 0)  # QoS 1 fills queues
        await client.follow(room_topic(self._channel), 1)
        _heed_cancellation()
        self._was_welcome = True
        self._connected_at = time.monotonic()
        self._outbox.repeat_all()
        self._due.set()
        self._set_status(LinkState.CONNECTED, self._notice)

    async def _stay(self, client: BrokerClient) -> None:
        """Until one of the tasks notices that the connection is lost; raises what it noticed."""
        lost: asyncio.Future[MqttError | BrokerRefused] = asyncio.Future()
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_until_lost(self._listen(client), lost), name="link listen"),
                tasks.create_task(_until_lost(self._send(client), lost), name="link send"),
                tasks.create_task(_until_lost(self._keep_alive(client), lost), name="link alive"),
            ]
            error = await lost
            for task in running:
                task.cancel()
        raise error

    async def _listen(self, client: BrokerClient) -> None:
        """Messages take the short way into the inbox; here one only learns of the end."""
        async for _ in client.messages:
            pass

    async def _send(self, client: BrokerClient) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            for message in self._outbox.take():
                await client.send(message)
                _heed_cancellation()

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Repeats the report, and asks for an answer: a dead line shows in one heartbeat."""
        nickname_at = time.monotonic()
        while True:
            await asyncio.sleep(random.uniform(0.8, 1.0) * self._heartbeat_s)
            self._outbox.repeat()
            if time.monotonic() - nickname_at > NICKNAME_EXPIRY_S / 3:
                nickname_at = time.monotonic()
                self._outbox.repeat_all()
            self._due.set()
            # Subscribing again to a topic with one message is the cheapest question there is.
            await client.follow(room_topic(self._channel), 1)
            _heed_cancellation()

    async def _say_farewell(self, client: BrokerClient) -> None:
        """A normal end sends no will, and what is retained would stay behind."""
        with contextlib.suppress(MqttError, TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                for message in self._outbox.farewell():
                    await client.send(message)
