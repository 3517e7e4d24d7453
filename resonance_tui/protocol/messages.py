"""Wire protocol v1: topics and MessagePack frames to events and back; nothing but WireError."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import msgspec

from resonance_tui.emotions import Emotion
from resonance_tui.errors import WireError
from resonance_tui.protocol.sanitize import NICKNAME_LIMIT, clean_nickname, safe_text
from resonance_tui.protocol.topics import (
    EDGE_NAME,
    EDGES,
    ROOT,
    TOPIC_LIMIT,
    VERSION,
    agent_topic,
    channel_filter,
    edge_topic,
    is_channel,
    is_edge,
    is_id,
    new_viewer_id,
    nickname_topic,
    normalize_channel,
    normalize_edge,
    partial_topic,
    report_topic,
    room_topic,
    shard_filter,
    total_topic,
)
from resonance_tui.protocol.urls import BrokerUrl, invite_link, parse_broker_url, parse_invite
from resonance_tui.room.state import Report
from resonance_tui.room.tally import SHARDS, Counts, Partial, shard_of

__all__ = [
    "NICKNAME_LIMIT",
    "SHARDS",
    "TOPIC_LIMIT",
    "VERSION",
    "AgentEvent",
    "BrokerUrl",
    "EdgeEvent",
    "Event",
    "LeaveEvent",
    "NicknameEvent",
    "PartialEvent",
    "ReportEvent",
    "RoomEvent",
    "RoomSettings",
    "TotalEvent",
    "TotalOverEvent",
    "agent_topic",
    "channel_filter",
    "clean_nickname",
    "decode",
    "edge_topic",
    "encode_agent",
    "encode_nickname",
    "encode_partial",
    "encode_report",
    "encode_room",
    "encode_total",
    "invite_link",
    "is_id",
    "new_viewer_id",
    "nickname_topic",
    "normalize_channel",
    "normalize_edge",
    "parse_broker_url",
    "parse_invite",
    "partial_topic",
    "report_topic",
    "room_topic",
    "safe_text",
    "shard_filter",
    "shard_of",
    "total_topic",
]

PAYLOAD_LIMITS = {"r": 64, "n": 256, "room": 512, "total": 256, "agent": 32, "agg": 3584}  # bytes


# --- what travels ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What a host sets for a room. Times in the unit that the name ends in."""

    shards: int = SHARDS
    tick_ms: int = 250
    heartbeat_s: int = 10
    ttl_s: int = 30
    mesh_max: int = 200  # viewers up to whom everybody hears everybody

    @property
    def patience_s(self) -> float:
        """After so many seconds of silence a source is gone: `ttl_s`, but never before two of its
        heartbeats are missed."""
        return max(float(self.ttl_s), 2.5 * self.heartbeat_s)


@dataclass(frozen=True, slots=True)
class ReportEvent:
    channel: str
    viewer_id: str
    report: Report


@dataclass(frozen=True, slots=True)
class NicknameEvent:
    channel: str
    viewer_id: str
    nickname: str  # safe to draw; "" when taken back


@dataclass(frozen=True, slots=True)
class LeaveEvent:
    channel: str
    viewer_id: str


@dataclass(frozen=True, slots=True)
class RoomEvent:
    channel: str
    settings: RoomSettings | None  # None when the host closed the room
    host: str = ""  # an id of whoever announced it, where it gave one


@dataclass(frozen=True, slots=True)
class TotalEvent:
    """The room as its aggregator counts it."""

    channel: str
    viewers: int
    counts: Counts  # nine, in the order of `Code`
    boot: int = 0
    seq: int = 0
    edges: int = 1  # brokers over which the room is spread


@dataclass(frozen=True, slots=True)
class TotalOverEvent:
    """The last aggregator of the room has gone."""

    channel: str


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """An aggregator is there, or (`boot` None) has gone."""

    channel: str
    agent_id: str
    boot: int | None
    edge: str = ""  # of several brokers, the one whose viewers it counts


@dataclass(frozen=True, slots=True)
class PartialEvent:
    """What one aggregator counted."""

    channel: str
    agent_id: str
    partial: Partial
    edge: str = ""


