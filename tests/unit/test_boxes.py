"""What waits to be read is bounded; what waits to be sent is the newest, under a new number."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.protocol.events import LeaveEvent, NicknameEvent, ReportEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import NICKNAME, REPORT, decode
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report

FIRST = Report(10, 1, Emotion.HAPPINESS, 80)


def sent(outbox: RetainedState) -> list[object]:
    return [decode(message.topic, message.payload) for message in outbox.take()]


def numbers(outbox: RetainedState) -> list[int]:
    return [event.report.seq for event in sent(outbox) if isinstance(event, ReportEvent)]


# --- inbox -------------------------------------------------------------------------------------


def test_the_newest_of_a_topic_is_what_one_reads() -> None:
    inbox = Inbox()
    topic = REPORT.topic.of("room", "a")
    for seq in range(100):
        inbox.put(topic, encode_report(Report(1, seq, Emotion.FEAR, 1)))
    assert len(inbox) == 1
    assert inbox.drain() == [ReportEvent("room", "a", Report(1, 99, Emotion.FEAR, 1))]
    assert inbox.drain() == []


def test_it_holds_so_many_topics_and_no_more() -> None:
    inbox = Inbox(max_topics=10)
    for number in range(1000):
        inbox.put(REPORT.topic.of("room", f"v{number}"), encode_report(FIRST))
    inbox.put(REPORT.topic.of("room", "v3"), b"")
    assert (len(inbox), inbox.dropped) == (10, 990)
    assert LeaveEvent("room", "v3") in inbox.drain()


def test_what_waited_to_be_read_is_as_much_older() -> None:
    topic, payload = REPORT.topic.of("room", "a"), encode_report(FIRST)
    for waited_s, left_s in ((0.0, 10.0), (4.5, 5.5), (60.0, 0.0)):
        inbox = Inbox()
        inbox.put(topic, payload, True, 10, now=100.0)
        [event] = inbox.drain(100.0 + waited_s)
        assert isinstance(event, ReportEvent) and event.left_s == left_s


def test_a_link_stamps_what_arrives_and_not_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    link, now = MqttLink(parse_broker_url("mqtt://nowhere.invalid"), "room", "me"), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    link._on_arrival(REPORT.topic.of("room", "a"), encode_report(FIRST), True, 10)
    now = 103.0
    [event] = link.drain()
    assert isinstance(event, ReportEvent) and event.left_s == 7.0


def test_what_is_too_big_to_be_ours_is_not_even_kept() -> None:
    inbox = Inbox()
    inbox.put(REPORT.topic.of("room", "a"), bytes(100_000))
    inbox.put("x" * 100_000, b"")
    assert (len(inbox), inbox.rejected) == (0, 2)


@given(st.lists(st.tuples(st.text(max_size=30), st.binary(max_size=80))))
def test_garbage_is_counted_and_nothing_else(messages: list[tuple[str, bytes]]) -> None:
    inbox = Inbox()
    for topic, payload in messages:
        inbox.put(f"garbage/{topic}", payload)
    assert inbox.drain() == []
    assert inbox.rejected == len(messages)


@given(st.lists(st.binary(min_size=1, max_size=600)))
def test_garbage_displaces_nothing_and_is_told_of(payloads: list[bytes]) -> None:
    told: list[str] = []
    inbox = Inbox()
    inbox.on_broken.add(told.append)
    topic = REPORT.topic.of("room", "ann")
    inbox.put(topic, encode_report(FIRST))
    for payload in payloads:
        inbox.put(topic, b"\xc1" + payload)  # a byte that MessagePack never uses
    assert inbox.drain() == [ReportEvent("room", "ann", FIRST)]
    assert told == [topic] * len(payloads)


# --- outbox ------------------------------------------------------------------------------------


def test_the_name_goes_ahead_and_only_with_a_report() -> None:
    outbox = RetainedState("room", "a")
    outbox.set_nickname("Alice")
    assert sent(outbox) == []
    outbox.set_report(FIRST)
    assert sent(outbox) == [NicknameEvent("room", "a", "Alice"), ReportEvent("room", "a", FIRST)]
    assert sent(outbox) == []


@given(st.lists(st.integers(0, 20) | st.none(), min_size=1))
def test_numbers_only_rise_whatever_repeats_in_between(moves: list[int | None]) -> None:
    outbox = RetainedState("room", "a")
    seen: list[int] = []
    for seq in moves:
        if seq is None:
            outbox.repeat()
        else:
            outbox.set_report(Report(10, seq, Emotion.FEAR, 1))
        seen += numbers(outbox)
    assert seen == sorted(set(seen))
    assert len(seen) >= sum(seq is not None for seq in moves)


def test_withdrawing_clears_what_was_shown_and_repeats_nothing() -> None:
    outbox = RetainedState("room", "a")
    outbox.withdraw()
    assert sent(outbox) == [], "nothing was ever shown"
    outbox.set_nickname("Alice")
    outbox.set_report(FIRST)
    outbox.take()
    outbox.withdraw()
    outbox.repeat()
    gone = [NicknameEvent("room", "a", ""), LeaveEvent("room", "a")]
    assert sent(outbox) == gone
    outbox.repeat_all()
    assert sent(outbox) == gone, "the broker may not have heard it the first time"


def test_under_a_new_id_everything_is_told_again_and_the_old_left_alone() -> None:
    outbox = RetainedState("room", "a")
    outbox.set_nickname("Alice")
    outbox.set_report(FIRST)
    outbox.take()
    outbox.move_to("b")
    topics = [message.topic for message in outbox.take()]
    assert topics == [NICKNAME.topic.of("room", "b"), REPORT.topic.of("room", "b")]
    assert [message.topic for message in outbox.closing_messages()] == topics


def test_what_is_shown_does_not_outlive_its_owner_for_long() -> None:
    outbox = RetainedState("room", "a")
    outbox.set_nickname("Alice")
    outbox.set_report(FIRST)
    nickname, report = outbox.take()
    assert (nickname.expiry_s, report.expiry_s) == (3600, 15)
    assert (nickname.qos, report.qos) == (1, 0)
    assert [(each.payload, each.qos) for each in outbox.closing_messages()] == [(b"", 1), (b"", 1)]


def test_an_event_says_whether_the_broker_kept_it_from_before() -> None:
    inbox = Inbox()
    topics = [REPORT.topic.of("room", name) for name in ("kept", "live", "both", "newer")]
    second = encode_report(replace(FIRST, seq=FIRST.seq + 1))
    inbox.put(topics[0], encode_report(FIRST), True)
    inbox.put(topics[1], encode_report(FIRST))
    inbox.put(topics[2], encode_report(FIRST))
    inbox.put(topics[2], encode_report(FIRST), True)  # after a subscription made again
    inbox.put(topics[3], encode_report(FIRST), True)
    inbox.put(topics[3], second)
    reports = [each for each in inbox.drain() if isinstance(each, ReportEvent)]
    told = {each.viewer_id: each.is_retained for each in reports}
    assert told == {"kept": True, "live": False, "both": False, "newer": False}
