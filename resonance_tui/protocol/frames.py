"""MessagePack frames: their fields and ranges, how to write them, and what events they make.

A reader gets the names of the topic and the frame, or None where a retained message was cleared
with an empty payload. It raises WireError for a frame that contradicts itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from resonance_tui.emotions import Emotion
from resonance_tui.errors import WireError
from resonance_tui.protocol.asides import CHOICES_MOST
from resonance_tui.protocol.events import (
    AgentEvent,
    AnswerEvent,
    EdgeEvent,
    EnrollmentAnswer,
    EnrollmentRequest,
    Event,
    HostKeyEvent,
    LeaveEvent,
    NicknameEvent,
    PartialEvent,
    ReactionEvent,
    ReportEvent,
    RollCallEvent,
    RoomEvent,
    RulesEvent,
    SweepEvent,
    TotalEvent,
    TotalOverEvent,
    Unrenewed,
)
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import (
    BODY_MOST,
    DELEGATION_MOST,
    EPOCH_MOST,
    LEAST_MOST,
    NUMBER_MOST,
    SignedRules,
)
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.topics import EDGE_NAME, VERSION, Levels, is_id
from resonance_tui.protocol.values import MOST_UP_S, SHARDS, Counts, Partial, Report, RoomSettings
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.signing import KEY_BYTES, SIGNATURE_BYTES

U32 = 2**32 - 1
_Version = Annotated[int, Meta(ge=VERSION, le=VERSION, description="of the protocol")]
_AnyVersion = Annotated[int, Meta(ge=1, le=255, description=f"of the protocol; {VERSION}")]
_Boot = Annotated[
    int, Meta(ge=0, le=U32, description="start of the sender's program, epoch seconds")
]
_Seq = Annotated[int, Meta(ge=0, le=U32, description="counts up within one boot")]
_EpochMs = Annotated[
    int, Meta(ge=0, le=2**63 - 1, description="when it was sent, epoch milliseconds; for display")
]
_U32 = Annotated[int, Meta(ge=0, le=U32)]
_Edge = Annotated[
    str,
    Meta(pattern=rf"^({EDGE_NAME})?\Z", description='the broker whose viewers it counts, or ""'),
]
_Name = Annotated[str, Meta(max_length=32, description="of the account")]

_pack = msgspec.msgpack.Encoder().encode


# --- a viewer ----------------------------------------------------------------------------------


class ReportFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    seq: _Seq
    code: Annotated[int, Meta(ge=0, le=8, description="emotion 0-6, 7 away, 8 unsure")]
    confidence: Annotated[int, Meta(ge=0, le=100, description="per cent")]
    flags: Annotated[
        int,
        Meta(
            ge=0,
            le=255,
            description="1 stated with a key, 2 simulated, 4 a film, 8 answers roll calls, 32 "
            "asks to be forgotten, "
            "16 a randomised answer",
        ),
    ]
    up_s: Annotated[
        int,
        Meta(
            ge=0,
            le=MOST_UP_S,
            description="1 and the whole seconds that the sender has been connected; 0: not said",
        ),
    ] = 0
    team: Annotated[
        int, Meta(ge=0, le=127, description="its place in the host's list, from 1; 0: none")
    ] = 0


def encode_report(report: Report) -> bytes:
    """11 to 17 bytes: no picture, no landmark, no probability fits in there."""
    code, up_s = int(report.code), min(report.up_s, MOST_UP_S)
    state = VERSION, report.boot, report.seq, code, report.confidence, report.flags
    more = (up_s, report.team) if report.team else (up_s,) if up_s else ()
    return _pack((*state, *more))


def read_report(names: Levels, frame: ReportFrame | None) -> Event:
    channel, viewer_id = names["channel"], names["viewer_id"]
    if frame is None:
        return LeaveEvent(channel, viewer_id)
    code = Emotion(frame.code)
    state = frame.boot, frame.seq, code, frame.confidence, frame.flags
    report = Report(*state, frame.up_s, frame.team)
    return ReportEvent(channel, viewer_id, report)


class NicknameFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    nickname: Annotated[
        str, Meta(description="one line; receivers show at most 24 characters of it")
    ]


def encode_nickname(nickname: str) -> bytes:
    return _pack((VERSION, nickname))


def read_nickname(names: Levels, frame: NicknameFrame | None) -> Event:
    nickname = safe_text(frame.nickname) if frame is not None else ""
    return NicknameEvent(names["channel"], names["viewer_id"], nickname)


class AnswerFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    seq: _Seq
    question: Annotated[int, Meta(ge=1, le=U32, description="its id, as the rules have it")]
    choice: Annotated[
        int, Meta(ge=0, le=CHOICES_MOST, description="which answer, from 1; 0: taken back")
    ]


def encode_answer(answer: Answer) -> bytes:
    """At most 18 bytes."""
    return _pack((VERSION, answer.boot, answer.seq, answer.question, answer.choice))


def read_answer(names: Levels, frame: AnswerFrame | None) -> Event:
    channel, viewer_id = names["channel"], names["viewer_id"]
    if frame is None:
        return AnswerEvent(channel, viewer_id, None)
    answer = Answer(frame.boot, frame.seq, frame.question, frame.choice)
    return AnswerEvent(channel, viewer_id, answer)


class RollCallFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version


def encode_roll_call() -> bytes:
    return _pack((VERSION,))


def read_roll_call(names: Levels, frame: RollCallFrame) -> Event:
    return RollCallEvent(names["channel"], names["viewer_id"])


class ReactionFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    counts: Annotated[
        tuple[_U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32],
        Meta(description="since boot: applause, laugh, heart, wow, question, faster, slower, boo"),
    ]
    newest: Annotated[
        int, Meta(ge=0, lt=len(Reaction), description="which of them, 0-7, this message is for")
    ]


def encode_reaction(boot: int, counts: Sequence[int], newest: Reaction) -> bytes:
    """`counts`: eight, `newest` among them. At most 49 bytes."""
    return _pack((VERSION, boot, tuple(counts), int(newest)))


def read_reaction(names: Levels, frame: ReactionFrame) -> Event:
    if not frame.counts[frame.newest]:
        raise WireError("A reaction that is not counted")
    channel, viewer_id = names["channel"], names["viewer_id"]
    return ReactionEvent(channel, viewer_id, frame.boot, frame.counts, frame.newest)


# --- an aggregator -----------------------------------------------------------------------------


class AgentFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    edge: _Edge = ""


def encode_agent(boot: int, edge: str = "") -> bytes:
    return _pack((VERSION, boot, edge) if edge else (VERSION, boot))


def read_agent(names: Levels, frame: AgentFrame | None) -> Event:
    channel, agent_id = names["channel"], names["agent_id"]
    if frame is None:
        return AgentEvent(channel, agent_id, None)
    return AgentEvent(channel, agent_id, frame.boot, frame.edge)


_Count = Annotated[int, Meta(ge=0, le=1_000_000)]  # so that a sum of 64 fits a total
_ShardCounts = tuple[
    Annotated[int, Meta(ge=0, lt=SHARDS)],
    _Count,  # the sum of the nine
    _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count,
]  # fmt: skip


class PartialFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    seq: _Seq
    t_ms: _EpochMs
    shards: Annotated[
        list[_ShardCounts],
        Meta(max_length=SHARDS, description="shard, sum of its counts, nine counts"),
    ]
    edge: _Edge = ""


def encode_partial(partial: Partial, t_ms: int, edge: str = "") -> bytes:
    """`t_ms`: the aggregator's epoch milliseconds, for display. At most 3.5 kB."""
    shards = [(shard, sum(counts), *counts) for shard, counts in partial.shards.items()]
    frame = (VERSION, partial.boot, partial.seq, t_ms, shards)
    return _pack((*frame, edge) if edge else frame)


