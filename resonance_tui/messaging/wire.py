"""Wire protocol v1: topics and MessagePack frames to events and back; nothing but WireError."""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b32encode
from dataclasses import asdict, dataclass
from typing import Annotated, Any
from zlib import crc32

import msgspec

from resonance_tui.emotions import Code
from resonance_tui.errors import InvalidChannel, WireError
from resonance_tui.messaging.address import (
    BrokerUrl,
    invite_link,
    parse_broker_url,
    parse_invite,
)
from resonance_tui.messaging.safe_text import NICKNAME_LIMIT, clean_nickname, safe_text
from resonance_tui.room.state import Report

__all__ = [
    "NICKNAME_LIMIT",
    "SHARDS",
    "VERSION",
    "BrokerUrl",
    "Event",
    "LeaveEvent",
    "NicknameEvent",
    "ReportEvent",
    "RoomEvent",
    "RoomSettings",
    "TotalEvent",
    "channel_filter",
    "clean_nickname",
    "decode",
    "encode_nickname",
    "encode_report",
    "encode_room",
    "invite_link",
    "new_viewer_id",
    "nickname_topic",
    "normalize_channel",
    "parse_broker_url",
    "parse_invite",
    "report_topic",
    "room_topic",
    "safe_text",
    "shard_of",
    "total_topic",
]

VERSION = 1
SHARDS = 64
ROOT = f"resonance/{VERSION}"
PAYLOAD_LIMITS = {"r": 64, "n": 256, "room": 512, "total": 256}  # bytes
TOPIC_LIMIT = 128  # characters; the longest of ours has 113

_CHANNEL = re.compile(r"[a-z0-9_-]{1,64}")
_VIEWER_ID = re.compile(r"[a-z0-9_-]{1,32}")


# --- names -------------------------------------------------------------------------------------


def normalize_channel(text: str) -> str:
    """The channel in its one spelling: 1-64 of `a-z 0-9 _ -`. Raises InvalidChannel."""
    channel = text.strip().lower()
    if _CHANNEL.fullmatch(channel):
        return channel
    suggestion = _channel_like(channel)
    hint = "Use 1 to 64 letters a-z, digits, - or _"
    if suggestion:
        hint += f", for example: {suggestion}"
    raise InvalidChannel(f"Not a channel name: {safe_text(text, 40)!r}", hint)


def _channel_like(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:256]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:64].strip("-")


def new_viewer_id() -> str:
    """A fresh random id of 13 base32 characters (64 bits); means nothing to anybody."""
    return b32encode(secrets.token_bytes(8)).decode().rstrip("=").lower()


def shard_of(viewer_id: str) -> int:
    """The one shard (0-63) in which this viewer may report."""
    return crc32(viewer_id.encode()) % SHARDS


def report_topic(channel: str, viewer_id: str) -> str:
    return f"{ROOT}/{channel}/r/{shard_of(viewer_id)}/{viewer_id}"


def nickname_topic(channel: str, viewer_id: str) -> str:
    return f"{ROOT}/{channel}/n/{shard_of(viewer_id)}/{viewer_id}"


def room_topic(channel: str) -> str:
    return f"{ROOT}/{channel}/room"


def total_topic(channel: str) -> str:
    return f"{ROOT}/{channel}/total"


def channel_filter(channel: str, kind: str) -> str:
    """The subscription that hears every viewer's reports (`r`) or nicknames (`n`)."""
    return f"{ROOT}/{channel}/{kind}/+/+"


# --- what travels ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What a host sets for a room. Times in the unit that the name ends in."""

    shards: int = SHARDS
    tick_ms: int = 250
    heartbeat_s: int = 10
    ttl_s: int = 30
    mesh_max: int = 200  # viewers up to whom everybody hears everybody


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


@dataclass(frozen=True, slots=True)
class TotalEvent:
    """The room as its aggregator counts it."""

    channel: str
    viewers: int
    counts: tuple[int, ...]  # nine, in the order of `Code`


Event = ReportEvent | NicknameEvent | LeaveEvent | RoomEvent | TotalEvent

_Version = Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)]
_U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


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


