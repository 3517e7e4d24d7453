"""Whatever arrives under whatever topic: an event within its ranges, or WireError; nothing else."""

from __future__ import annotations

from typing import get_args

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import WireError
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.rate_limit import RateLimiter
from resonance_tui.protocol import messages as wire
from resonance_tui.protocol.events import (
    Event,
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    TotalEvent,
)
from resonance_tui.protocol.messages import decode
from resonance_tui.protocol.sanitize import NICKNAME_LIMIT
from resonance_tui.protocol.values import Report
from resonance_tui.room.state import RoomState
from resonance_tui.widths import JOINERS, is_new_emoji

EVENTS = get_args(Event)
REPORT = [1, 1_790_000_000, 7, 3, 80, 2]
FRAMES = [
    REPORT,
    [1, "Mia"],
    {"v": 1, "shards": 64, "tick_ms": 250, "heartbeat_s": 10, "ttl_s": 30, "mesh_max": 200},
    [1, 5, 6, 1_790_000_000_000, 9, [1] * 9],
    [1, 5],
    [1, 5, 6, 1_790_000_000_000, [[3, 9, *[1] * 9]]],
    [1, 5, 6, 1_790_000_000_000, [[3, 9, *[1] * 9]], "berlin"],
    [1, 5, "berlin"],
]

viewer_ids = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
ours = st.one_of(
    viewer_ids.map(lambda each: wire.REPORT.topic.of("room", each)),
    viewer_ids.map(lambda each: wire.NICKNAME.topic.of("room", each)),
    viewer_ids.map(lambda each: f"resonance/1/room/agg/{each}"),
    viewer_ids.map(lambda each: f"resonance/1/room/agent/{each}"),
    st.sampled_from(["resonance/1/room/room", "resonance/1/room/total", "resonance/edge/berlin"]),
)
levels = st.sampled_from(["resonance", "1", "room", "r", "n", "agg", "total", "0", "", "+", "#"])
topics = st.one_of(
    ours,
    st.lists(levels | st.text(max_size=40), max_size=9).map("/".join),
    st.tuples(ours, st.integers(0, 120), st.text(max_size=3)).map(
        lambda each: each[0][: each[1]] + each[2] + each[0][each[1] :]
    ),
    st.text(max_size=300),
)


def damaged(frame: bytes, at: int, byte: int) -> bytes:
    at %= len(frame)
    return frame[:at] + bytes([byte]) + frame[at + 1 :]


packed = st.sampled_from(FRAMES).map(msgpack.packb)
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
    | st.binary(),
    lambda each: st.lists(each, max_size=12) | st.dictionaries(st.text(max_size=9), each),
    max_leaves=30,
).map(msgpack.packb)  # fmt: skip
nested = st.builds(
    lambda opening, depth, core: opening * depth + core,
    st.sampled_from([b"\x91", b"\x81\xa1v", b"\x96\x01", b"\xdd\x00\x00\x00\x01", b"\x92\x01"]),
    st.integers(1, 5000),
    st.sampled_from([b"", b"\xc0", b"\x01", b"\xc1"]),
)
boasting = st.builds(  # lengths that nothing follows
    lambda head, size, rest: head + size + rest,
    st.sampled_from([b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9", b"\x96\x01\xdd"]),
    st.sampled_from([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x10\x00\x00"]),
    st.binary(max_size=40),
)
payloads = st.one_of(
    st.binary(max_size=100),
    packed,
    packed.flatmap(lambda each: st.integers(0, len(each)).map(lambda end: each[:end])),
    st.builds(damaged, packed, st.integers(0, 500), st.integers(0, 255)),
    st.builds(lambda each, more: each + more, packed, st.binary(max_size=600)),
    trees,
    nested,
    boasting,
)


@given(topics, payloads)
def test_nothing_but_an_event_or_a_wire_error(topic: str, payload: bytes) -> None:
    try:
        event = decode(topic, payload)
    except WireError as error:
        assert error.message
        return
    assert isinstance(event, EVENTS)
    check(event)


def check(event: Event) -> None:
    match event:
        case ReportEvent(_, _, report):
            assert 0 <= report.code <= 8 and 0 <= report.confidence <= 100
            assert 0 <= report.boot < 2**32 and 0 <= report.seq < 2**32
        case NicknameEvent(_, _, nickname):
            assert len(nickname) <= NICKNAME_LIMIT
            assert all(c.isprintable() or c in JOINERS or is_new_emoji(c) for c in nickname)
        case TotalEvent():
            assert len(event.counts) == 9 and min(event.counts) >= 0
        case RoomEvent(_, settings) if settings is not None:
            assert settings.heartbeat_s >= 2 and settings.tick_ms >= 50


@pytest.mark.parametrize("depth", [10, 60, 300, 1500, 4000])
@pytest.mark.parametrize("opening", [b"\x91", b"\x96\x01", b"\x81\xa1v", b"\x81\xa1\xff"])
@pytest.mark.parametrize("kind", ["r", "n", "room", "total", "agg", "agent"])
def test_nesting_is_refused_at_any_depth(kind: str, opening: bytes, depth: int) -> None:
    topic = {
        "r": wire.REPORT.topic.of("room", "ann"),
        "n": wire.NICKNAME.topic.of("room", "ann"),
        "agg": "resonance/1/room/agg/a1",
        "agent": "resonance/1/room/agent/a1",
    }.get(kind, f"resonance/1/room/{kind}")
    with pytest.raises(WireError):
        decode(topic, opening * depth)


@given(st.lists(st.tuples(topics, payloads), max_size=60), st.integers(1, 12))
def test_whatever_arrives_the_room_adds_up(
    messages: list[tuple[str, bytes]], drained_every: int
) -> None:
    """The whole way from the socket to the counts, as a session goes it."""
    guard, inbox, room = RateLimiter(strikes=3), Inbox(max_topics=16), RoomState(max_viewers=5)
    inbox.on_broken.add(lambda topic: guard.record_violation(topic, 1.0))
    room.report("ann", Report(*REPORT[1:]), 0.0)  # type: ignore[arg-type]
    for number, (topic, payload) in enumerate(messages):
        if guard.allow(topic, 1.0):
            inbox.put(topic, payload)
        if number % drained_every == 0:
            read(inbox, room)
    read(inbox, room)
    snapshot = room.tick(1.0)
    assert snapshot.viewers == sum(snapshot.counts) + snapshot.unsure + snapshot.away
    assert snapshot.viewers == len(snapshot.rows) <= 5


def read(inbox: Inbox, room: RoomState) -> None:
    assert len(inbox) <= 16
    for event in inbox.drain():
        match event:
            case ReportEvent():
                room.report(event.viewer_id, event.report, 1.0)
            case NicknameEvent():
                room.name(event.viewer_id, event.nickname, 1.0)
            case LeaveEvent():
                room.leave(event.viewer_id, 1.0)
