"""The host's own line to its broker: rooms announced, figures read, invites made accounts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from aiomqtt import MqttError
from resonance_broker import AccountsStore, BrokerProblem, RunningBroker
from resonance_broker.accounts import redeem
from resonance_broker.certificate import fingerprint

from resonance_tui.errors import BrokerError, WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.announcer import RoomAnnouncement
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.protocol.events import EnrollmentRequest
from resonance_tui.protocol.frames import encode_enrollment_answer
from resonance_tui.protocol.messages import ENROLLMENT_ANSWER, ENROLLMENT_REQUEST, TABLE, decode
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import EnrollmentResult

log = logging.getLogger(__name__)

RETRY_S = 1.0
SILENCE_S = 10.0  # a broker that renews its figures every second is gone after this
FAREWELL_S = 1.0
LOOK_S = 1.0  # how soon accounts that were changed in another terminal count
GATHER_S = 0.1  # knocks of so long are answered together: each time the broker reads all accounts
MOST_DOORS, MOST_KNOCKS = 1000, 16  # that wait: invites, and names that ask with one of them

Feed = Callable[[str, bytes], None]  # topic and payload of one figure


class Host:
    """One line after the other to the broker that we started ourselves."""

    def __init__(
        self,
        broker: RunningBroker,
        channels: Sequence[str],
        figures: Sequence[str],
        feed: Feed,
        *,
        forget: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        """`figures`: topics that `feed` is told of; `forget`: called when the line is lost;
        `say`: takes a sentence for a person."""
        self._broker = broker
        self._figures, self._feed, self._forget = figures, feed, forget
        self._say = Listeners(say)
        self._hosting = RoomAnnouncement(channels, say)
        folder = broker.settings.accounts
        self._book = AccountsStore(folder) if folder is not None else None
        self._knocks: dict[str, dict[str, EnrollmentRequest]] = {}  # by invite and name: the newest
        self._has_knocks = asyncio.Event()
        self._heard_at = 0.0
        self._seen: tuple[int, int] | None = None  # the stamp of the book that the broker knows

    async def run(self) -> None:
        """Until cancelled; then what was announced is taken back."""
        while True:
            with contextlib.suppress(MqttError, BrokerError, BrokerProblem, TimeoutError, OSError):
                async with self._dial() as client:
                    await self._stay(client)
            self._forget()
            await asyncio.sleep(RETRY_S)

    def _dial(self) -> contextlib.AbstractAsyncContextManager[BrokerClient]:
        return broker_client(
            own_url(self._broker),
            self._hear,
            identifier=f"rsn-host-{secrets.token_hex(4)}",
            version=5 if self._broker.has_mqtt5 else 4,
        )

    def _hear(self, topic: str, payload: bytes) -> None:
        self._heard_at = time.monotonic()
        if topic in self._figures:
            self._feed(topic, payload)
        elif TABLE.find(topic) is ENROLLMENT_REQUEST:
            self._take_knock(topic, payload)
        else:
            self._hosting.observe(topic, payload)

    def _take_knock(self, topic: str, payload: bytes) -> None:
        try:
            knock = decode(topic, payload)
        except WireError:
            return
        if not isinstance(knock, EnrollmentRequest):
            return
        if knock.invite_id not in self._knocks and len(self._knocks) >= MOST_DOORS:
            return
        here = self._knocks.setdefault(knock.invite_id, {})
        if knock.name in here or len(here) < MOST_KNOCKS:
            here[knock.name] = knock
            self._has_knocks.set()

    async def _stay(self, client: BrokerClient) -> None:
        """All that goes on while connected; on the way out the rooms are taken back."""
        self._heard_at = time.monotonic()
        for topic in self._figures:
            await client.follow(topic, 0)
        if self._book is not None:
            await client.follow(ENROLLMENT_REQUEST.topic.of("+"), 1)
        try:
            await self._hosting.begin(client)
            await _until_one_ends(self._duties(client))
        except asyncio.CancelledError:
            with contextlib.suppress(MqttError, TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    for message in self._hosting.closing_messages():
                        await client.send(message)
            raise

    def _duties(self, client: BrokerClient) -> list[Coroutine[Any, Any, None]]:
        duties: list[Coroutine[Any, Any, None]] = [
            *(self._hosting.run(client), self._listen(client), self._watch_silence())
        ]
        if self._book is not None:
            duties += [self._answer(client, self._book), self._keep_up(self._book)]
        return duties

    async def _listen(self, client: BrokerClient) -> None:
        async for _ in client.messages:  # they take the short way; here one learns of the end
            pass

    async def _watch_silence(self) -> None:
        while time.monotonic() - self._heard_at < SILENCE_S:
            await asyncio.sleep(1.0)
        raise TimeoutError

    # Accounts

    async def _answer(self, client: BrokerClient, book: AccountsStore) -> None:
        """Turns knocks into accounts, those of a moment together, and answers each."""
        while True:
            await self._has_knocks.wait()
            await asyncio.sleep(GATHER_S)
            self._has_knocks.clear()
            knocks = [knock for here in self._knocks.values() for knock in here.values()]
            self._knocks = {}
            for knock, verdict in await asyncio.to_thread(self._decide, book, knocks):
                answer = encode_enrollment_answer(knock.name, verdict)
                await client.send(ENROLLMENT_ANSWER.outgoing(answer, knock.invite_id))

    def _decide(
        self, book: AccountsStore, knocks: list[EnrollmentRequest]
    ) -> list[tuple[EnrollmentRequest, EnrollmentResult]]:
        """Blocking. Who is told "welcome" is in the book on disk and known to the broker."""
        answers = []
        for knock in knocks:
            try:
                verdict = book.change(
                    lambda before, knock=knock: redeem(
                        before, knock.invite_id, knock.name, knock.digest, time.time()
                    )
                )
            except BrokerProblem as problem:
                self._say(f"An invite could not be redeemed: {problem.message}.")
                continue
            answers.append((knock, verdict))
        if any(verdict is EnrollmentResult.WELCOME for _, verdict in answers):
            self._renew()
        return answers

    async def _keep_up(self, book: AccountsStore) -> None:
        """Looks after what `broker users` and `broker invite` change in other terminals."""
        while True:
            if (stamp := book.stamp) != self._seen:
                self._seen = stamp
                await asyncio.to_thread(self._renew)
            await asyncio.sleep(LOOK_S)

    def _renew(self) -> None:
        try:
            self._broker.renew_people()
        except (BrokerProblem, OSError) as problem:
            self._say(f"The accounts stay as they were: {problem}.")


async def _until_one_ends(duties: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Raises what it ended with; none of the others goes on."""
    running = [asyncio.ensure_future(duty) for duty in duties]
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        next(iter(done)).result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=FAREWELL_S)


def own_url(broker: RunningBroker) -> BrokerUrl:
    """The broker with the host's own login, and its certificate: it is ours, under whatever name it
    was made for. Raises BrokerProblem where that cannot be read (any more)."""
    login, certificate = broker.login, broker.settings.tls_cert
    return replace(
        parse_broker_url(broker.settings.url),
        username=login.name if login else None,
        password=login.password if login else None,
        pin=fingerprint(certificate) if certificate else None,
    )
