"""Invites that viewers redeem at this machine's broker: requests gathered, accounts made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container

from resonance_broker import AccountsStore, BrokerProblem
from resonance_broker.accounts import AccountList
from resonance_broker.invites import redeem
from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.protocol.events import EnrollmentRequest
from resonance_tui.protocol.frames import encode_enrollment_answer
from resonance_tui.protocol.messages import ENROLLMENT_ANSWER, decode
from resonance_tui.protocol.values import EnrollmentResult

GATHER_S = 0.1  # one batch of requests: for each batch the broker reads all accounts again
MAX_INVITES, MAX_NAMES = 1000, 128  # that wait: invites, and names that use one of them


class EnrollmentDesk:
    """Answers requests for accounts. `reload` makes the broker read the accounts again."""

    def __init__(
        self,
        store: AccountsStore,
        reload: Callable[[], None],
        say: Callable[[str], object],
        *,
        locked: Container[str] = (),
    ) -> None:
        """`say` takes a sentence for a person. `locked`: channels that let nobody new in, as
        they are whenever somebody asks."""
        self._store = store
        self._reload = reload
        self._say = Listeners(say)
        self._locked = locked
        self._waiting: dict[str, dict[str, EnrollmentRequest]] = {}  # by invite, name: the newest
        self._has_waiting = asyncio.Event()

    def observe(self, topic: str, payload: bytes) -> None:
        """Takes one request; what is malformed, or too much, is dropped."""
        try:
            request = decode(topic, payload)
        except WireError:
            return
        if not isinstance(request, EnrollmentRequest):
            return
        if request.invite_id not in self._waiting and len(self._waiting) >= MAX_INVITES:
            return
        of_invite = self._waiting.setdefault(request.invite_id, {})
        if request.name in of_invite or len(of_invite) < MAX_NAMES:
            of_invite[request.name] = request
            self._has_waiting.set()

    async def run(self, client: BrokerClient) -> None:
        """Answer requests, a batch at a time, until the connection is lost. Raises MqttError."""
        while True:
            await self._has_waiting.wait()
            await asyncio.sleep(GATHER_S)
            self._has_waiting.clear()
            batch = [request for names in self._waiting.values() for request in names.values()]
            self._waiting = {}
            for request, result in await asyncio.to_thread(self._redeem_all, batch):
                answer = encode_enrollment_answer(request.name, result)
                await client.send(ENROLLMENT_ANSWER.outgoing(answer, request.invite_id))

    def _redeem_all(
        self, batch: list[EnrollmentRequest]
    ) -> list[tuple[EnrollmentRequest, EnrollmentResult]]:
        """Blocking. An account that is answered "welcome" is on disk and known to the broker.

        Where the store cannot be changed nobody is answered: they ask again.
        """
        try:
            results = self._store.change(lambda before: self._redeem_each(before, batch))
        except BrokerProblem as problem:
            self._say(f"No invite could be redeemed: {problem.message}.")
            return []
        if any(result is EnrollmentResult.WELCOME for _, result in results):
            self._reload()
        return results

    def _redeem_each(
        self, stored: AccountList, batch: list[EnrollmentRequest]
    ) -> tuple[AccountList, list[tuple[EnrollmentRequest, EnrollmentResult]]]:
        results: list[tuple[EnrollmentRequest, EnrollmentResult]] = []
        now = time.time()
        for asked in batch:
            stored, result = redeem(
                stored, asked.invite_id, asked.name, asked.digest, now, locked=self._locked
            )
            results.append((asked, result))
        return stored, results