class _RoomFrame(msgspec.Struct):
    """Ranges that no host leaves in good faith: a heartbeat of 0 would make the room a flood."""

    v: _Version = VERSION
    shards: Annotated[int, msgspec.Meta(ge=SHARDS, le=SHARDS)] = SHARDS
    tick_ms: Annotated[int, msgspec.Meta(ge=50, le=10_000)] = 250
    heartbeat_s: Annotated[int, msgspec.Meta(ge=2, le=60)] = 10
    ttl_s: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    mesh_max: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = 200


_pack = msgspec.msgpack.Encoder().encode
_unpack_report = msgspec.msgpack.Decoder(_ReportFrame).decode
_unpack_nickname = msgspec.msgpack.Decoder(_NicknameFrame).decode
_unpack_room = msgspec.msgpack.Decoder(_RoomFrame).decode
_unpack_total = msgspec.msgpack.Decoder(_TotalFrame).decode


def encode_report(report: Report) -> bytes:
    """11 to 15 bytes: no picture, no landmark, no probability fits in there."""
    return _pack(
        (VERSION, report.boot, report.seq, int(report.code), report.confidence, report.flags)
    )


def encode_nickname(nickname: str) -> bytes:
    return _pack((VERSION, nickname))


def encode_room(settings: RoomSettings) -> bytes:
    return _pack({"v": VERSION, **asdict(settings)})


def encode_total(boot: int, seq: int, t_ms: int, counts: tuple[int, ...]) -> bytes:
    """`t_ms`: the aggregator's epoch milliseconds, for display; `counts`: nine, as in `Code`."""
    return _pack((VERSION, boot, seq, t_ms, sum(counts), counts))


# --- from the network --------------------------------------------------------------------------


def decode(topic: str, payload: bytes) -> Event:
    """What this message says. Raises WireError for all that is not ours, whatever it is."""
    try:
        return _decode(topic, payload)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise WireError(f"Not a frame of ours: {error}") from None


def _decode(topic: str, payload: bytes) -> Event:
    channel, kind, viewer_id = _parse_topic(topic)
    if len(payload) > PAYLOAD_LIMITS[kind]:
        raise WireError(f"Payload of {len(payload)} bytes, at most {PAYLOAD_LIMITS[kind]} allowed")
    if kind == "r":
        return _decode_report(channel, viewer_id, payload)
    if kind == "n":
        return _decode_nickname(channel, viewer_id, payload)
    if kind == "room":
        return RoomEvent(channel, _decode_room(payload) if payload else None)
    return _decode_total(channel, payload)


def _parse_topic(topic: str) -> tuple[str, str, str]:
    """Channel, kind and viewer id ("" for what belongs to the whole room)."""
    parts = topic.split("/") if len(topic) <= TOPIC_LIMIT else []
    if parts[:2] != ["resonance", str(VERSION)] or not _CHANNEL.fullmatch("".join(parts[2:3])):
        raise WireError("Not a topic of this protocol version")
    match parts[3:]:
        case ["room" | "total" as kind]:
            return parts[2], kind, ""
        case ["r" | "n" as kind, shard, viewer_id] if _VIEWER_ID.fullmatch(viewer_id):
            # Access rules cannot check the shard, and 64 of them would be 64 votes.
            if shard != str(shard_of(viewer_id)):
                raise WireError("A viewer outside its shard")
            return parts[2], kind, viewer_id
    raise WireError("Not a topic of this protocol version")


def _decode_report(channel: str, viewer_id: str, payload: bytes) -> Event:
    if not payload:
        return LeaveEvent(channel, viewer_id)
    frame = _unpack_report(payload)
    report = Report(frame.boot, frame.seq, Code(frame.code), frame.confidence, frame.flags)
    return ReportEvent(channel, viewer_id, report)


def _decode_nickname(channel: str, viewer_id: str, payload: bytes) -> Event:
    nickname = safe_text(_unpack_nickname(payload).nickname) if payload else ""
    return NicknameEvent(channel, viewer_id, nickname)


def _decode_room(payload: bytes) -> RoomSettings:
    frame: dict[str, Any] = msgspec.structs.asdict(_unpack_room(payload))
    del frame["v"]
    return RoomSettings(**frame)


def _decode_total(channel: str, payload: bytes) -> Event:
    frame = _unpack_total(payload)
    if sum(frame.counts) != frame.viewers:
        raise WireError("A total that does not add up")
    return TotalEvent(channel, frame.viewers, frame.counts)
