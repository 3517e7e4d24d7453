"""Who is swept: those whom nobody heard for the whole patience, and nobody who is alive."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.protocol.events import (
    Event,
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    SweepEvent,
    TotalEvent,
    TotalOverEvent,
    Unrenewed,
)
from resonance_tui.protocol.frames import SWEEP_MOST, encode_report, encode_sweep
from resonance_tui.protocol.messages import NICKNAME, REPORT, SWEEP, TOTAL, decode
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.room import sweeping
from resonance_tui.room.state import RoomState
from resonance_tui.room.sweeping import COVERS_S, JITTER_S, Sweeper, Sweeps, sweeps_after_s
from resonance_tui.room.tally import Tally

ROOM = "room"
PATIENCE_S = sweeps_after_s(RoomSettings())


def report(viewer_id: str, seq: int = 1, *, is_retained: bool = False) -> ReportEvent:
    return ReportEvent(ROOM, viewer_id, Report(1, seq, Emotion.FEAR, 50), is_retained)


class Sweeping:
    """A sweeper that is asked twice a second, and hears what it sends if it has the right to."""

    def __init__(self, *, may_clear: bool = True, agent_id: str = "agg-1") -> None:
        self.sweeper = Sweeper(ROOM, agent_id, random.Random(1))
        self.may_clear = may_clear
        self.now = 0.0
        self.sent: list[tuple[float, Outgoing]] = []

    def until(self, then: float, *events: Event) -> list[str]:
        """The topics sent meanwhile; `events` come at its begin."""
        for event in events:
            self.sweeper.take(event, self.now)
        before = len(self.sent)
        while self.now < then:
            for message in self.sweeper.step(self.now):
                self.sent.append((self.now, message))
                if self.may_clear or message.payload:
                    self.sweeper.take(decode(message.topic, message.payload), self.now)
            self.now += 0.5
        return [message.topic for _, message in self.sent[before:]]


CLEARED = [NICKNAME.topic.of(ROOM, "ghost"), REPORT.topic.of(ROOM, "ghost")]
SWEPT = SWEEP.topic.of(ROOM, "agg-1")


def test_who_is_only_remembered_by_the_broker_is_swept_and_cleared_after_the_patience() -> None:
    room = Sweeping()
    assert room.until(PATIENCE_S, report("ghost", 7, is_retained=True)) == []
    assert room.until(PATIENCE_S + JITTER_S + 5) == [SWEPT, *CLEARED]
    sweep = decode(SWEPT, room.sent[0][1].payload)
    assert sweep == SweepEvent(ROOM, "agg-1", (Unrenewed("ghost", 1, 7),))
    assert room.sent[1][0] - room.sent[0][0] < COVERS_S, "covered by the sweep"
    assert [message.qos for _, message in room.sent] == [1, 1, 1]
    assert room.until(10 * PATIENCE_S) == [], "nothing is left"


def test_who_reports_is_never_swept() -> None:
    room = Sweeping()
    room.sweeper.take(report("ann", is_retained=True), 0.0)
    for seq in range(2, 20):
        assert room.until(room.now + 10, report("ann", seq)) == []


def test_who_falls_silent_without_a_word_is_swept() -> None:
    assert Sweeping().until(50, report("ghost")) == [SWEPT, *CLEARED]


def test_who_answers_the_sweep_is_not_cleared() -> None:
    room = Sweeping()
    room.until(0.5, report("slow", is_retained=True))
    while not room.sent:
        room.until(room.now + 0.5)
    assert room.until(room.now + PATIENCE_S, report("slow", 2)) == []


def test_what_somebody_else_sweeps_is_left_to_them() -> None:
    room = Sweeping()
    room.until(PATIENCE_S, report("ghost", is_retained=True))
    other = SweepEvent(ROOM, "agg-2", (Unrenewed("ghost", 1, 1),))
    assert room.until(room.now + 2, other) == []
    assert room.until(room.now + 99, LeaveEvent(ROOM, "ghost")) == []


def test_what_somebody_else_swept_and_did_not_clear_is_swept_later() -> None:
    room = Sweeping()
    room.until(PATIENCE_S, report("ghost", is_retained=True))
    other = SweepEvent(ROOM, "agg-2", (Unrenewed("ghost", 1, 1),))
    assert room.until(room.now + 2 * PATIENCE_S, other) == [SWEPT, *CLEARED]


def test_a_nickname_without_a_viewer_is_cleared() -> None:
    room = Sweeping()
    room.sweeper.take(NicknameEvent(ROOM, "ann", "Ann"), 0.0)
    room.sweeper.take(NicknameEvent(ROOM, "ann", ""), 0.0)
    ghost = NicknameEvent(ROOM, "ghost", "Zoë")
    sent = room.until(40, ghost)
    assert sent == [SWEPT, CLEARED[0]]


def test_without_the_right_to_clear_it_gives_up() -> None:
    room = Sweeping(may_clear=False)
    for name in ("a", "b", "c", "d", "e"):
        room.until(room.now + 2 * PATIENCE_S, report(name, is_retained=True))
    assert room.sweeper.has_given_up
    assert len(room.sent) == 3 * 3, "three in turn were tried"


def test_a_broker_that_hangs_up_on_a_clearing_is_not_asked_again() -> None:
    room = Sweeping()
    for number in range(2):
        room.until(room.now + 0.5, report("ghost", is_retained=True))
        while len(room.sent) == number:
            room.until(room.now + 0.5)
        room.sweeper.lost()
    assert room.until(9 * PATIENCE_S, report("ghost", is_retained=True)) == []


def test_a_lost_connection_begins_the_patience_anew() -> None:
    room = Sweeping()
    room.until(PATIENCE_S - 1, report("ghost", is_retained=True))
    room.sweeper.lost()
    assert not room.sweeper.has_given_up
    assert room.until(2 * PATIENCE_S - 2, report("ghost", is_retained=True)) == []
    assert room.until(3 * PATIENCE_S) == [SWEPT, *CLEARED]


def test_who_was_stopped_itself_accuses_nobody_of_silence() -> None:
    room = Sweeping()
    room.until(2, report("ann"))
    room.now += 60  # SIGSTOP, or a machine asleep
    assert room.until(room.now + PATIENCE_S - 1) == []


def test_the_patience_is_the_rooms() -> None:
    room = Sweeping()
    quick = RoomEvent(ROOM, RoomSettings(heartbeat_s=2, ttl_s=5))
    room.sweeper.take(quick, 0.0)
    assert room.until(5 + JITTER_S + 3, report("ghost")) == [SWEPT, *CLEARED]


def test_many_are_swept_a_few_at_a_time() -> None:
    room = Sweeping()
    ghosts = [report(f"g{number}", is_retained=True) for number in range(3 * SWEEP_MOST)]
    room.until(PATIENCE_S + JITTER_S + 20, *ghosts)
    sweeps = [at for at, message in room.sent if message.topic == SWEPT]
    assert len(sweeps) == 3
    assert all(later - sooner >= 1.0 for sooner, later in pairwise(sweeps))
    assert len(room.sent) == 3 + 2 * len(ghosts)


def test_shards_that_others_count_are_left_to_them() -> None:
    room = Sweeping()
    room.until(1, report("ghost"), report("ann"))
    room.sweeper.watch(frozenset({shard_of("ghost")}))
    assert shard_of("ann") != shard_of("ghost")
    assert room.until(3 * PATIENCE_S) == [SWEPT, *CLEARED]


def test_a_total_that_nobody_renews_is_cleared_once() -> None:
    room = Sweeping()
    total = TotalEvent(ROOM, 9, (1,) * 9)
    for _ in range(20):
        assert room.until(room.now + 2.5, total) == []
    assert room.until(room.now + 2 * PATIENCE_S) == [TOTAL.topic.of(ROOM)]
    assert room.until(room.now + PATIENCE_S, total, TotalOverEvent(ROOM)) == []


# --- at the other end --------------------------------------------------------------------------


def test_a_sweep_covers_clearings_for_a_moment_and_of_whom_it_names() -> None:
    sweeps = Sweeps()
    sweeps.note(SweepEvent(ROOM, "a", (Unrenewed("ann", 1, 1),)), 10.0)
    assert sweeps.covers(LeaveEvent(ROOM, "ann"), 14.9)
    assert not sweeps.covers(LeaveEvent(ROOM, "bob"), 10.0)
    assert not sweeps.covers(LeaveEvent("other", "ann"), 10.0)
    assert not sweeps.covers(LeaveEvent(ROOM, "ann"), 15.0)


TOPIC = REPORT.topic.of(ROOM, "ann")
SWEEPING = (SWEPT, encode_sweep([Unrenewed("ann", 1, 1)]), False)
CLEARING = (TOPIC, b"", False)
messages = st.sampled_from(["sweep and clear", "live", "again", "read"])


@given(st.lists(messages, max_size=25))
def test_who_is_alive_never_leaves_by_a_sweep(told: list[str]) -> None:
    """Whatever comes between a viewer's reports, and however late the inbox is read."""
    inbox, room, tally = Inbox(), RoomState(), Tally()
    tally.watch(frozenset(range(64)))
    seq, now = 1, 0.0
    inbox.put(TOPIC, encode_report(Report(1, seq, Emotion.FEAR, 50)))
    for what in [*told, "read"]:
        match what:
            case "sweep and clear":
                inbox.put(*SWEEPING)
                inbox.put(*CLEARING)
            case "live":
                seq += 1
                inbox.put(TOPIC, encode_report(Report(1, seq, Emotion.FEAR, 50)))
            case "again":  # a subscription made again brings what is retained
                inbox.put(TOPIC, encode_report(Report(1, seq, Emotion.FEAR, 50)), True)
            case _:
                for event in inbox.drain():
                    if isinstance(event, ReportEvent):
                        room.report(event.viewer_id, event.report, now)
                        tally.report(event.viewer_id, event.report, now)
                    elif isinstance(event, LeaveEvent):
                        room.leave(event.viewer_id, now, is_swept=event.is_swept)
                        tally.leave(event.viewer_id, now, is_swept=event.is_swept)
                assert room.tick(now).viewers == tally.viewers == 1
        now += 0.1