def read_partial(names: Levels, frame: PartialFrame) -> Event:
    shards: dict[int, Counts] = {each[0]: each[2:] for each in frame.shards}
    if len(shards) != len(frame.shards):
        raise WireError("A partial that counts a shard twice")
    if any(sum(counts) != viewers for _, viewers, *counts in frame.shards):
        raise WireError("A partial that does not add up")
    partial = Partial(frame.boot, frame.seq, shards)
    return PartialEvent(names["channel"], names["agent_id"], partial, frame.edge)


class TotalFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _Boot
    seq: _Seq
    t_ms: _EpochMs
    viewers: Annotated[int, Meta(ge=0, le=U32, description="the sum of the counts")]
    counts: Annotated[
        tuple[_U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32],
        Meta(description="viewers by emotion 0-6, away, unsure"),
    ]
    edges: Annotated[int, Meta(ge=1, le=64, description="brokers that the room is spread over")] = 1
    least: Annotated[
        int,
        Meta(
            ge=0,
            le=LEAST_MOST,
            description="of the host's rules, by which the counts are rounded; 0: they are exact",
        ),
    ] = 0
    present: Annotated[
        int,
        Meta(
            ge=0,
            le=U32,
            description="viewers, where `least` is not 0; all of them while none are counted",
        ),
    ] = 0


