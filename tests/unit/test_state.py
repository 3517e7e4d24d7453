"""The room: whatever the order, doubling and timing of messages, the counts are the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.values import MANUAL, SIMULATED, Report
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot, RoomState, ViewerRow

HAPPY = Report(boot=10, seq=5, code=Emotion.HAPPINESS, confidence=80)
ids = st.sampled_from([f"v{number}" for number in range(6)])
reports = st.builds(
    Report,
    boot=st.integers(0, 3),
    seq=st.integers(0, 5),
    code=st.sampled_from(Emotion),
    confidence=st.integers(0, 100),
    flags=st.integers(0, 3),
)


def unambiguous(messages: list[tuple[str, Report]]) -> list[tuple[str, Report]]:
    """One report for each (viewer, boot, seq): a viewer never numbers two things alike."""
    return list({(each, r.boot, r.seq): (each, r) for each, r in messages}.values())


histories = st.lists(st.tuples(ids, reports), max_size=30).map(unambiguous)


def adds_up(room: RoomSnapshot) -> bool:
    of_rows = Counter(row.code for row in room.rows)
    return (
        room.viewers == len(room.rows) == sum(room.counts) + room.unsure + room.away
        and [of_rows[code] for code in Emotion] == [*room.counts, room.away, room.unsure]
        and len({row.viewer_id for row in room.rows}) == room.viewers
    )


# --- reports -----------------------------------------------------------------------------------


def test_an_empty_room_is_empty() -> None:
    assert RoomState().tick(0) == EMPTY_ROOM


def test_a_report_becomes_a_row_and_a_count() -> None:
    state = RoomState()
    assert state.report("a", replace(HAPPY, flags=MANUAL | SIMULATED), 0)
    room = state.tick(0)
    assert room.rows == (ViewerRow("a", "", Emotion.HAPPINESS, 80, True, True, False),)
    assert room.counts == (1, 0, 0, 0, 0, 0, 0)
    assert (room.viewers, room.changed, room.gone) == (1, {"a"}, frozenset())


def test_unsure_and_away_are_present_and_no_emotion() -> None:
    state = RoomState()
    state.report("a", replace(HAPPY, code=Emotion.UNSURE), 0)
    state.report("b", replace(HAPPY, code=Emotion.AWAY), 0)
    room = state.tick(0)
    assert (room.viewers, sum(room.counts), room.unsure, room.away) == (2, 0, 1, 1)


@given(histories, st.randoms(), st.lists(st.integers(0, 29), max_size=20))
def test_order_and_doubling_of_reports_do_not_matter(
    messages: list[tuple[str, Report]], random: object, doubled: list[int]
) -> None:
    newest = {}
    for viewer_id, report in messages:
        if (known := newest.get(viewer_id)) is None or order(report) > order(known):
            newest[viewer_id] = report
    shuffled = messages + [messages[at] for at in doubled if at < len(messages)]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    state = RoomState()
    for viewer_id, report in shuffled:
        state.report(viewer_id, report, 0)
    room = state.tick(0)
    assert adds_up(room)
    assert {row.viewer_id: (row.code, row.confidence) for row in room.rows} == {
        viewer_id: (report.code, report.confidence) for viewer_id, report in newest.items()
    }


def order(report: Report) -> tuple[int, int]:
    return report.boot, report.seq


@pytest.mark.parametrize(("boot", "seq"), [(10, 5), (10, 4), (9, 99), (0, 0)])
def test_what_is_not_newer_changes_nothing(boot: int, seq: int) -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    before = state.tick(0)
    assert not state.report("a", Report(boot, seq, Emotion.FEAR, 1), 1)
    after = state.tick(1)
    assert (after.rows, after.counts, after.changed) == (before.rows, before.counts, frozenset())


def test_a_restarted_viewer_counts_again_from_the_start() -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    assert state.report("a", Report(11, 0, Emotion.FEAR, 1), 0)
    assert state.tick(0).counts[Emotion.FEAR] == 1


# --- leaving and silence -----------------------------------------------------------------------


@given(st.integers(0, 10), st.integers(0, 5))
def test_leaving_is_not_undone_by_what_was_said_before(boot: int, seq: int) -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    state.tick(0)
    state.leave("a", 1)
    assert not state.report("a", Report(boot, seq, Emotion.FEAR, 1), 2)
    room = state.tick(2)
    assert (room.viewers, room.gone) == (0, {"a"})


@pytest.mark.parametrize(("boot", "seq"), [(10, 6), (11, 0)])
def test_who_left_may_come_back_with_news(boot: int, seq: int) -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    state.leave("a", 1)
    state.leave("a", 1)
    assert state.report("a", Report(boot, seq, Emotion.FEAR, 1), 2)
    room = state.tick(2)
    assert (room.viewers, room.counts[Emotion.FEAR], room.gone) == (1, 1, frozenset())


def test_silence_is_shown_then_ends_in_leaving() -> None:
    state = RoomState(ttl=30, stale_after=15)
    state.report("a", HAPPY, 100)
    assert not state.tick(114.9).rows[0].is_stale
    room = state.tick(115)
    assert (room.rows[0].is_stale, room.changed) == (True, {"a"})
    assert state.tick(129.9).viewers == 1
    room = state.tick(130)
    assert (room.viewers, room.counts, room.gone) == (0, (0,) * 7, {"a"})


def test_a_ghost_does_not_come_back_from_the_broker_s_memory() -> None:
    """After a reconnection the broker tells again what it retained."""
    state = RoomState(ttl=30)
    state.report("a", HAPPY, 0)
    state.tick(31)
    assert not state.report("a", HAPPY, 40)
    assert state.report("a", replace(HAPPY, seq=6), 41)


def test_a_heartbeat_ends_staleness_and_a_repetition_does_not() -> None:
    state = RoomState(ttl=30, stale_after=15)
    state.report("a", HAPPY, 0)
    state.tick(20)
    state.report("a", HAPPY, 20)
    assert state.tick(21).rows[0].is_stale
    state.report("a", replace(HAPPY, seq=6), 22)
    assert not state.tick(22).rows[0].is_stale
    assert state.tick(40).viewers == 1


def test_the_memory_of_the_departed_ends() -> None:
    state = RoomState(ttl=30)
    state.report("a", HAPPY, 0)
    state.leave("a", 1)
    state.tick(601)
    assert state.report("a", HAPPY, 602)


# --- names -------------------------------------------------------------------------------------


def test_a_name_before_or_after_the_report_is_the_same() -> None:
    early, late = RoomState(), RoomState()
    early.name("a", "Alice", 0)
    assert early.tick(0) == EMPTY_ROOM
    early.report("a", HAPPY, 0)
    late.report("a", HAPPY, 0)
    late.name("a", "Alice", 0)
    assert early.tick(0) == late.tick(0)
    assert early.tick(0).rows[0].nickname == "Alice"


def test_a_name_taken_back_is_gone() -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    state.name("a", "Alice", 0)
    state.tick(0)
    state.name("a", "", 1)
    room = state.tick(1)
    assert (room.rows[0].nickname, room.changed) == ("", {"a"})


def test_a_name_outlives_an_absence() -> None:
    state = RoomState()
    state.name("a", "Alice", 0)
    state.report("a", HAPPY, 0)
    state.leave("a", 1)
    state.report("a", replace(HAPPY, seq=6), 2)
    assert state.tick(2).rows[0].nickname == "Alice"


def test_the_roster_has_the_named_first_in_order() -> None:
    state = RoomState()
    for viewer_id, nickname in (("z", ""), ("c", "bob"), ("b", "Alice"), ("a", ""), ("d", "Bob")):
        state.report(viewer_id, HAPPY, 0)
        state.name(viewer_id, nickname, 0)
    assert [row.viewer_id for row in state.tick(0).rows] == ["b", "c", "d", "a", "z"]
    state.name("z", "Aaron", 1)
    state.leave("b", 1)
    assert [row.viewer_id for row in state.tick(1).rows] == ["z", "c", "d", "a"]


# --- bounds ------------------------------------------------------------------------------------


def test_a_full_room_takes_nobody_until_somebody_leaves() -> None:
    state = RoomState(max_viewers=2)
    assert state.report("a", HAPPY, 0) and state.report("b", HAPPY, 0)
    assert not state.report("c", HAPPY, 0)
    assert state.report("a", replace(HAPPY, seq=6), 0), "who is in stays heard"
    state.leave("a", 0)
    assert state.report("c", HAPPY, 0)
    assert state.tick(0).viewers == 2


def test_a_crowd_that_comes_and_goes_leaves_bounded_traces() -> None:
    state = RoomState(max_viewers=50)
    for number in range(2000):
        state.name(f"v{number}", "x", 0)
        state.report(f"v{number}", HAPPY, 0)
        state.name(f"w{number}", "never seen", 0)
        if number % 3:
            state.leave(f"v{number}", 0)
    state.tick(0)
    held = (state._present, state._departed, state._nicknames, state._rows, state._touched)
    assert all(len(each) <= 50 for each in held)


def test_a_quiet_room_costs_nothing_new() -> None:
    state = RoomState()
    state.report("a", HAPPY, 0)
    state.tick(0)
    assert state.tick(1).rows is state.tick(2).rows
    assert state.tick(3).changed == frozenset()


# --- everything at once ------------------------------------------------------------------------


class AnyRoom(RuleBasedStateMachine):
    """Random life in a small room, checked against a model that is slow and obvious."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RoomState(ttl=30, stale_after=15, max_viewers=4)
        self.now = 0.0
        self.shown = EMPTY_ROOM
        self.newest: dict[str, tuple[int, int]] = {}  # of those present
        self.left: dict[str, tuple[int, int]] = {}

    @rule(viewer_id=ids, report=reports)
    def report(self, viewer_id: str, report: Report) -> None:
        before = self.newest.get(viewer_id, self.left.get(viewer_id, (-1, -1)))
        has_room = viewer_id in self.newest or len(self.newest) < 4
        taken = self.state.report(viewer_id, report, self.now)
        assert taken == (has_room and order(report) > before)
        if taken:
            self.newest[viewer_id] = order(report)
            self.left.pop(viewer_id, None)

    @rule(viewer_id=ids, nickname=st.sampled_from(["", "Alice", "bob"]))
    def name(self, viewer_id: str, nickname: str) -> None:
        self.state.name(viewer_id, nickname, self.now)

    @rule(viewer_id=ids)
    def leave(self, viewer_id: str) -> None:
        self.state.leave(viewer_id, self.now)
        if viewer_id in self.newest:
            self.left[viewer_id] = self.newest.pop(viewer_id)
            while len(self.left) > 4:
                del self.left[next(iter(self.left))]

    @rule(seconds=st.floats(0, 14))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        before, self.shown = self.shown, self.state.tick(self.now)
        old = {row.viewer_id: row for row in before.rows}
        new = {row.viewer_id: row for row in self.shown.rows}
        assert self.shown.changed == {each for each in new if new[each] != old.get(each)}
        assert self.shown.gone == old.keys() - new.keys()
        for viewer_id in [each for each in self.newest if each not in new]:
            self.left[viewer_id] = self.newest.pop(viewer_id)  # fell silent
        assert new.keys() == self.newest.keys()
        if self.left:  # which of the silent goes out of mind first is the room's business
            self.left = {each: departed.order for each, departed in self.state._departed.items()}

    @invariant()
    def what_is_shown_adds_up(self) -> None:
        assert adds_up(self.shown)


TestAnyRoom = AnyRoom.TestCase
