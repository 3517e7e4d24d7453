"""Topics and frames: what we write comes back, and nothing else gets through."""

from __future__ import annotations

import contextlib
import re

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InvalidChannel, WireError
from resonance_tui.protocol import messages
from resonance_tui.protocol.events import (
    AgentEvent,
    EdgeEvent,
    LeaveEvent,
    NicknameEvent,
    PartialEvent,
    ReactionEvent,
    ReportEvent,
    RoomEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.frames import (
    encode_agent,
    encode_nickname,
    encode_partial,
    encode_report,
    encode_room,
    encode_total,
)
from resonance_tui.protocol.messages import decode
from resonance_tui.protocol.topics import new_viewer_id, normalize_channel, shard_of
from resonance_tui.protocol.values import Partial, Report, RoomSettings

U32 = 2**32 - 1
EVENTS = (
    ReportEvent,
    NicknameEvent,
    LeaveEvent,
    RoomEvent,
    TotalEvent,
    TotalOverEvent,
    AgentEvent,
    PartialEvent,
    EdgeEvent,
    ReactionEvent,
)

channels = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)
viewer_ids = st.builds(new_viewer_id) | st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
reports = st.builds(
    Report,
    boot=st.integers(0, U32),
    seq=st.integers(0, U32),
    code=st.sampled_from(Emotion),
    confidence=st.integers(0, 100),
    flags=st.integers(0, 255),
)
edges = st.just("") | st.from_regex(r"[a-z0-9_-]{1,16}", fullmatch=True)
settings = st.builds(
    RoomSettings,
    tick_ms=st.integers(50, 10_000),
    heartbeat_s=st.integers(2, 60),
    ttl_s=st.integers(5, 600),
    mesh_max=st.integers(1, 5_000),
    abilities=st.frozensets(st.text(max_size=32), max_size=16),
)
objects = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)  # fmt: skip
topics = st.sampled_from(
    [
        messages.REPORT.topic.of("room", "abc"),
        messages.NICKNAME.topic.of("room", "abc"),
        messages.ROOM_SETTINGS.topic.of("room"),
        messages.TOTAL.topic.of("room"),
        messages.AGENT.topic.of("room", "a1"),
        messages.PARTIAL.topic.of("room", "a1"),
        messages.REACTION.topic.of("room", "abc"),
    ]
)
partials = st.builds(
    Partial,
    boot=st.integers(0, U32),
    seq=st.integers(0, U32),
    shards=st.dictionaries(st.integers(0, 63), st.tuples(*[st.integers(0, 100_000)] * 9)),
)
REPORT_TOPIC = messages.REPORT.topic.of("room", "abc")
GOOD = [1, 1_790_000_000, 7, 3, 83, 0]


def decodes_or_wire_error(topic: str, payload: bytes) -> None:
    with contextlib.suppress(WireError):
        assert isinstance(decode(topic, payload), EVENTS)


# --- there and back ----------------------------------------------------------------------------


@given(channels, viewer_ids, reports)
def test_a_report_comes_back_as_it_was(channel: str, viewer_id: str, report: Report) -> None:
    event = decode(messages.REPORT.topic.of(channel, viewer_id), encode_report(report))
    assert event == ReportEvent(channel, viewer_id, report)


@given(channels, viewer_ids, st.from_regex(r"[A-Za-zÀ-ÿ0-9]{1,24}", fullmatch=True))
def test_a_nickname_comes_back_as_it_was(channel: str, viewer_id: str, name: str) -> None:
    event = decode(messages.NICKNAME.topic.of(channel, viewer_id), encode_nickname(name))
    assert event == NicknameEvent(channel, viewer_id, name)


@given(channels, settings)
def test_room_settings_come_back_as_they_were(channel: str, told: RoomSettings) -> None:
    assert decode(messages.ROOM_SETTINGS.topic.of(channel), encode_room(told)) == RoomEvent(
        channel, told
    )


@given(channels, st.tuples(*[st.integers(0, 10_000)] * 9), st.integers(1, 64))
def test_a_total_comes_back_as_it_was(channel: str, counts: tuple[int, ...], edges: int) -> None:
    payload = encode_total(1, 2, 1_790_000_000_000, counts, edges)
    assert decode(messages.TOTAL.topic.of(channel), payload) == TotalEvent(
        channel, sum(counts), counts, boot=1, seq=2, edges=edges
    )


@given(channels, viewer_ids, partials, st.integers(0, 2**63 - 1), edges)
def test_a_partial_comes_back_as_it_was(
    channel: str, agent_id: str, partial: Partial, t_ms: int, edge: str
) -> None:
    event = decode(
        messages.PARTIAL.topic.of(channel, agent_id), encode_partial(partial, t_ms, edge)
    )
    assert event == PartialEvent(channel, agent_id, partial, edge)