def encode_total(
    boot: int,
    seq: int,
    t_ms: int,
    counts: Counts,
    edges: int = 1,
    *,
    least: int = 0,
    present: int = 0,
) -> bytes:
    """`t_ms`: the aggregator's epoch milliseconds, for display; `counts`: nine. `least`: of the
    rules, where they are a table for small rooms, and `present` the viewers, then."""
    frame = (VERSION, boot, seq, t_ms, sum(counts), counts)
    if least:
        return _pack((*frame, edges, least, present))
    return _pack((*frame, edges) if edges > 1 else frame)


def read_total(names: Levels, frame: TotalFrame | None) -> Event:
    channel = names["channel"]
    if frame is None:
        return TotalOverEvent(channel)
    if sum(frame.counts) != frame.viewers:
        raise WireError("A total that does not add up")
    present = frame.present if frame.least else frame.viewers
    order = frame.boot, frame.seq
    return TotalEvent(channel, present, frame.counts, *order, frame.edges, least=frame.least)


# --- who sweeps --------------------------------------------------------------------------------

SWEEP_MOST = 60  # viewers in one message
_Unrenewed = tuple[
    Annotated[str, Meta(max_length=32, description="a viewer's id")], _U32, _U32
]  # id, boot, seq


class SweepFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    unrenewed: Annotated[
        list[_Unrenewed],
        Meta(max_length=SWEEP_MOST, description="viewer's id, boot and seq of its last report"),
    ]


def encode_sweep(unrenewed: Sequence[Unrenewed]) -> bytes:
    """`unrenewed`: at most `SWEEP_MOST`. At most 2.8 kB."""
    return _pack((VERSION, [(each.viewer_id, each.boot, each.seq) for each in unrenewed]))


def read_sweep(names: Levels, frame: SweepFrame) -> Event:
    if not all(is_id(viewer_id) for viewer_id, _, _ in frame.unrenewed):
        raise WireError("A sweep of a viewer that is none")
    unrenewed = tuple(Unrenewed(*each) for each in frame.unrenewed)
    return SweepEvent(names["channel"], names["agent_id"], unrenewed)


# --- a host ------------------------------------------------------------------------------------

_DEFAULT = RoomSettings()


class RoomFrame(msgspec.Struct):
    """The ranges protect clients: a heartbeat of 0 would make the room a flood."""

    v: _Version = VERSION
    shards: Annotated[int, Meta(ge=SHARDS, le=SHARDS, description="parts of the room")] = SHARDS
    tick_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="between two looks of an aggregator, milliseconds")
    ] = _DEFAULT.tick_ms
    heartbeat_s: Annotated[
        int, Meta(ge=2, le=60, description="a report is repeated so often, seconds")
    ] = _DEFAULT.heartbeat_s
    ttl_s: Annotated[
        int, Meta(ge=5, le=600, description="for so long an aggregator's counts hold, seconds")
    ] = _DEFAULT.ttl_s
    mesh_max: Annotated[
        int, Meta(ge=1, le=5_000, description="viewers up to whom all reports are subscribed to")
    ] = _DEFAULT.mesh_max
    host: Annotated[str, Meta(max_length=32, description="an id of the host's program")] = ""
    can: Annotated[
        list[Annotated[str, Meta(max_length=32)]],
        Meta(max_length=16, description="what the host lets clients use, unknown words ignored"),
    ] = msgspec.field(default_factory=list)
    totals: Annotated[
        bool, Meta(description="viewers may read `total`, and nothing of another viewer")
    ] = False


def encode_room(settings: RoomSettings, host: str = "") -> bytes:
    """`host`: an id of the program that announces it, so that two hosts can be distinguished."""
    fields = asdict(settings)
    can, totals = sorted(fields.pop("abilities")), fields.pop("totals")
    del fields["late_s"]
    more = ({"host": host} if host else {}) | ({"can": can} if can else {})
    more |= {"totals": True} if totals else {}
    return _pack({"v": VERSION, **fields, **more})


