"""The guard: honest peers are always heard, floods are not, babblers not for a while."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.messaging.rate_limit import FORGIVE_S, RateLimiter
from resonance_tui.protocol.messages import NICKNAME, REPORT, ROOM_SETTINGS, TABLE, TOTAL
from resonance_tui.protocol.table import Rate

ANN, BEN = REPORT.topic.of("room", "ann"), REPORT.topic.of("room", "ben")
moments = st.lists(st.floats(0, 1000, allow_nan=False), max_size=200).map(sorted)


def muted(guard: RateLimiter, topic: str, now: float) -> None:
    while not guard.record_violation(topic, now):
        guard.allow(topic, now)


@pytest.mark.parametrize(
    ("topic", "source"),
    [
        (ANN, "ann"),
        (NICKNAME.topic.of("room", "ann"), "ann"),
        ("resonance/1/room/r/wrong/ann", "ann"),
        (REPORT.topic.of("agg", "ann"), "ann"),
        (REPORT.topic.of("room", "total"), "total"),
        ("resonance/1/room/agg/a1", "agent a1"),
        ("resonance/1/room/agent/a1", "agent a1"),
        (TOTAL.topic.of("room"), None),
        (ROOM_SETTINGS.topic.of("room"), None),
        (ROOM_SETTINGS.topic.of("agg"), None),
        ("", None),
        ("$SYS/broker/uptime", None),
    ],
)
def test_a_topic_names_its_one_writer(topic: str, source: str | None) -> None:
    found = TABLE.publisher_of(topic)
    assert (found and found[0]) == source


@given(st.text(max_size=200), st.floats(0, 10**9))
def test_any_topic_can_be_asked_for(topic: str, now: float) -> None:
    guard = RateLimiter()
    assert guard.allow(topic, now)
    assert not guard.record_violation(topic, now)
    assert len(guard) <= 1


@given(moments)
def test_no_source_gets_in_more_than_its_rate(times: list[float]) -> None:
    guard = RateLimiter(rate=Rate(2, 5))
    admitted = [now for now in times if guard.allow(ANN, now)]
    for start, first in enumerate(admitted):
        for count, last in enumerate(admitted[start:], 1):
            assert count <= 5 + 2 * (last - first) + 1e-6
    assert guard.refused == len(times) - len(admitted)


@given(moments)
def test_who_keeps_to_the_rate_is_always_heard(times: list[float]) -> None:
    guard = RateLimiter(rate=Rate(1, 3))
    kept = times[:1]
    for now in times[1:]:
        if now - kept[-1] >= 1:
            kept.append(now)
    assert all(later - earlier >= 1 for earlier, later in pairwise(kept))
    assert all(guard.allow(ANN, now) for now in kept)


@given(moments, moments)
def test_a_flood_of_one_takes_nothing_from_another(flood: list[float], honest: list[float]) -> None:
    alone, beside = RateLimiter(rate=Rate(1, 2)), RateLimiter(rate=Rate(1, 2))
    expected = [alone.allow(BEN, now) for now in honest]
    arrivals = sorted([(now, ANN) for now in flood] + [(now, BEN) for now in honest])
    heard = [(topic, beside.allow(topic, now)) for now, topic in arrivals]
    assert [admitted for topic, admitted in heard if topic == BEN] == expected


def test_a_viewer_has_one_bucket_for_all_its_topics() -> None:
    guard = RateLimiter(rate=Rate(1, 4))
    topics = [f"resonance/1/room/{kind}/{shard}/ann" for kind in "rn" for shard in range(20)]
    assert sum(guard.allow(topic, 0.0) for topic in topics) == 4


def test_whoever_sends_broken_messages_is_muted_for_a_while_and_then_heard_again() -> None:
    guard = RateLimiter(strikes=3, mute_s=60)
    for now in (1.0, 2.0):
        assert guard.allow(ANN, now) and not guard.record_violation(ANN, now)
    assert guard.allow(ANN, 3.0)
    assert guard.record_violation(ANN, 3.0)
    assert not guard.allow(ANN, 3.0) and not guard.allow(NICKNAME.topic.of("room", "ann"), 62.9)
    assert guard.allow(BEN, 3.0)
    assert guard.allow(ANN, 63.0)
    assert guard.mutes == 1 and guard.refused == 2


def test_while_one_is_muted_more_garbage_changes_nothing() -> None:
    guard = RateLimiter(strikes=2, mute_s=10)
    muted(guard, ANN, 0.0)
    assert not any(guard.record_violation(ANN, 5.0) for _ in range(100))
    assert guard.allow(ANN, 10.0) and guard.mutes == 1


def test_a_broken_message_now_and_then_is_forgiven() -> None:
    guard = RateLimiter(strikes=2)
    for times in range(50):
        now = times * (FORGIVE_S + 1)
        assert guard.allow(ANN, now) and not guard.record_violation(ANN, now)


def test_nobody_gets_the_room_or_its_total_muted_for_all() -> None:
    guard = RateLimiter(strikes=1, rate=Rate(0, 1))
    for topic in (
        ROOM_SETTINGS.topic.of("room"),
        TOTAL.topic.of("room"),
        "resonance/1/room/z/+/+",
    ):
        for _ in range(100):
            assert guard.allow(topic, 0.0) and not guard.record_violation(topic, 0.0)
    assert not guard.mutes


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=300))
def test_memory_is_bounded_whoever_speaks(acts: list[tuple[int, bool]]) -> None:
    guard = RateLimiter(max_sources=8, strikes=2)
    for now, (number, is_broken) in enumerate(acts):
        topic = REPORT.topic.of("room", f"v{number}")
        guard.allow(topic, float(now))
        if is_broken:
            guard.record_violation(topic, float(now))
        assert len(guard) <= 8


def test_the_least_lately_heard_is_forgotten_first() -> None:
    guard = RateLimiter(max_sources=2, rate=Rate(0, 1))
    assert guard.allow(ANN, 0.0) and guard.allow(BEN, 1.0)
    assert not guard.allow(ANN, 2.0)
    assert guard.allow(REPORT.topic.of("room", "zoe"), 3.0)
    assert not guard.allow(ANN, 4.0), "still remembered"
    assert guard.allow(BEN, 5.0), "forgotten, so new again"


def test_the_notice_changes_with_the_order_of_magnitude_only() -> None:
    guard = RateLimiter(strikes=1)
    notices = [guard.notice]
    for number in range(120):
        muted(guard, REPORT.topic.of("room", f"v{number}"), 0.0)
        if guard.notice != notices[-1]:
            notices.append(guard.notice)
    assert [each.split()[0] for each in notices[1:]] == ["somebody", "some", "10", "100"]
    assert notices[0] == "" and all("muted" in each for each in notices[1:])


def test_a_clock_that_stands_still_gives_no_tokens() -> None:
    guard = RateLimiter(rate=Rate(1, 2))
    assert [guard.allow(ANN, now) for now in (5.0, 5.0, 5.0, 4.0)] == [True, True, False, False]