@dataclass(frozen=True, slots=True)
class EdgeEvent:
    """The bridge of one of several brokers came up or went down."""

    edge: str
    is_up: bool


Event = (
    ReportEvent
    | NicknameEvent
    | LeaveEvent
    | RoomEvent
    | TotalEvent
    | TotalOverEvent
    | AgentEvent
    | PartialEvent
    | EdgeEvent
)

_Version = Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)]
_U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Edge = Annotated[str, msgspec.Meta(pattern=rf"^({EDGE_NAME})?\Z")]


class _ReportFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _U32
    seq: _U32
    code: Annotated[int, msgspec.Meta(ge=0, le=8)]
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)]
    flags: Annotated[int, msgspec.Meta(ge=0, le=255)]


class _NicknameFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    nickname: str


class _TotalFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _U32
    seq: _U32
    t_ms: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    viewers: _U32
    counts: tuple[_U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32, _U32]
    edges: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1


class _AgentFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _U32
    edge: _Edge = ""


_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]  # so that a sum of 64 fits a total
_ShardCounts = tuple[
    Annotated[int, msgspec.Meta(ge=0, lt=SHARDS)],
    _Count,  # the sum of the nine
    _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count, _Count,
]  # fmt: skip


class _PartialFrame(msgspec.Struct, array_like=True, gc=False):
    version: _Version
    boot: _U32
    seq: _U32
    t_ms: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    shards: Annotated[list[_ShardCounts], msgspec.Meta(max_length=SHARDS)]
    edge: _Edge = ""


class _RoomFrame(msgspec.Struct):
    """Ranges that no host leaves in good faith: a heartbeat of 0 would make the room a flood."""

    v: _Version = VERSION
    shards: Annotated[int, msgspec.Meta(ge=SHARDS, le=SHARDS)] = SHARDS
    tick_ms: Annotated[int, msgspec.Meta(ge=50, le=10_000)] = 250
    heartbeat_s: Annotated[int, msgspec.Meta(ge=2, le=60)] = 10
    ttl_s: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    mesh_max: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 200
    host: Annotated[str, msgspec.Meta(max_length=32)] = ""


_pack = msgspec.msgpack.Encoder().encode
_unpack_report = msgspec.msgpack.Decoder(_ReportFrame).decode
_unpack_nickname = msgspec.msgpack.Decoder(_NicknameFrame).decode
_unpack_room = msgspec.msgpack.Decoder(_RoomFrame).decode
_unpack_total = msgspec.msgpack.Decoder(_TotalFrame).decode
_unpack_agent = msgspec.msgpack.Decoder(_AgentFrame).decode
_unpack_partial = msgspec.msgpack.Decoder(_PartialFrame).decode


def encode_report(report: Report) -> bytes:
    """11 to 15 bytes: no picture, no landmark, no probability fits in there."""
    return _pack(
        (VERSION, report.boot, report.seq, int(report.code), report.confidence, report.flags)
    )


def encode_nickname(nickname: str) -> bytes:
    return _pack((VERSION, nickname))


def encode_room(settings: RoomSettings, host: str = "") -> bytes:
    """`host`: an id of the program that announces it, so that two hosts can tell each other."""
    return _pack({"v": VERSION, **asdict(settings), **({"host": host} if host else {})})


def encode_agent(boot: int, edge: str = "") -> bytes:
    return _pack((VERSION, boot, edge) if edge else (VERSION, boot))


def encode_partial(partial: Partial, t_ms: int, edge: str = "") -> bytes:
    """`t_ms`: the aggregator's epoch milliseconds, for display. At most 3.5 kB."""
    shards = [(shard, sum(counts), *counts) for shard, counts in partial.shards.items()]
    frame = (VERSION, partial.boot, partial.seq, t_ms, shards)
    return _pack((*frame, edge) if edge else frame)


def encode_total(boot: int, seq: int, t_ms: int, counts: Counts, edges: int = 1) -> bytes:
    """`t_ms`: the aggregator's epoch milliseconds, for display; `counts`: nine, as in `Code`."""
    frame = (VERSION, boot, seq, t_ms, sum(counts), counts)
    return _pack((*frame, edges) if edges > 1 else frame)


# --- from the network --------------------------------------------------------------------------


