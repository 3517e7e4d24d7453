"""What a room's rules do to counts and rows, in a room and in a shard."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.rules import RoomRules
from resonance_tui.protocol.values import FILM, SHARDS, Report
from resonance_tui.room.conduct import FREE, Conduct, conduct_of
from resonance_tui.room.namesakes import MARK, ending_of, looks, told_apart
from resonance_tui.room.state import RoomState
from resonance_tui.room.tally import Tally
from resonance_tui.widths import cells

HAPPY, ANGRY = Emotion.HAPPINESS, Emotion.ANGER
PEOPLE = ("ann", "bob", "mia", "zoe")


def report(seq: int, code: Emotion = HAPPY, flags: int = 0) -> Report:
    return Report(1, seq, code, 80, flags)


def room_of(*names: str) -> RoomState:
    state = RoomState()
    for name in names:
        state.name(name, name.title(), 0)
        state.report(name, report(1), 0)
    return state


def names(state: RoomState, now: float = 0.0) -> dict[str, str]:
    return {row.viewer_id: row.nickname for row in state.tick(now).rows}


# --- who is counted ----------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [RoomRules(muted=("bob",)), RoomRules(removed=("bob",))])
def test_who_is_muted_or_removed_is_neither_counted_nor_shown(rules: RoomRules) -> None:
    state = room_of(*PEOPLE)
    state.tick(0)
    state.obey(conduct_of(rules))
    room = state.tick(1)
    assert (room.viewers, room.counts[HAPPY], room.gone) == (3, 3, {"bob"})
    assert [row.viewer_id for row in room.rows] == ["ann", "mia", "zoe"]
    state.report("bob", report(2, ANGRY), 1)
    room = state.tick(1)
    assert (room.viewers, room.counts[ANGRY], room.changed) == (3, 0, frozenset())
    state.obey(FREE)
    room = state.tick(1)
    assert (room.viewers, room.counts[ANGRY], room.changed) == (4, 1, {"bob"})


def test_a_locked_room_counts_those_who_were_admitted_and_its_hosts() -> None:
    state = room_of(*PEOPLE)
    state.obey(conduct_of(RoomRules(is_locked=True, admitted=("ann", "bob"), host_ids=("mia",))))
    assert set(names(state)) == {"ann", "bob", "mia"}
    state.report("new", report(1), 0)
    assert state.tick(0).viewers == 3


def test_a_room_that_was_too_large_to_list_counts_everybody_when_it_is_locked() -> None:
    assert conduct_of(RoomRules(is_locked=True)).counts("anybody")


def test_somebody_can_be_muted_by_one_viewer_alone() -> None:
    state = room_of(*PEOPLE)
    state.obey(conduct_of(None, muted_here=frozenset({"zoe"})))
    assert set(names(state)) == {"ann", "bob", "mia"}


ids = st.sampled_from([f"v{n}" for n in range(6)])
some = st.sets(ids, max_size=3).map(tuple)
conducts = st.builds(
    RoomRules, muted=some, removed=some, admitted=some, is_locked=st.booleans(), hidden_names=some
).map(conduct_of)
steps = st.lists(
    st.one_of(
        st.tuples(ids, st.sampled_from(Emotion)),
        st.tuples(ids, st.sampled_from(("", "Ann", "ANN", "Bob"))),
        ids,
        conducts,
    ),
    max_size=30,
)


@given(steps)
def test_counts_and_rows_are_of_those_who_count_whatever_happens(history: list[object]) -> None:
    """Room and shards alike, and as if the last rules had always held."""
    states, tally = (RoomState(), RoomState()), Tally()
    tally.watch(frozenset(range(SHARDS)))
    conduct = next((each for each in reversed(history) if isinstance(each, Conduct)), FREE)
    states[1].obey(conduct)
    for seq, step in enumerate(history):
        now = float(seq) / 10
        if isinstance(step, Conduct):
            states[0].obey(step)
            tally.obey(step)
        for state in states:
            match step:
                case (str() as who, Emotion() as code):
                    state.report(who, report(seq, code), now)
                    tally.report(who, report(seq, code), now)
                case (str() as who, str() as nickname):
                    state.name(who, nickname, now)
                case str() as who:
                    state.leave(who, now)
                    tally.leave(who, now)
                case _:
                    pass
        states[0].tick(now)
    room, other = (state.tick(9.0) for state in states)
    assert (room.rows, room.viewers) == (other.rows, other.viewers)
    assert room.viewers == len(room.rows) == tally.viewers
    assert all(conduct.counts(row.viewer_id) for row in room.rows)
    of_rows = Counter(row.code for row in room.rows)
    summed = map(sum, zip(*(tally.counts(shard) for shard in range(SHARDS)), strict=True))
    assert list(summed) == [of_rows[code] for code in Emotion]


# --- slow mode ---------------------------------------------------------------------------------


def test_in_slow_mode_a_change_that_comes_too_soon_waits_for_the_next_heartbeat() -> None:
    state, tally = RoomState(), Tally()
    tally.watch(frozenset(range(SHARDS)))
    for room in (state, tally):
        room.obey(Conduct(slow_s=10))
        room.report("ann", report(1), 0)
        room.report("ann", report(2, ANGRY), 5)
    assert state.tick(5).counts[HAPPY] == tally.viewers == 1
    assert state.tick(5).counts[ANGRY] == 0
    for room in (state, tally):
        room.report("ann", report(3, ANGRY), 8.1)
    assert state.tick(8.1).counts[ANGRY] == 1
    assert sum(tally.counts(shard)[ANGRY] for shard in range(SHARDS)) == 1


def test_in_slow_mode_a_heartbeat_keeps_a_viewer_in() -> None:
    state = RoomState(ttl=30)
    state.obey(Conduct(slow_s=600))
    for seq in range(10):
        state.report("ann", report(seq, Emotion(seq % 2)), 20.0 * seq)
    assert state.tick(200).viewers == 1


# --- names and marks ---------------------------------------------------------------------------


def test_nicknames_can_be_hidden_switched_off_and_hidden_by_one_viewer_alone() -> None:
    state = room_of("ann", "bob")
    state.obey(conduct_of(RoomRules(hidden_names=("ann",))))
    assert names(state) == {"ann": "", "bob": "Bob"}
    for conduct in (
        conduct_of(RoomRules(nicknames_off=True)),
        conduct_of(None, hides_names=True),
        conduct_of(RoomRules(), hides_names=True),
    ):
        state.obey(conduct)
        assert names(state) == {"ann": "", "bob": ""}
        state.obey(FREE)
        assert names(state) == {"ann": "Ann", "bob": "Bob"}


def test_a_host_has_a_badge_and_a_film_a_mark() -> None:
    state = RoomState()
    state.report("ann", report(1), 0)
    state.report("bob", report(1, flags=FILM), 0)
    state.obey(conduct_of(RoomRules(host_ids=("ann",))))
    marks = [(row.viewer_id, row.is_host, row.is_film) for row in state.tick(0).rows]
    assert marks == [("ann", True, False), ("bob", False, True)]


def test_the_same_nickname_twice_gets_an_ending_for_both_and_loses_it_again() -> None:
    state = RoomState()
    state.name("a", "Ann", 0)
    state.report("a", report(1), 0)
    assert names(state) == {"a": "Ann"}
    state.name("b", "ANN", 0)
    state.report("b", report(1), 0)
    room = state.tick(0)
    assert room.changed == {"a", "b"}
    assert names(state) == {"a": f"Ann{MARK}{ending_of('a')}", "b": f"ANN{MARK}{ending_of('b')}"}
    state.name("c", "Ann", 0)
    state.report("c", report(1), 0)
    assert names(state)["c"] == f"Ann{MARK}{ending_of('c')}"
    state.leave("c", 0)
    state.name("b", "Bea", 0)
    assert names(state) == {"a": "Ann", "b": "Bea"}


def test_who_is_not_shown_is_nobodys_namesake() -> None:
    state = RoomState()
    for each in "ab":
        state.name(each, "Ann", 0)
        state.report(each, report(1), 0)
    state.obey(conduct_of(RoomRules(muted=("b",))))
    assert names(state) == {"a": "Ann"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann", "ann"), ("Ann", "Ａｎｎ"), ("Anna", "Аnnа"), ("Lisa", "1isa"), ("Ian", "lan"),
        ("Zoë", "Zoe\u0308"), ("Ann", "Ann."), ("Ann", "A n n"), ("straße", "STRASSE"),
        ("Ann", f"Ann{MARK}abcd"), ("Bob", "B0b"),
    ],
)  # fmt: skip
def test_names_that_look_the_same_are_the_same(one: str, other: str) -> None:
    assert looks(one) == looks(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Ann", "Anne"), ("漢", "字"), ("😀", "😃"), ("Zoë", "Zoe")]
)
def test_names_that_look_different_are_different(one: str, other: str) -> None:
    assert looks(one) != looks(other)


@given(st.text(min_size=1, max_size=24))
def test_an_ending_makes_no_name_wider_than_a_name_may_be(nickname: str) -> None:
    shown = told_apart("somebody", nickname)
    assert shown.endswith(ending_of("somebody"))
    assert len(shown) <= 24 and (not nickname.isascii() or cells(shown) <= 24)