def read_room(names: Levels, frame: RoomFrame | None) -> Event:
    if frame is None:
        return RoomEvent(names["channel"], None)
    fields: dict[str, Any] = msgspec.structs.asdict(frame)
    del fields["v"]
    host, abilities = fields.pop("host"), frozenset(fields.pop("can"))
    return RoomEvent(names["channel"], RoomSettings(**fields, abilities=abilities), host)


# --- a host's signature ------------------------------------------------------------------------


class HostKeyFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    key: Annotated[
        bytes,
        Meta(min_length=KEY_BYTES, max_length=KEY_BYTES, description="Ed25519, the public half"),
    ]
    spki: Annotated[
        bytes,
        Meta(max_length=800, description="public key of the broker's certificate, DER; or empty"),
    ] = b""
    voucher: Annotated[bytes, Meta(max_length=512, description="its signature; or empty")] = b""


def encode_host_key(key: bytes, spki: bytes = b"", voucher: bytes = b"") -> bytes:
    """`key`: 32 bytes; `spki` and `voucher` as `signing.vouch` makes them of `rules.vouched`."""
    return _pack((VERSION, key, spki, voucher))


def read_host_key(names: Levels, frame: HostKeyFrame | None) -> Event:
    if frame is None:
        return HostKeyEvent(names["channel"], None)
    return HostKeyEvent(names["channel"], frame.key, frame.spki, frame.voucher)


class RulesFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    number: Annotated[int, Meta(ge=0, le=NUMBER_MOST, description="the newest one holds")]
    expires_at: Annotated[int, Meta(ge=0, le=EPOCH_MOST, description="epoch seconds")]
    body: Annotated[bytes, Meta(max_length=BODY_MOST, description="the rules, as below")]
    key: Annotated[
        bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES, description="of the signer")
    ]
    delegation: Annotated[
        bytes, Meta(max_length=DELEGATION_MOST, description="of a co-host, as below; or empty")
    ]
    signature: Annotated[
        bytes,
        Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES, description="as below"),
    ]


def encode_rules(signed: SignedRules) -> bytes:
    """At most 3.5 kB."""
    each = signed
    signer = (each.key, each.delegation, each.signature)
    return _pack((VERSION, each.number, each.expires_at, each.body, *signer))


def read_rules(names: Levels, frame: RulesFrame | None) -> Event:
    channel, viewer_id = names["channel"], names["viewer_id"]
    if frame is None:
        return RulesEvent(channel, viewer_id, None)
    signed = SignedRules(
        frame.number, frame.expires_at, frame.body, frame.key, frame.delegation, frame.signature
    )
    return RulesEvent(channel, viewer_id, signed)


# --- one of several brokers --------------------------------------------------------------------

# Mosquitto's bridges write the digit 0 or 1, which MessagePack reads as the number 48 or 49.
_DOWN, _UP = 48, 49
EdgeFrame = Literal[48, 49]


def read_edge(names: Levels, frame: int | None) -> Event:
    if frame is None:
        raise WireError("Not a state of an edge")
    return EdgeEvent(names["edge"], frame == _UP)


# --- enrolment ---------------------------------------------------------------------------------


class EnrollmentRequestFrame(msgspec.Struct, array_like=True, frozen=True):
    version: _AnyVersion
    name: _Name
    digest: Annotated[
        str, Meta(max_length=200, description="hash of the password, as the broker keeps it")
    ]


def encode_enrollment_request(name: str, digest: str) -> bytes:
    return _pack((VERSION, name, digest))


def read_enrollment_request(names: Levels, frame: EnrollmentRequestFrame) -> Event:
    if not is_id(frame.name):
        raise WireError("An enrolment request under a name that is none")
    return EnrollmentRequest(names["invite_id"], frame.name, frame.digest)


class EnrollmentAnswerFrame(msgspec.Struct, array_like=True, frozen=True):
    version: _AnyVersion
    name: _Name
    result: Annotated[
        str,
        Meta(
            max_length=32,
            description="welcome, wait (ask again later), or a refusal: used, full, expired, "
            "revoked, removed, locked, unknown, name-taken, broken",
        ),
    ]


def encode_enrollment_answer(name: str, result: str) -> bytes:
    return _pack((VERSION, name, result))


def read_enrollment_answer(names: Levels, frame: EnrollmentAnswerFrame) -> Event:
    return EnrollmentAnswer(names["invite_id"], frame.name, frame.result)