@given(channels, viewer_ids, st.integers(0, U32), edges)
def test_an_aggregator_comes_back_as_it_was(
    channel: str, agent_id: str, boot: int, edge: str
) -> None:
    event = decode(messages.AGENT.topic.of(channel, agent_id), encode_agent(boot, edge))
    assert event == AgentEvent(channel, agent_id, boot, edge)


@pytest.mark.parametrize("payload", [b"0", b"1"])
def test_a_bridge_says_whether_it_is_up(payload: bytes) -> None:
    assert decode(messages.EDGE.topic.of("berlin"), payload) == EdgeEvent("berlin", payload == b"1")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("resonance/edge/berlin", b""), ("resonance/edge/berlin", b"2"),
        ("resonance/edge/berlin", b"10"), ("resonance/edge/", b"1"), ("resonance/edge/+", b"1"),
        ("resonance/edge/a/b", b"1"), (f"resonance/edge/{'a' * 17}", b"1"),
        (messages.AGENT.topic.of("room", "a1"), msgpack.packb([1, 1, "Berlin"])),
        (messages.AGENT.topic.of("room", "a1"), msgpack.packb([1, 1, "b\n"])),
        (messages.AGENT.topic.of("room", "a1"), msgpack.packb([1, 1, "a" * 17])),
        (messages.PARTIAL.topic.of("room", "a1"), msgpack.packb([1, 1, 1, 1, [], "+"])),
        (messages.TOTAL.topic.of("room"), msgpack.packb([1, 1, 1, 1, 0, [0] * 9, 0])),
        (messages.TOTAL.topic.of("room"), msgpack.packb([1, 1, 1, 1, 0, [0] * 9, 65])),
    ],
)  # fmt: skip
def test_what_names_no_edge_is_refused(topic: str, payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(topic, payload)


def test_the_largest_partial_fits_its_cap_and_a_packet() -> None:
    shards = dict.fromkeys(range(64), (111_111,) * 9)
    payload = encode_partial(Partial(U32, U32, shards), 2**63 - 1, "a" * 16)
    assert len(payload) <= messages.PARTIAL.max_bytes < 4096 - 128


def test_empty_payloads_take_back_what_was_said() -> None:
    assert decode(REPORT_TOPIC, b"") == LeaveEvent("room", "abc")
    assert decode(messages.NICKNAME.topic.of("room", "abc"), b"") == NicknameEvent(
        "room", "abc", ""
    )
    assert decode(messages.ROOM_SETTINGS.topic.of("room"), b"") == RoomEvent("room", None)
    assert decode(messages.TOTAL.topic.of("room"), b"") == TotalOverEvent("room")
    assert decode(messages.AGENT.topic.of("room", "a1"), b"") == AgentEvent("room", "a1", None)
    with pytest.raises(WireError):
        decode(messages.PARTIAL.topic.of("room", "a1"), b"")


@given(reports)
def test_another_library_reads_the_same_report(report: Report) -> None:
    assert msgpack.unpackb(encode_report(report)) == [
        1,
        report.boot,
        report.seq,
        int(report.code),
        report.confidence,
        report.flags,
    ]


@given(st.text(max_size=24), settings, st.tuples(*[st.integers(0, 99)] * 9))
def test_another_library_reads_the_other_frames(
    name: str, told: RoomSettings, counts: tuple[int, ...]
) -> None:
    assert msgpack.unpackb(encode_nickname(name)) == [1, name]
    room = msgpack.unpackb(encode_room(told))
    assert room.pop("can", []) == sorted(told.abilities)
    assert room == {
        "v": 1,
        "shards": 64,
        "tick_ms": told.tick_ms,
        "heartbeat_s": told.heartbeat_s,
        "ttl_s": told.ttl_s,
        "mesh_max": told.mesh_max,
    }
    total = msgpack.unpackb(encode_total(1, 2, 3, counts))
    assert total == [1, 1, 2, 3, sum(counts), list(counts)]


@given(reports.filter(lambda report: report.boot > 2**16))
def test_a_report_is_too_small_for_a_face(report: Report) -> None:
    assert 10 <= len(encode_report(report)) <= 16


# --- from strangers ----------------------------------------------------------------------------


@given(st.text() | topics, st.binary(max_size=600))
@example(REPORT_TOPIC, b"\x91" * 64)
@example(REPORT_TOPIC, b"\x96\x01\x01\x01\x01\x01\xc1")
@example(messages.NICKNAME.topic.of("room", "abc"), b"\x92\x01\xa3\xff\xfe\xfd")
@example(messages.NICKNAME.topic.of("room", "abc"), b"\x93\x01\xa1a" + b"\x91" * 200)
@example(messages.ROOM_SETTINGS.topic.of("room"), b"\x81\xa1x" + b"\x91" * 500)
@example(messages.ROOM_SETTINGS.topic.of("room"), b"\xdf\xff\xff\xff\xff")
@example(messages.TOTAL.topic.of("room"), b"\xdd\xff\xff\xff\xff")
@example("resonance/1/\ud800/room", b"\xc0")
def test_any_bytes_on_any_topic_are_an_event_or_a_wire_error(topic: str, payload: bytes) -> None:
    decodes_or_wire_error(topic, payload)


@given(topics, objects)
def test_any_object_is_an_event_or_a_wire_error(topic: str, value: object) -> None:
    decodes_or_wire_error(topic, msgpack.packb(value))


@given(reports, st.integers(0, 15), st.integers(0, 255))
def test_a_flipped_byte_is_an_event_or_a_wire_error(report: Report, at: int, byte: int) -> None:
    payload = bytearray(encode_report(report))
    payload[at % len(payload)] = byte
    decodes_or_wire_error(REPORT_TOPIC, bytes(payload))


@given(st.lists(st.integers(0, 100) | st.text(max_size=3), min_size=1, max_size=3))
def test_unknown_trailing_fields_are_left_to_the_future(extra: list[object]) -> None:
    event = decode(REPORT_TOPIC, msgpack.packb([*GOOD, 0, 0, *extra]))
    assert event == ReportEvent("room", "abc", Report(1_790_000_000, 7, Emotion.ANGER, 83, 0))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 2), (0, 0), (0, True), (0, "1"),
        (1, -1), (1, 2**32), (1, 1.0), (1, None),
        (2, -1), (2, 2**32), (2, float("nan")), (2, [1]),
        (3, 9), (3, -1), (3, True), (3, False), (3, "0"), (3, 2.0),
        (4, 101), (4, -1), (4, True), (4, float("nan")), (4, float("inf")), (4, 0.5),
        (5, 256), (5, -1), (5, {}),
    ],
)  # fmt: skip
def test_a_report_with_a_wrong_field_is_refused(at: int, value: object) -> None:
    frame: list[object] = list(GOOD)
    frame[at] = value
    with pytest.raises(WireError):
        decode(REPORT_TOPIC, msgpack.packb(frame))


