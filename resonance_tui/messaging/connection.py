"""A broker connection that reconnects with jittered back-off and disconnects cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from aiomqtt import MqttError

from resonance_tui.errors import (
    BrokerError,
    BrokerForbids,
    BrokerRefused,
    BrokerUnfit,
    BrokerUnreachable,
    CertificateProblem,
    NoBrokerThere,
)
from resonance_tui.messaging.client import (
    KEEPALIVE_S,
    BrokerClient,
    NoConnack,
    Watch,
    broker_client,
    farewell_in,
)
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.probe import first_alive, negotiate_version
from resonance_tui.messaging.rate_limit import RateLimiter
from resonance_tui.messaging.reasons import TAKEN_OVER, problem_of
from resonance_tui.messaging.retention import Retention
from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import is_of_another_room
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark

_RETRY_FIRST_S, _RETRY_MOST_S = 0.25, 5.0
_RETRY_REFUSED_S = 30.0  # a login that worked before and is refused now
_STEADY_AFTER_S = 10.0  # after a connection that held so long, the back-off starts again
_DUPLICATE_WITHIN_S, _DUPLICATE_LOSSES = 2.0, 2
_UNANSWERED_MOST = 3  # attempts given up that a broker may come back to
_CLOSING_TIMEOUT_S = 2.0
CHECK_EVERY_S = 1.0
STALL_PATIENCE = 1.6  # of the usual time for an answer: who was connected may stall, and come back

_UNKNOWN = BrokerTraits(expires=False)  # while there is no connection

_log = logging.getLogger(__name__)


async def _until_lost(
    work: Coroutine[Any, Any, None], lost: asyncio.Future[MqttError | BrokerError]
) -> None:
    try:
        await work
    except (MqttError, BrokerError) as error:
        if not lost.done():
            lost.set_result(error)


def checkpoint() -> None:
    """Raises a pending cancellation.

    Python 3.11 loses one that arrives in the same loop iteration as an awaited answer.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class ReconnectingConnection(ABC):
    """What viewers, aggregators and hosts have in common; each defines its own subscriptions and
    tasks.

    `version`: of MQTT (5, or 4 for 3.1.1) where it is known; None asks the broker. `room`: the one
    that it is about; what a broker says of another one is not heard.
    """

    keepalive_s = KEEPALIVE_S
    resumes = False  # the session of the connection before, at the same broker

    def __init__(
        self,
        url: BrokerUrl,
        inbox: Inbox,
        *,
        answer_timeout_s: float,
        will_delay_s: int,
        version: int | None = None,
        room: str = "",
    ) -> None:
        self.status = LinkStatus(LinkState.CONNECTING)
        self.traits: BrokerTraits | None = None  # of the last connection
        self.why_lost = ""  # why the last attempt or connection ended; stays while another is made
        self.wake = asyncio.Event()
        self._hurried = asyncio.Event()
        self._brokers = deque((url, *url.alternates))
        self._url = url
        self._retention = Retention(url.place, _UNKNOWN)
        self._inbox = inbox
        self._room_name = room
        self._limiter = RateLimiter()
        inbox.on_broken.add(self._on_broken)
        self._answer_timeout_s = answer_timeout_s
        self._will_delay_s = will_delay_s
        self._known_version = self._version = version
        self._losses = 0  # in a row, without a steady time between
        self._quick_losses = 0  # in a row, each soon after it was connected
        self._unanswered = 0  # attempts that were given up, since the last steady connection
        self._connected_at: float | None = None  # monotonic s; None while not connected
        self._was_connected = False
        self._is_unfit = False  # the current broker, of several: the others are gone on with
        self._notice = ""
        self._questions: list[float] = []  # without an answer: when they were asked, monotonic s
        self._check_due = asyncio.Event()
        self._client_id = ""  # of the connection that is being made, or was made last
        self._session: tuple[str, str] | None = None  # broker and client id of the last one

    @property
    def place(self) -> str:
        """The current broker: of several, the connected one or the next to be tried."""
        return self._url.place

    @property
    def asked_at(self) -> float | None:
        """When the broker was asked the oldest question that it has not answered; monotonic
        seconds."""
        return self._questions[0] if self._questions else None

    def check_line(self, wanted: bool) -> None:
        """Whether the broker is asked once a second if it is there; see `asked_at`."""
        if wanted:
            self._check_due.set()
        else:
            self._check_due.clear()

    async def _ask(self, client: BrokerClient) -> None:
        at = time.monotonic()
        self._questions.append(at)
        try:
            await client.ask(STALL_PATIENCE * self._answer_timeout_s)
        finally:
            self._questions.remove(at)

    async def _check_line(self, client: BrokerClient) -> None:
        while True:
            await self._check_due.wait()
            await self._ask(client)
            checkpoint()
            await asyncio.sleep(CHECK_EVERY_S)

    # What a subclass defines

    @abstractmethod
    def _identifier(self) -> str:
        """The client id of the next connection."""

    @abstractmethod
    def _will_topic(self) -> str | None:
        """The topic that the broker clears when the connection breaks; None for no will."""

    @abstractmethod
    async def _subscribe(self, client: BrokerClient) -> None:
        """Makes the subscriptions, and calls `_set_connected` at its end."""

    @abstractmethod
    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        """Coroutines to run while connected, by name. One of them must wait for answers of the
        broker: it is the watchdog."""

    @abstractmethod
    def _closing_messages(self) -> list[Outgoing]:
        """What is sent before a clean disconnect."""

    @abstractmethod
    def _on_duplicate_id(self) -> None:
        """Another program has the same client id, and the broker disconnects one of the two."""

    # One connection after the other

    async def run(self) -> None:
        try:
            while True:
                self._set_status(LinkState.CONNECTING)
                reason, delay_s = await self._attempt_or_go_on()
                _log.info("%s: %s; next try in %.1f s", self._url, reason, delay_s)
                self.why_lost = reason
                self._set_status(LinkState.LOST, reason, time.monotonic() + delay_s)
                await self._pause(delay_s)
                if self._is_unfit:
                    self._leave_broker()
                elif self._connected_at is None:
                    self._rotate_broker()
        finally:
            self._set_status(LinkState.CLOSED)

    def hurry(self) -> None:
        """The broker is there again: an attempt that is being waited for is made at once."""
        self._hurried.set()

    def turn_to(self, url: BrokerUrl) -> None:
        """The next attempt begins with that broker; those known before come after it."""
        known = {each.place: each for each in self._brokers}
        first = known.pop(url.place, url)
        self._brokers = deque((first, *known.values()))
        self.hurry()

    async def _pause(self, seconds: float) -> None:
        self._hurried.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()

    def _rotate_broker(self) -> None:
        """Goes to the next broker of the room. One that was connected is retried first."""
        if len(self._brokers) > 1:
            self._brokers.rotate(-1)
            self._url, self._version = self._brokers[0], self._known_version

    def _leave_broker(self) -> None:
        """Goes to the next broker of the room, and not back."""
        self._brokers = deque(each for each in self._brokers if each.place != self._url.place)
        self._url, self._version = self._brokers[0], self._known_version
        self._is_unfit = False

    def _set_status(
        self, state: LinkState, detail: str = "", retry_at: float | None = None
    ) -> None:
        self.status = LinkStatus(state, detail, retry_at)
        self.wake.set()

    def _set_connected(self) -> None:
        self._was_connected = True
        self._session = self._url.place, self._client_id
        self._connected_at = time.monotonic()
        self._set_status(LinkState.CONNECTED, self._notice)

    async def _attempt_or_go_on(self) -> tuple[str, float]:
        """As `_attempt`; of several brokers, one that will not do ends nothing."""
        try:
            return await self._attempt()
        except (BrokerForbids, BrokerUnfit, CertificateProblem, NoBrokerThere) as error:
            if all(each.place == self._url.place for each in self._brokers):
                raise
            self._is_unfit = True
            self._notice = mark(
                "{message}. The next broker of the list is taken", message=error.message
            )
            return self._notice, self._back_off()

    async def _attempt(self) -> tuple[str, float]:
        """One connection until its loss: why it ended, and seconds until the next attempt."""
        self._connected_at = None
        try:
            await self._connection()
        except BrokerRefused as error:
            if not self._was_connected or error.is_final:
                raise
            if isinstance(error, NoBrokerThere):  # a web server whose broker is away
                return error.message, self._back_off()
            if isinstance(error, CertificateProblem):  # perhaps it is just being renewed
                return self._in_words(error), self._back_off()
            return error.message, random.uniform(0.5, 1.0) * _RETRY_REFUSED_S
        except BrokerUnreachable as error:
            if isinstance(error, NoConnack):
                self._version = self._known_version  # another broker may have taken its place
            self._quick_losses = 0  # the broker is down; this is no duplicate id
            self._unanswered = min(self._unanswered + 1, _UNANSWERED_MOST)
            return self._in_words(error), self._back_off()
        except MqttError as error:
            self._check_duplicate_id(error)
            return self._why_lost(error), self._back_off()
        raise AssertionError("a connection ends with an error")

    def _why_lost(self, error: MqttError) -> str:
        """In words. Raises BrokerUnfit where the broker says that it never will do."""
        farewell, broker = farewell_in(error), self._url.authority
        if farewell is not None and farewell.is_said:
            problem = problem_of(farewell.code, broker, server=farewell.server)
            if problem.is_final:
                raise problem
            return problem.message
        if farewell is not None and farewell.is_stream_broken:
            return mark("{broker} sends what is not MQTT", broker=broker)
        return mark("the connection to {broker} was lost", broker=broker)

    def _in_words(self, error: BrokerUnreachable | CertificateProblem) -> str:
        """With the advice: on an address of one's own computer for who never got in alone."""
        is_advised = isinstance(error, CertificateProblem) or not (
            self._url.is_loopback and self._was_connected
        )
        if not error.hint or not is_advised:
            return error.message
        return mark("{what}. {hint}", what=error.message, hint=error.hint)

    def _back_off(self) -> float:
        """Seconds with full jitter, so that a room does not reconnect all at once."""
        if self._up_s() >= _STEADY_AFTER_S:
            self._losses = 0
        ceiling = min(_RETRY_MOST_S, _RETRY_FIRST_S * 2**self._losses)
        self._losses = min(self._losses + 1, 10)
        return random.uniform(0.1, 1.0) * ceiling

    def _up_s(self) -> float:
        return time.monotonic() - self._connected_at if self._connected_at is not None else 0.0

    def _check_duplicate_id(self, error: MqttError) -> None:
        """Two programs with one client id disconnect each other for ever, unless one changes it.
        So does, once each, what a slow broker makes of attempts that were given up."""
        if self._connected_at is None:
            return
        farewell = farewell_in(error)
        is_reported = farewell is not None and farewell.is_said and farewell.code == TAKEN_OVER
        has_another_reason = farewell is not None and farewell.is_explained and not is_reported
        is_quick = self._up_s() < _DUPLICATE_WITHIN_S and not has_another_reason
        self._quick_losses = self._quick_losses + 1 if is_quick else 0
        if self._up_s() >= _STEADY_AFTER_S:
            self._unanswered = 0
        if is_reported or self._quick_losses >= _DUPLICATE_LOSSES + self._unanswered:
            self._quick_losses = self._unanswered = 0
            self._on_duplicate_id()

    async def _skip_dead_brokers(self) -> None:
        """Of several, goes to the first that answers; the current one has a head start."""
        alive = await first_alive(self._brokers, within_s=self._answer_timeout_s)
        checkpoint()
        if alive is not self._url:
            self._brokers.rotate(-self._brokers.index(alive))
            self._url, self._version = alive, self._known_version
            self._quick_losses = 0  # it was that broker; this is no duplicate id

    async def _connection(self) -> None:
        await self._skip_dead_brokers()
        if self._version is None:
            self._version = await negotiate_version(self._url, within_s=self._answer_timeout_s)
            checkpoint()
        async with self._connect(self._version) as client:
            self._learn(client.traits)
            try:
                checkpoint()
                await self._run_until_lost(client)
            except asyncio.CancelledError:
                await self._send_closing_messages(client)
                raise

    def _learn(self, traits: BrokerTraits) -> None:
        """What a connection that was just made shows of its broker."""
        self.traits = traits
        self._retention = Retention(self._url.place, traits, lambda: self._on_retention_found())
        self._on_retention_found()

    def _on_retention_found(self) -> None:
        """More is known of what the broker's wildcards bring."""
        if self.traits is not None:
            brings, has_others = self._retention.known, len(self._brokers) > 1
            self.traits = replace(self.traits, brings_retained=brings, has_others=has_others)
        self.wake.set()

    def _connect(self, version: int) -> AbstractAsyncContextManager[BrokerClient]:
        self._client_id = self._identifier()
        return broker_client(
            self._url,
            self._receive,
            identifier=self._client_id,
            version=version,
            will_topic=self._will_topic(),
            will_delay_s=self._will_delay_s,
            resumes=self.resumes and self._session == (self._url.place, self._client_id),
            keepalive_s=self.keepalive_s,
            answer_timeout_s=self._answer_timeout_s,
            watch=Watch(self._on_broken_packet, self._on_limit),
        )

    def _receive(self, topic: str, payload: bytes, is_retained: bool, left_s: int | None) -> None:
        """amqtt brings a newcomer whatever anybody is subscribed to, of every room."""
        is_ours = self._retention.take(topic, is_retained)
        is_ours &= not (self._room_name and is_of_another_room(topic, self._room_name))
        if is_ours or TABLE.find(topic) is None:  # what is no message of ours counts as broken
            self._on_arrival(topic, payload, is_retained, left_s)

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        now = time.monotonic()
        if self._limiter.allow(topic, now):
            self._inbox.put(topic, payload, is_retained, left_s, now)
            self.wake.set()

    def _on_broken_packet(self, topic: str) -> None:
        """One that could not even be read as a message; of a muted source it is not looked at."""
        if self._limiter.allow(topic, time.monotonic()):
            self._inbox.reject(topic)

    def _on_broken(self, topic: str) -> None:
        """Changes the notice when the first source is muted, the tenth, the hundredth."""
        guard, now = self._limiter, time.monotonic()
        if guard.record_violation(topic, now) or guard.record_stray(topic, now):
            self._show_notice(self._limiter.notice, mark("the last: {topic!r}", topic=topic))

    def _on_limit(self, line: str) -> None:
        """The broker does not take everything; the rest goes on."""
        self._show_notice(line)

    def _show_notice(self, notice: str, detail: str = "") -> None:
        if notice == self._notice:
            return
        self._notice = notice
        _log.warning("%s: %s; %s", self._url, notice, detail)
        if self.status.state is LinkState.CONNECTED:
            self._set_status(LinkState.CONNECTED, notice)

    async def _run_until_lost(self, client: BrokerClient) -> None:
        """Runs all tasks until one of them notices that the connection is lost, and raises that."""
        lost: asyncio.Future[MqttError | BrokerError] = asyncio.Future()
        async with asyncio.TaskGroup() as tasks:
            running = [
                # Listening from the start: an unanswered request alone ends by its time-out only.
                tasks.create_task(_until_lost(self._listen(client), lost), name="mqtt listen"),
                tasks.create_task(_until_lost(self._serve(client, lost), lost), name="mqtt serve"),
            ]
            error = await lost
            for task in running:
                task.cancel()
        raise error

    async def _serve(
        self, client: BrokerClient, lost: asyncio.Future[MqttError | BrokerError]
    ) -> None:
        await self._subscribe(client)
        async with asyncio.TaskGroup() as tasks:
            for name, work in self._tasks(client).items():
                tasks.create_task(_until_lost(work, lost), name=f"mqtt {name}")

    async def _listen(self, client: BrokerClient) -> None:
        """Messages go to the inbox as they arrive; iterating only ends with the connection."""
        async for _ in client.messages:
            pass

    async def _send_closing_messages(self, client: BrokerClient) -> None:
        """A clean disconnect sends no will, and retained messages would stay behind."""
        with contextlib.suppress(MqttError, TimeoutError):
            async with asyncio.timeout(_CLOSING_TIMEOUT_S):
                lent = self._retention.lent
                for message in (*([lent] if lent else []), *self._closing_messages()):
                    await client.send(message)
