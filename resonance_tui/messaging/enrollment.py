"""The guest's side of enrolment: an invite becomes an account.

The holder of an invite sends the host a name and the *hash* of a password. The password itself
never leaves the machine it was made on.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable, InviteRefused, WireError
from resonance_tui.messaging.client import Arrival, BrokerClient, broker_client
from resonance_tui.messaging.probe import first_alive, negotiate_version
from resonance_tui.protocol.events import EnrollmentAnswer
from resonance_tui.protocol.frames import encode_enrollment_request
from resonance_tui.protocol.messages import ENROLLMENT_ANSWER, ENROLLMENT_REQUEST, decode
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, Invite, InviteToken
from resonance_tui.protocol.values import INVITE_PREFIX, EnrollmentResult
from resonance_tui.texts import mark, tr

RETRY_S = 2.0  # the host may be away for a moment
ANSWER_TIMEOUT_S = 12.0
FRESH_S, FRESH_EVERY_S = 1.5, 0.3  # until a broker knows an invite that was made just now
WAIT_S = 5.0  # before the next try, where the host lets in only so many a minute
MOST_WAIT_S = 900.0
_NEW = mark("Ask the host for a new one")
_LATER = mark("The invite is still good: try again later")
_REFUSALS: dict[str, tuple[str, str]] = {
    EnrollmentResult.USED: (mark("That invite has been used: it lets one person in"), _NEW),
    EnrollmentResult.FULL: (mark("That link has let in as many people as it was made for"), _NEW),
    EnrollmentResult.EXPIRED: (mark("That invite has expired"), _NEW),
    EnrollmentResult.REVOKED: (mark("The host has revoked that invite"), _NEW),
    EnrollmentResult.REMOVED: (
        mark("The host has removed you from this room"),
        mark("Ask the host"),
    ),
    EnrollmentResult.LOCKED: (mark("The host has locked this room: nobody new comes in"), _LATER),
    EnrollmentResult.WAIT: (mark("Too many people want to come in at the moment"), _LATER),
    EnrollmentResult.UNKNOWN: (mark("The host does not know that invite"), _NEW),
}
_OTHER = (mark("The host could not make an account of that invite"), _NEW)


def invite_account(ticket: InviteToken) -> str:
    """The user name of an invite's holder at the broker."""
    return f"{INVITE_PREFIX}{ticket.id}"


async def enroll(
    invitation: Invite,
    name: str,
    digest: str,
    *,
    patience_s: float = ANSWER_TIMEOUT_S,
    say: Callable[[str], object] = lambda sentence: None,
) -> None:
    """Makes the invite an account of that name, whose password has that hash.

    Repeating it with the same name and hash is harmless, so an answer that got lost costs
    nothing. Where many come at once, it waits for its turn, and tells `say` so once.

    Raises InviteRefused for an invite that is not, or no longer, valid; BrokerUnreachable,
    BrokerRefused (as CertificateChanged) when the host could not be asked.
    """
    ticket = invitation.ticket
    assert ticket is not None, "an invite without a ticket is not redeemed"
    alive = await first_alive((invitation.url, *invitation.url.alternates))
    url = replace(alive, username=invite_account(ticket), password=ticket.secret)
    request = ENROLLMENT_REQUEST.outgoing(encode_enrollment_request(name, digest), ticket.id)
    results: asyncio.Queue[str] = asyncio.Queue(8)
    expected = (ticket.id, name)

    def receive(topic: str, payload: bytes, *_: object) -> None:
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if isinstance(event, EnrollmentAnswer) and (event.invite_id, event.name) == expected:
            with contextlib.suppress(asyncio.QueueFull):
                results.put_nowait(event.result)

    version = await negotiate_version(url)
    try:
        async with _let_in(url, receive, version) as client:
            await client.follow(ENROLLMENT_ANSWER.topic.of(ticket.id), 1)
            asking = _Asking(client, request, results, patience_s)
            result = await _ask_in_turn(asking, say)
    except BrokerRefused as error:
        if type(error) is not BrokerRefused:
            raise
        raise InviteRefused(
            mark("{authority} does not know that invite (any more)", authority=url.authority), _NEW
        ) from None
    except MqttError:
        raise BrokerUnreachable(
            mark("the connection to {authority} was lost", authority=url.authority)
        ) from None
    if result != EnrollmentResult.WELCOME:
        raise InviteRefused(*_REFUSALS.get(result, _OTHER))


@contextlib.asynccontextmanager
async def _let_in(url: BrokerUrl, receive: Arrival, version: int) -> AsyncGenerator[BrokerClient]:
    """A connection with the invite's login, which the broker may not know just yet."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + FRESH_S
    async with contextlib.AsyncExitStack() as connection:
        while True:
            try:
                client = await connection.enter_async_context(
                    broker_client(
                        url, receive, identifier=f"rsn-{new_viewer_id()}", version=version
                    )
                )
                break
            except BrokerRefused as error:
                if type(error) is not BrokerRefused or loop.time() > ends:
                    raise
            await asyncio.sleep(FRESH_EVERY_S)
        yield client


@dataclass(frozen=True, slots=True)
class _Asking:
    """One guest's request, and where its answers arrive."""

    client: BrokerClient
    request: Outgoing
    results: asyncio.Queue[str]
    patience_s: float

    async def once(self) -> str:
        """The next result, repeating the request meanwhile. Raises BrokerUnreachable."""
        ends = asyncio.get_running_loop().time() + self.patience_s
        while not self.results.empty():  # what came late is an answer to an older request
            self.results.get_nowait()
        while asyncio.get_running_loop().time() < ends:
            await self.client.send(self.request)
            try:
                async with asyncio.timeout(min(RETRY_S, self.patience_s)):
                    return await self.results.get()
            except TimeoutError:
                continue
        raise BrokerUnreachable(
            mark("The broker is there, but the host's program does not answer"),
            mark("The invite is still good: try again when the host is back"),
        )


async def _ask_in_turn(asking: _Asking, say: Callable[[str], object]) -> str:
    """The first result that is not "wait", or that one after `MOST_WAIT_S`."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + MOST_WAIT_S
    result = await asking.once()
    if result == EnrollmentResult.WAIT:
        say(tr("Many people are coming in at the moment: waiting for your turn ..."))
    while result == EnrollmentResult.WAIT and loop.time() < ends:
        await asyncio.sleep(WAIT_S * random.uniform(0.5, 1.5))  # not all of them at once again
        result = await asking.once()
    return result
