"""A room's rules as its host signs them: the values, their bytes, and what a signature covers.

Reading checks form and bounds alone. Whether a signer is to be believed is `room.authority`'s.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields, replace
from typing import Annotated

import msgspec
from msgspec import Meta

from resonance_tui.errors import InputError, WireError
from resonance_tui.protocol.asides import CHOICES_MOST
from resonance_tui.protocol.questions import (
    CHOICE_MOST,
    CHOICES_LEAST,
    ID_MOST,
    PRIVATE_ANSWERS,
    QUESTION_MOST,
    Question,
)
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.topics import VERSION
from resonance_tui.signing import KEY_BYTES, SIGNATURE_BYTES, SigningKey, verify
from resonance_tui.texts import mark

NUMBER_MOST = 2**53 - 1
EPOCH_MOST = 2**40  # seconds; far beyond anybody's clock
IDS_MOST = 150  # of viewers, in all lists together
ADMITTED_MOST = 100  # who is in when a room is locked; a larger one admits everybody
ACTS_MOST = 8
REVOKED_MOST = 16
SLOW_MOST_S = 600
TEAMS_MOST, TEAM_NAME_MOST = 8, 16  # teams; characters
LEAST_MOST = 1000  # viewers
BLIND_MOST_S = 60
PRIVATE_MOST = 500  # hundredths of epsilon; beyond, an answer is as good as the truth
WORD_MOST, TITLE_MOST, NAME_MOST = 200, 80, 32  # characters
KEY_PREFIX = 8  # bytes of a revoked key
BODY_MOST, DELEGATION_MOST = 3200, 256  # bytes


@dataclass(frozen=True, slots=True)
class Act:
    """One line of the log: who did what to whom. Text is safe to draw."""

    t: int  # epoch seconds
    by: str
    what: str
    whom: str = ""


@dataclass(frozen=True, slots=True)
class RoomRules:
    """All that holds in a room. Lists hold viewers' ids."""

    muted: tuple[str, ...] = ()  # not counted, not shown
    removed: tuple[str, ...] = ()  # as muted, and they have to go
    hidden_names: tuple[str, ...] = ()  # their nicknames are not shown
    is_locked: bool = False
    admitted: tuple[str, ...] = ()  # who alone counts while it is locked; empty: everybody
    nicknames_off: bool = False
    slow_s: int = 0  # least seconds between two changed reports of one viewer; 0 to 600
    closed: str | None = None  # the host's last word
    host_ids: tuple[str, ...] = ()  # who wears the host's badge
    revoked: tuple[bytes, ...] = ()  # beginnings of co-hosts' keys; only the room's own key says so
    acts: tuple[Act, ...] = ()  # the newest, the oldest of them first
    title: str = ""
    least: int = 0  # viewers from which on there are counts; 0 to 1000, 0: from one
    blind: bool = False  # who has not reacted yet sees no counts
    blind_s: int = 0  # seconds from the own reaction until there are; 0 to 60
    teams: tuple[str, ...] = ()  # names of up to eight teams that a viewer may join
    prompt: str = ""  # what the host says at this moment of the film; "" for nothing
    private_eps: int = 0  # hundredths of epsilon of each private report; 0: reports are as they are
    question: Question | None = None  # the newest, which may be over

    @property
    def private_epsilon(self) -> float:
        """Of each report; 0: reports are as they are."""
        return self.private_eps / 100


NO_RULES = RoomRules()

_Id = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z")]
_Ids = Annotated[tuple[_Id, ...], Meta(max_length=IDS_MOST)]
_Epoch = Annotated[int, Meta(ge=0, le=EPOCH_MOST)]
_Text = Annotated[str, Meta(max_length=4 * WORD_MOST)]
_Key = Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
_Signature = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]
_KeyPrefix = Annotated[bytes, Meta(min_length=KEY_PREFIX, max_length=KEY_PREFIX)]


class _ActFrame(msgspec.Struct, array_like=True):
    t: _Epoch
    by: _Text
    what: _Text
    whom: _Text = ""


class _QuestionFrame(msgspec.Struct, array_like=True):
    id: Annotated[int, Meta(ge=1, le=ID_MOST)]
    text: _Text
    choices: Annotated[tuple[_Text, ...], Meta(min_length=CHOICES_LEAST, max_length=CHOICES_MOST)]
    closes_at: _Epoch
    flags: Annotated[int, Meta(ge=0, le=255)] = 0