def decode(topic: str, payload: bytes) -> Event:
    """What this message says. Raises WireError for all that is not ours, whatever it is."""
    try:
        return _decode(topic, payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not a frame of ours: {error}") from None


def _decode(topic: str, payload: bytes) -> Event:
    if topic.startswith(f"{EDGES}/"):
        return _decode_edge(topic.removeprefix(f"{EDGES}/"), payload)
    channel, kind, who = _parse_topic(topic)
    if len(payload) > PAYLOAD_LIMITS[kind]:
        raise WireError(f"Payload of {len(payload)} bytes, at most {PAYLOAD_LIMITS[kind]} allowed")
    match kind:
        case "r":
            return _decode_report(channel, who, payload)
        case "n":
            return _decode_nickname(channel, who, payload)
        case "room":
            return _decode_room(channel, payload) if payload else RoomEvent(channel, None)
        case "agent":
            return _decode_agent(channel, who, payload)
        case "agg":
            return _decode_partial(channel, who, payload)
    return _decode_total(channel, payload) if payload else TotalOverEvent(channel)


def _decode_edge(edge: str, payload: bytes) -> Event:
    if not is_edge(edge) or payload not in (b"0", b"1"):
        raise WireError("Not a bridge's word")
    return EdgeEvent(edge, payload == b"1")


def _parse_topic(topic: str) -> tuple[str, str, str]:
    """Channel, kind and who it is about ("" for what belongs to the whole room)."""
    parts = topic.split("/") if len(topic) <= TOPIC_LIMIT else []
    if "/".join(parts[:2]) != ROOT or not is_channel("".join(parts[2:3])):
        raise WireError("Not a topic of this protocol version")
    match parts[3:]:
        case ["room" | "total" as kind]:
            return parts[2], kind, ""
        case ["agent" | "agg" as kind, agent_id] if is_id(agent_id):
            return parts[2], kind, agent_id
        case ["r" | "n" as kind, shard, viewer_id] if is_id(viewer_id):
            # Access rules cannot check the shard, and 64 of them would be 64 votes.
            if shard != str(shard_of(viewer_id)):
                raise WireError("A viewer outside its shard")
            return parts[2], kind, viewer_id
    raise WireError("Not a topic of this protocol version")


def _decode_report(channel: str, viewer_id: str, payload: bytes) -> Event:
    if not payload:
        return LeaveEvent(channel, viewer_id)
    frame = _unpack_report(payload)
    report = Report(frame.boot, frame.seq, Emotion(frame.code), frame.confidence, frame.flags)
    return ReportEvent(channel, viewer_id, report)


def _decode_nickname(channel: str, viewer_id: str, payload: bytes) -> Event:
    nickname = safe_text(_unpack_nickname(payload).nickname) if payload else ""
    return NicknameEvent(channel, viewer_id, nickname)


def _decode_agent(channel: str, agent_id: str, payload: bytes) -> Event:
    if not payload:
        return AgentEvent(channel, agent_id, None)
    frame = _unpack_agent(payload)
    return AgentEvent(channel, agent_id, frame.boot, frame.edge)


def _decode_room(channel: str, payload: bytes) -> Event:
    frame: dict[str, Any] = msgspec.structs.asdict(_unpack_room(payload))
    del frame["v"]
    host = frame.pop("host")
    return RoomEvent(channel, RoomSettings(**frame), host)


def _decode_total(channel: str, payload: bytes) -> Event:
    frame = _unpack_total(payload)
    if sum(frame.counts) != frame.viewers:
        raise WireError("A total that does not add up")
    return TotalEvent(channel, frame.viewers, frame.counts, frame.boot, frame.seq, frame.edges)


def _decode_partial(channel: str, agent_id: str, payload: bytes) -> Event:
    frame = _unpack_partial(payload)
    shards: dict[int, Counts] = {each[0]: each[2:] for each in frame.shards}
    if len(shards) != len(frame.shards):
        raise WireError("A partial that counts a shard twice")
    if any(sum(counts) != viewers for _, viewers, *counts in frame.shards):
        raise WireError("A partial that does not add up")
    return PartialEvent(channel, agent_id, Partial(frame.boot, frame.seq, shards), frame.edge)
