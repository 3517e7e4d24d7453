"""The guest's side of enrolment: a one-time invite becomes an account.

The holder of an invite sends the host a name and the *hash* of a password. The password itself
never leaves the machine it was made on.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable, InviteRefused, WireError
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.probe import first_alive, negotiate_version
from resonance_tui.protocol.events import EnrollmentAnswer
from resonance_tui.protocol.frames import encode_enrollment_request
from resonance_tui.protocol.messages import ENROLLMENT_ANSWER, ENROLLMENT_REQUEST, decode
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import Invite, InviteToken
from resonance_tui.protocol.values import INVITE_PREFIX, EnrollmentResult

RETRY_S = 2.0  # the host may be away for a moment
ANSWER_TIMEOUT_S = 12.0
_NEW = "Ask the host for a new one"
_REFUSALS: dict[str, str] = {
    EnrollmentResult.USED: "That invite has been used: each lets one person in",
    EnrollmentResult.EXPIRED: "That invite has expired",
    EnrollmentResult.UNKNOWN: "The host does not know that invite",
}


def invite_account(ticket: InviteToken) -> str:
    """The user name of an invite's holder at the broker."""
    return f"{INVITE_PREFIX}{ticket.id}"


async def enroll(
    invitation: Invite, name: str, digest: str, *, patience_s: float = ANSWER_TIMEOUT_S
) -> None:
    """Makes the invite an account of that name, whose password has that hash.

    Repeating it with the same name and hash is harmless, so an answer that got lost costs
    nothing. Raises InviteRefused for an invite that is not, or no longer, valid; BrokerUnreachable,
    BrokerRefused (as CertificateChanged) when the host could not be asked.
    """
    ticket = invitation.ticket
    assert ticket is not None, "an invite without a ticket is not redeemed"
    alive = await first_alive((invitation.url, *invitation.url.alternates))
    url = replace(alive, username=invite_account(ticket), password=ticket.secret)
    request = ENROLLMENT_REQUEST.outgoing(encode_enrollment_request(name, digest), ticket.id)
    results: asyncio.Queue[str] = asyncio.Queue(8)
    expected = (ticket.id, name)

    def receive(topic: str, payload: bytes) -> None:
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if isinstance(event, EnrollmentAnswer) and (event.invite_id, event.name) == expected:
            with contextlib.suppress(asyncio.QueueFull):
                results.put_nowait(event.result)

    version = await negotiate_version(url)
    try:
        async with broker_client(
            url, receive, identifier=f"rsn-{new_viewer_id()}", version=version
        ) as client:
            await client.follow(ENROLLMENT_ANSWER.topic.of(ticket.id), 1)
            result = await _ask(client, request, results, patience_s)
    except BrokerRefused as error:
        if type(error) is not BrokerRefused:
            raise
        raise InviteRefused(f"{url.authority} does not know that invite (any more)", _NEW) from None
    except MqttError:
        raise BrokerUnreachable(f"the connection to {url.authority} was lost") from None
    if result != EnrollmentResult.WELCOME:
        why = _REFUSALS.get(result, "The host could not make an account of that invite")
        raise InviteRefused(why, _NEW)


async def _ask(
    client: BrokerClient, request: Outgoing, results: asyncio.Queue[str], patience_s: float
) -> str:
    """The first result, repeating the request meanwhile. Raises BrokerUnreachable."""
    ends = asyncio.get_running_loop().time() + patience_s
    while asyncio.get_running_loop().time() < ends:
        await client.send(request)
        try:
            async with asyncio.timeout(min(RETRY_S, patience_s)):
                return await results.get()
        except TimeoutError:
            continue
    raise BrokerUnreachable(
        "The broker is there, but the host's program does not answer",
        "The invite is still good: try again when the host is back",
    )