@pytest.mark.parametrize("length", range(6))
def test_a_report_that_lacks_a_field_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        decode(REPORT_TOPIC, msgpack.packb(GOOD[:length]))


@pytest.mark.parametrize(
    ("topic", "limit", "frame"),
    [
        (REPORT_TOPIC, 64, [*GOOD, 1, 0]),
        (messages.NICKNAME.topic.of("room", "abc"), 256, [1, "a"]),
        (messages.TOTAL.topic.of("room"), 256, [1, 1, 1, 1, 0, [0] * 9, 2, 0, 0]),
        (messages.AGENT.topic.of("room", "a1"), 32, [1, 1, "b"]),
        (messages.PARTIAL.topic.of("room", "a1"), 3584, [1, 1, 1, 1, [[5, 9, *[1] * 9]], "b"]),
    ],
)
def test_a_payload_beyond_its_cap_is_refused(topic: str, limit: int, frame: list[object]) -> None:
    def padded(size: int) -> bytes:
        fillings = (msgpack.packb([*frame, bytes(size - less)]) for less in range(size))
        return next(packed for packed in fillings if len(packed) == size)

    assert isinstance(decode(topic, padded(limit)), EVENTS)
    with pytest.raises(WireError, match="bytes"):
        decode(topic, padded(limit + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"shards": 1}, {"tick_ms": 0}, {"heartbeat_s": 0}, {"heartbeat_s": 0.1},
        {"ttl_s": 10**9}, {"mesh_max": 10**9}, {"ttl_s": True}, {"ttl_s": float("nan")},
    ],
)  # fmt: skip
def test_settings_that_would_make_a_room_a_flood_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(WireError):
        decode(messages.ROOM_SETTINGS.topic.of("room"), msgpack.packb(change))


def test_settings_of_the_future_are_read_as_far_as_known() -> None:
    payload = msgpack.packb({"ttl_s": 45, "colour": "green"})
    assert decode(messages.ROOM_SETTINGS.topic.of("room"), payload) == RoomEvent(
        "room", RoomSettings(ttl_s=45)
    )