class _Body(msgspec.Struct, omit_defaults=True):
    """On the wire: what is as in an empty room is left out, unknown keys are ignored."""

    muted: _Ids = ()
    removed: _Ids = ()
    hidden_names: _Ids = ()
    is_locked: bool = False
    admitted: _Ids = ()
    nicknames_off: bool = False
    slow_s: Annotated[int, Meta(ge=0, le=SLOW_MOST_S)] = 0
    closed: _Text | None = None
    host_ids: _Ids = ()
    revoked: Annotated[tuple[_KeyPrefix, ...], Meta(max_length=REVOKED_MOST)] = ()
    acts: Annotated[tuple[_ActFrame, ...], Meta(max_length=ACTS_MOST)] = ()
    title: _Text = ""
    least: Annotated[int, Meta(ge=0, le=LEAST_MOST)] = 0
    blind: bool = False
    blind_s: Annotated[int, Meta(ge=0, le=BLIND_MOST_S)] = 0
    teams: Annotated[
        tuple[Annotated[str, Meta(max_length=4 * TEAM_NAME_MOST)], ...], Meta(max_length=TEAMS_MOST)
    ] = ()
    prompt: _Text = ""
    private_eps: Annotated[int, Meta(ge=0, le=PRIVATE_MOST)] = 0
    question: _QuestionFrame | None = None


_pack = msgspec.msgpack.Encoder().encode
_unpack_body = msgspec.msgpack.Decoder(_Body).decode
_FIELDS = tuple(field.name for field in fields(RoomRules))


def encode_body(rules: RoomRules) -> bytes:
    """At most 3200 bytes; the oldest acts are left out where they would not fit.

    Raises InputError for rules that no receiver would take.
    """
    rules = replace(rules, acts=rules.acts[-ACTS_MOST:])
    while len(body := _packed(rules)) > BODY_MOST and rules.acts:
        rules = replace(rules, acts=rules.acts[1:])
    try:
        decode_body(body)
    except WireError as error:
        hint = mark(
            "At most {ids} viewers in all, {keys} revoked keys", ids=IDS_MOST, keys=REVOKED_MOST
        )
        words = mark("These rules cannot be sent: {why}", why=error.message)
        raise InputError(words, hint) from None
    return body


def _packed(rules: RoomRules) -> bytes:
    """As a plain map: of a struct with more than 15 fields msgspec writes the longer header,
    however few of them are there."""
    return _pack(msgspec.to_builtins(_as_body(rules), builtin_types=(bytes,)))


def _as_body(rules: RoomRules) -> _Body:
    values = {name: getattr(rules, name) for name in _FIELDS}
    values["acts"] = tuple(_ActFrame(act.t, act.by, act.what, act.whom) for act in rules.acts)
    values["question"] = None if rules.question is None else _as_frame(rules.question)
    return _Body(**values)


def _as_frame(question: Question) -> _QuestionFrame:
    flags = PRIVATE_ANSWERS if question.is_private else 0
    words = question.text, question.choices
    return _QuestionFrame(question.id, *words, question.closes_at, flags)