def test_a_viewers_own_leaving_counts_though_others_are_swept() -> None:
    inbox, room = Inbox(), RoomState()
    room.report("bob", Report(1, 1, Emotion.FEAR, 50), 0.0)
    inbox.put(*SWEEPING)
    inbox.put(REPORT.topic.of(ROOM, "bob"), b"")
    (leave,) = [event for event in inbox.drain() if isinstance(event, LeaveEvent)]
    room.leave(leave.viewer_id, 0.0, is_swept=leave.is_swept)
    assert room.tick(0.0).viewers == 0


@pytest.mark.parametrize("size", [0, SWEEP_MOST])
def test_a_sweep_fits_its_message(size: int) -> None:
    unrenewed = tuple(Unrenewed("v" * 30 + f"{n:02}", 2**32 - 1, 2**32 - 1) for n in range(size))
    assert decode(SWEPT, encode_sweep(unrenewed)) == SweepEvent(ROOM, "agg-1", unrenewed)


def test_a_viewer_whose_clearing_goes_unheard_does_not_end_the_sweeping() -> None:
    room = Sweeping()
    room.until(PATIENCE_S + JITTER_S + 5, report("first", is_retained=True))
    room.may_clear = False  # somebody had these muted here
    for name in ("a", "b", "c", "d"):
        room.until(room.now + PATIENCE_S + JITTER_S + 10, report(name, is_retained=True))
    room.may_clear = True
    sent = room.until(room.now + PATIENCE_S + JITTER_S + 5, report("ghost", is_retained=True))
    assert sent == [SWEPT, *CLEARED]


def test_sweeps_that_name_everybody_there_could_be_cost_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "MOST_FOLLOWED", 100)
    sweeps = Sweeps()
    for number in range(50):
        named = tuple(Unrenewed(f"v{number}-{each}", 1, 1) for each in range(SWEEP_MOST))
        sweeps.note(SweepEvent(ROOM, "agg", named), 0.0)
    assert len(sweeps._named) == 100
    assert sweeps.covers(LeaveEvent(ROOM, "v49-0"), 1.0)