def test_a_total_must_add_up() -> None:
    with pytest.raises(WireError, match="add up"):
        decode(messages.TOTAL.topic.of("room"), msgpack.packb([1, 1, 1, 1, 5, [1] * 9]))


GOOD_SHARD = [5, 9, *[1] * 9]


@pytest.mark.parametrize(
    ("shards", "words"),
    [
        ([GOOD_SHARD, GOOD_SHARD], "twice"),
        ([[5, 8, *[1] * 9]], "add up"),
        ([[64, 9, *[1] * 9]], "ours"),
        ([[5, -9, *[-1] * 9]], "ours"),
        ([[5, 9_000_009, *[1_000_001] * 9]], "ours"),
        ([GOOD_SHARD[:-1]], "ours"),
        ([[*GOOD_SHARD, 0]], "ours"),
        ([[shard, 0, *[0] * 9] for shard in [*range(64), 0]], "ours"),
        ({"5": GOOD_SHARD}, "ours"),
    ],
)
def test_a_partial_that_cannot_be_is_refused(shards: object, words: str) -> None:
    with pytest.raises(WireError, match=words):
        decode(messages.PARTIAL.topic.of("room", "a1"), msgpack.packb([1, 1, 1, 1, shards]))


def test_a_nickname_is_harmless_once_decoded() -> None:
    payload = encode_nickname("\x1b[31mred\u202e[bold]x\n" + "y" * 100)
    event = decode(messages.NICKNAME.topic.of("room", "abc"), payload)
    assert event == NicknameEvent("room", "abc", "(31mred(bold)x yyyyyyyy…")


@pytest.mark.parametrize(
    "topic",
    [
        "", "/", "resonance", "resonance/1", "resonance/1/room", "resonance/2/room/room",
        "resonance/1/Room/room", "resonance/1//room", "resonance/1/room/room/x",
        "resonance/1/room/agent/A", "resonance/1/room/agent", "resonance/1/room/agg/a/b",
        "resonance/1/room/r/1", "resonance/1/room/r//abc",
        f"{REPORT_TOPIC}/", f"/{REPORT_TOPIC}", f"{REPORT_TOPIC}\n", f"{REPORT_TOPIC}\x00",
        "resonance/1/" + "a" * 65 + "/room", "$SYS/broker/uptime", "resonance/1/+/room",
        messages.REPORT.topic.of("room", "a" * 33), messages.REPORT.topic.of("room", "ABC"),
    ],
)  # fmt: skip
def test_a_topic_that_is_not_ours_is_refused(topic: str) -> None:
    with pytest.raises(WireError):
        decode(topic, msgpack.packb(GOOD))


@given(viewer_ids, st.integers(0, 10**6))
def test_a_viewer_votes_in_one_shard_only(viewer_id: str, shard: int) -> None:
    topic = f"resonance/1/room/r/{shard}/{viewer_id}"
    if shard == shard_of(viewer_id):
        assert isinstance(decode(topic, msgpack.packb(GOOD)), ReportEvent)
        topic = topic.replace("/r/", "/r/0")
    with pytest.raises(WireError, match="shard"):
        decode(topic, msgpack.packb(GOOD))


# --- names -------------------------------------------------------------------------------------


def test_viewer_ids_are_random_and_fit_the_protocol() -> None:
    ids = {new_viewer_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[a-z2-7]{13}", each) for each in ids)
    assert {shard_of(each) for each in ids} <= set(range(64))
    assert shard_of("alice") == 7  # fixed for ever: others compute it, too


@given(channels)
def test_a_channel_name_is_its_own_spelling(channel: str) -> None:
    assert normalize_channel(f"  {channel.upper()} ") == channel


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("My Room!", "my-room"), ("#movies", "movies"), ("café", "cafe"), ("a/b", "a-b"),
        ("room\x1b[31m", "room-31m"), ("x" * 70, "x" * 64),
    ],
)  # fmt: skip
def test_a_bad_channel_name_is_answered_with_one_to_type(typed: str, offered: str) -> None:
    with pytest.raises(InvalidChannel) as caught:
        normalize_channel(typed)
    assert caught.value.hint.endswith(f": {offered}")
    assert normalize_channel(offered) == offered
    assert "\x1b" not in caught.value.message


@given(st.text())
def test_any_text_is_a_channel_or_refused(text: str) -> None:
    try:
        assert re.fullmatch(r"[a-z0-9_-]{1,64}", normalize_channel(text))
    except InvalidChannel as error:
        assert error.exit_code == 2
        assert error.message.isprintable()