def decode_body(body: bytes) -> RoomRules:
    """Raises WireError for everything that is out of bounds. Text comes out safe to draw."""
    if len(body) > BODY_MOST:
        raise WireError(f"Rules of {len(body)} bytes, at most {BODY_MOST} allowed")
    try:
        read = _unpack_body(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not rules of ours: {error}") from None
    lists = (read.muted, read.removed, read.hidden_names, read.admitted, read.host_ids)
    if sum(map(len, lists)) > IDS_MOST:
        raise WireError(f"Rules about more than {IDS_MOST} viewers")
    values = {name: getattr(read, name) for name in _FIELDS}
    values["closed"] = None if read.closed is None else safe_text(read.closed, WORD_MOST)
    values["title"] = safe_text(read.title, TITLE_MOST)
    values["prompt"] = safe_text(read.prompt, WORD_MOST)
    values["teams"] = tuple(safe_text(each, TEAM_NAME_MOST) for each in read.teams)
    values["acts"] = tuple(_act(each) for each in read.acts)
    values["question"] = None if read.question is None else _question(read.question)
    return RoomRules(**values)


def _act(read: _ActFrame) -> Act:
    by, what, whom = (safe_text(each, NAME_MOST) for each in (read.by, read.what, read.whom))
    return Act(read.t, by, what, whom)


def _question(read: _QuestionFrame) -> Question:
    """Raises WireError where nobody could answer it."""
    text = safe_text(read.text, QUESTION_MOST)
    choices = tuple(safe_text(each, CHOICE_MOST) for each in read.choices)
    if not text or not all(choices) or len(set(choices)) != len(choices):
        raise WireError("A question without words, or with two answers alike")
    return Question(read.id, text, choices, read.closes_at, bool(read.flags & PRIVATE_ANSWERS))


# --- who may sign ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delegation:
    """The host's word that another key may sign rules, too."""

    key: bytes  # 32, the co-host's public key
    name: str
    expires_at: int  # epoch seconds
    signature: bytes  # 64, by the room's own key

    def covers(self, channel: str) -> bytes:
        """What the signature is over."""
        return _delegated(channel, self.key, self.name, self.expires_at)

    def is_signed_by(self, host_key: bytes, channel: str) -> bool:
        return verify(host_key, self.signature, self.covers(channel))


class _DelegationFrame(msgspec.Struct, array_like=True):
    version: Annotated[int, Meta(ge=VERSION, le=VERSION)]
    key: _Key
    name: Annotated[str, Meta(max_length=NAME_MOST)]
    expires_at: _Epoch
    signature: _Signature


_unpack_delegation = msgspec.msgpack.Decoder(_DelegationFrame).decode


def _delegated(channel: str, key: bytes, name: str, expires_at: int) -> bytes:
    head = b"resonance co-host\0" + channel.encode() + b"\0"
    return head + key + name.encode() + struct.pack(">Q", expires_at)


def delegate(
    host_key: SigningKey, channel: str, key: bytes, name: str, expires_at: int
) -> Delegation:
    """`key`: the co-host's public key; `name`: for the log, shortened where it is long."""
    name = safe_text(name)
    signature = host_key.sign(_delegated(channel, key, name, expires_at))
    return Delegation(key, name, expires_at, signature)


def encode_delegation(delegation: Delegation) -> bytes:
    """At most 256 bytes."""
    each = delegation
    return _pack((VERSION, each.key, each.name, each.expires_at, each.signature))


def decode_delegation(data: bytes) -> Delegation:
    """Raises WireError. The name comes out safe to draw only where it was sent so: it is signed."""
    if len(data) > DELEGATION_MOST:
        raise WireError(f"A delegation of {len(data)} bytes, at most {DELEGATION_MOST} allowed")
    try:
        read = _unpack_delegation(data)
        read.name.encode()
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not a delegation of ours: {error}") from None
    return Delegation(read.key, read.name, read.expires_at, read.signature)


# --- signed ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SignedRules:
    """Rules as they go over the wire; of form only, nothing of it is verified."""

    number: int  # counts up with every change; 0 to 2^53 - 1
    expires_at: int  # epoch seconds
    body: bytes
    key: bytes  # 32, the signer's public key
    delegation: bytes  # empty where the signer is the room's own key
    signature: bytes  # 64

    def covers(self, channel: str) -> bytes:
        """What the signature is over."""
        return _ruled(channel, self.number, self.expires_at, self.body)

    def is_signed(self, channel: str) -> bool:
        """Whether the owner of `key`, whoever that is, signed this for this channel."""
        return verify(self.key, self.signature, self.covers(channel))


def _ruled(channel: str, number: int, expires_at: int, body: bytes) -> bytes:
    head = b"resonance rules\0" + channel.encode() + b"\0"
    return head + struct.pack(">QQ", number, expires_at) + body


def sign_rules(
    rules: RoomRules,
    channel: str,
    number: int,
    expires_at: int,
    key: SigningKey,
    delegation: bytes = b"",
) -> SignedRules:
    """Raises InputError for rules that no receiver would take."""
    body = encode_body(rules)
    signature = key.sign(_ruled(channel, number, expires_at, body))
    return SignedRules(number, expires_at, body, key.public, delegation, signature)


def vouched(channel: str, key: bytes) -> bytes:
    """What the key of a broker's certificate signs to vouch for a room's own key."""
    return b"resonance host key\0" + channel.encode() + b"\0" + key
