"""How a one-time invite becomes an account: the question at the broker's door, and its answer.

Whoever holds an invite may do this one thing with it: tell the host the name it chose and the
*hash* of the password it made. The password itself never leaves the machine it was made on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable, InviteRefused, WireError
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.messaging.retained import Outgoing
from resonance_tui.protocol.topics import is_id, new_viewer_id
from resonance_tui.protocol.urls import Invite, InviteToken

VERSION = 1
WELCOME = "welcome"
LONGEST = 512  # bytes of a knock
ASK_AGAIN_S = 2.0  # the host may be away for a moment
ANSWER_TIMEOUT_S = 12.0
_ROOT = "resonance/door"
_NEW = "Ask the host for a new one"
_REFUSALS = {
    "used": "That invite has been used: each lets one person in",
    "expired": "That invite has expired",
    "unknown": "The host does not know that invite",
}


@dataclass(frozen=True, slots=True)
class EnrollmentRequest:
    """Somebody with an invite asks for an account."""

    invite_id: str
    name: str
    digest: str  # of the password, as the broker keeps it


class _RequestFrame(msgspec.Struct, array_like=True, frozen=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=255)]
    name: Annotated[str, msgspec.Meta(max_length=32)]
    digest: Annotated[str, msgspec.Meta(max_length=200)]


class _AnswerFrame(msgspec.Struct, array_like=True, frozen=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=255)]
    name: Annotated[str, msgspec.Meta(max_length=32)]
    verdict: Annotated[str, msgspec.Meta(max_length=32)]


_unpack_knock = msgspec.msgpack.Decoder(_RequestFrame).decode
_unpack_answer = msgspec.msgpack.Decoder(_AnswerFrame).decode
_pack = msgspec.msgpack.Encoder().encode


def request_topic(invite_id: str) -> str:
    """Where an invite's holder asks; "+" for all of them."""
    return f"{_ROOT}/{invite_id}/knock"


def answer_topic(invite_id: str) -> str:
    return f"{_ROOT}/{invite_id}/answer"


def invite_account(ticket: InviteToken) -> str:
    """What the broker calls who holds it."""
    return f"invite-{ticket.id}"


def encode_request(name: str, digest: str) -> bytes:
    return _pack((VERSION, name, digest))


def decode_request(topic: str, payload: bytes) -> EnrollmentRequest:
    """What a stranger asks for. Raises WireError for all that is no knock."""
    parts = topic.split("/")
    if len(parts) != 4 or f"{parts[0]}/{parts[1]}" != _ROOT or parts[3] != "knock":
        raise WireError("Not a topic of a door")
    try:
        frame = _unpack_knock(payload[: LONGEST + 1])
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not a knock: {error}") from None
    if len(payload) > LONGEST or not is_id(parts[2]) or not is_id(frame.name):
        raise WireError("Not a knock")
    return EnrollmentRequest(parts[2], frame.name, frame.digest)


def encode_answer(name: str, verdict: str) -> bytes:
    return _pack((VERSION, name, verdict))


def decode_answer(payload: bytes) -> tuple[str, str]:
    """Whom it is for, and the verdict. Raises WireError."""
    try:
        frame = _unpack_answer(payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not an answer: {error}") from None
    return frame.name, frame.verdict


# --- the guest's side --------------------------------------------------------------------------


async def redeem(
    invitation: Invite, name: str, digest: str, *, patience_s: float = ANSWER_TIMEOUT_S
) -> None:
    """Make the invite an account of that name, whose password has that hash.

    Asking again with the same name and hash is harmless, so an answer that got lost costs
    nothing. Raises InviteRefused for an invite that is no good (any more); BrokerUnreachable,
    BrokerRefused (as CertificateChanged) when nobody could be asked.
    """
    ticket = invitation.ticket
    assert ticket is not None, "an invite without a ticket is not redeemed"
    url = replace(invitation.url, username=invite_account(ticket), password=ticket.secret)
    answers: asyncio.Queue[str] = asyncio.Queue(8)

    def hear(topic: str, payload: bytes) -> None:
        try:
            whom, verdict = decode_answer(payload)
        except WireError:
            return
        if topic == answer_topic(ticket.id) and whom == name and not answers.full():
            answers.put_nowait(verdict)

    version = await negotiate_version(url)
    try:
        async with broker_client(
            url, hear, identifier=f"rsn-{new_viewer_id()}", version=version
        ) as client:
            await client.follow(answer_topic(ticket.id), 1)
            verdict = await _ask(client, ticket, encode_request(name, digest), answers, patience_s)
    except BrokerRefused as error:
        if type(error) is not BrokerRefused:
            raise
        raise InviteRefused(f"{url.authority} does not know that invite (any more)", _NEW) from None
    except MqttError:
        raise BrokerUnreachable(f"the connection to {url.authority} was lost") from None
    if verdict != WELCOME:
        why = _REFUSALS.get(verdict, "The host could not make an account of that invite")
        raise InviteRefused(why, _NEW)


async def _ask(
    client: BrokerClient,
    ticket: InviteToken,
    knock: bytes,
    answers: asyncio.Queue[str],
    patience_s: float,
) -> str:
    message = Outgoing(request_topic(ticket.id), knock, 1, retain=False)
    ends = asyncio.get_running_loop().time() + patience_s
    while asyncio.get_running_loop().time() < ends:
        await client.send(message)
        try:
            async with asyncio.timeout(min(ASK_AGAIN_S, patience_s)):
                return await answers.get()
        except TimeoutError:
            continue
    raise BrokerUnreachable(
        "The broker is there, but the host's program does not answer",
        "The invite is still good: try again when the host is back",
    )
