"""Small rooms: no single viewer's state is read from the tables that a room shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Answers, Aside
from resonance_tui.protocol.events import ReportEvent, TotalEvent
from resonance_tui.protocol.values import NO_COUNTS, PRIVATE, Counts, Report
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.small_rooms import (
    LEFT_OUT,
    MOVED_LEAST,
    STEP,
    SmallRoom,
    Table,
    in_steps,
    moved,
)
from resonance_tui.session.room_model import RoomModel

LEAST = 5
STATES = 3  # of nine, where all ways to feel are gone through
rooms = st.lists(st.integers(0, 12), min_size=9, max_size=9).map(tuple)


def spread(viewers: int, states: int = STATES) -> Iterator[Counts]:
    """All ways in which so many viewers can feel."""
    if states == 1:
        yield (viewers,)
        return
    for count in range(viewers + 1):
        yield from ((count, *others) for others in spread(viewers - count, states - 1))


def others(counts: Counts, own: int | None) -> set[int]:
    """The states that somebody else is in; `own`: of who looks, None for who is not in the room."""
    rest = list(counts)
    if own is not None:
        rest[own] -= 1
    return {state for state, count in enumerate(rest) if count}


def lookers(counts: Counts) -> list[int | None]:
    return [None, *others(counts, None)]


@pytest.mark.parametrize("viewers", range(LEAST, 13))
def test_one_table_leaves_everybody_else_in_doubt_even_for_who_is_in_it(viewers: int) -> None:
    """Whoever knows the rule, who is there and how they feel themselves."""
    possible: dict[object, set[int]] = defaultdict(set)
    for counts in spread(viewers):
        for own in lookers(counts):
            possible[own, in_steps(counts)] |= others(counts, own)
    assert min(map(len, possible.values())) >= 2


@st.composite
def courses(draw: st.DrawFn) -> tuple[Counts, Counts, int | None]:
    """Two rooms, the second so much after the first that it has a table of its own, and how who
    looks felt in the first; most of them of one mood, which tells most."""
    one = list(draw(rooms))
    if draw(st.booleans()):
        one = [0] * 9
    one[draw(st.integers(0, 8))] += draw(st.integers(0, 12))
    two = list(one)
    for gone, come in draw(st.lists(st.tuples(st.integers(-1, 8), st.integers(-1, 8)), min_size=3)):
        if gone >= 0:
            two[gone] = max(0, two[gone] - 1)
        if come >= 0:
            two[come] += 1
    assume(min(sum(one), sum(two)) >= LEAST and moved(one, two) >= MOVED_LEAST)
    return tuple(one), tuple(two), draw(st.sampled_from(lookers(tuple(one))))


@given(courses(), st.booleans())
def test_two_tables_that_follow_each_other_leave_everybody_else_in_doubt(
    course: tuple[Counts, Counts, int | None], is_back: bool
) -> None:
    """Who came and who left is known; how anybody else felt is not. Two who feel differently could
    be each other; where all others feel alike, one of them could feel something else."""
    one, two, own = course
    if is_back:  # of the newer table
        one, two, own = two, one, None
    possible = others(one, own)
    for state, other in product(others(one, own), range(9)):
        changed = list(one)
        changed[state] -= 1
        changed[other] += 1
        is_told_apart = in_steps(changed) != in_steps(one) or moved(changed, two) < MOVED_LEAST
        if not is_told_apart:
            possible |= others(tuple(changed), own)
    assert len(possible) >= 2


@given(rooms, st.integers(0, 8), st.integers(0, 8), st.booleans())
def test_one_who_comes_leaves_or_changes_alters_no_table(
    counts: Counts, one: int, other: int, is_two: bool
) -> None:
    room = SmallRoom()
    shown = room.table(counts, LEAST)
    after = list(counts)
    for state, by in ((one, -1), (other, 1)) if is_two else ((one, -1),):
        after[state] = max(0, after[state] + by)
    if not shown.missing and sum(after) >= LEAST:
        assert room.table(tuple(after), LEAST) == shown


@given(st.lists(rooms, max_size=20))
def test_tables_that_follow_each_other_differ_by_three_viewers_at_least(
    course: list[Counts],
) -> None:
    room, made_from = SmallRoom(), None
    for counts in course:
        table = room.table(counts, LEAST)
        if table.missing:
            assert (table.counts, sum(counts) + table.missing) == (NO_COUNTS, LEAST)
            continue
        is_new = made_from is None or moved(made_from, counts) >= MOVED_LEAST
        made_from = counts if is_new or made_from is None else made_from
        assert table == Table(sum(made_from), in_steps(made_from))


@given(rooms)
def test_rounding_leaves_out_some_and_never_invents_a_viewer(counts: Counts) -> None:
    shown = in_steps(counts)
    assert all(
        0 <= low <= count and low % STEP == 0 for low, count in zip(shown, counts, strict=True)
    )
    assert sum(counts) - sum(shown) >= min(LEFT_OUT, sum(counts))


def test_a_large_room_loses_two_viewers_a_state_at_most() -> None:
    assert in_steps((200, 10, 31, 0, 4, 2, 1, 8, 5)) == (198, 9, 30, 0, 3, 0, 0, 6, 3)


def test_who_leaves_and_comes_back_brings_no_other_table() -> None:
    room = SmallRoom()
    shown = room.table((4, 1, 0, 0, 0, 0, 0, 0, 0), LEAST)
    assert room.table((4, 0, 0, 0, 0, 0, 0, 0, 0), LEAST) == Table(4, missing=1)
    assert room.table((4, 0, 1, 0, 0, 0, 0, 0, 0), LEAST) == shown


def test_a_forged_number_of_answers_makes_a_table_of_its_own_and_ends_nothing() -> None:
    room, table = SmallRoom(), Table(20, in_steps((20, *[0] * 8)))
    for question, counts in ((7, (9, 3)), (7, (9, 3, 8)), (2**32 - 1, (6,)), (7, (9, 3))):
        aside = room.aside(Aside(answers=Answers(question, counts)), table, LEAST)
        assert aside.answers == Answers(question, in_steps(counts))


def test_private_viewers_are_missed_and_counted_alike_whoever_makes_the_table() -> None:
    """Two who report openly, and two privately: one more for counts."""
    private = (0, 2, *[0] * 7)
    table = SmallRoom().table((2, *[0] * 8), LEAST, sum(private))
    total, mesh = RoomModel(), RoomModel()
    for room in (total, mesh):
        room.obey(Conduct(least=LEAST))
    total.take(TotalEvent("room", table.viewers, table.counts, 1, 1, edges=2, least=LEAST), 0)
    for number in range(4):
        report = Report(1, 1, Emotion.ANGER, 0, PRIVATE * (number > 1))
        mesh.take(ReportEvent("room", f"v{number}", report), 0)
    seen = {(room.look(0, None).people, room.look(0, None).missing) for room in (total, mesh)}
    assert seen == {(4, 1)}


def test_reactions_of_too_few_are_not_told_once_others_have_come() -> None:
    """Counters only rise: what one of two did would be read from them as the third comes."""
    room, few, enough = SmallRoom(), Table(2, missing=3), Table(6)

    def told(table: Table, *first: int) -> tuple[int, ...]:
        counters = (*first, *[0] * (8 - len(first))) if first else ()
        return room.aside(Aside(reactions=counters), table, LEAST).reactions[:2]

    assert told(few) == ()
    assert told(few, 4, 1) == ()
    assert told(enough, 4, 1) == (0, 0)
    assert told(enough, 5, 3) == (1, 2)
    assert told(few, 9, 3) == ()
    assert told(enough, 9, 4) == (1, 3)
    assert told(enough) == ()


def test_reactions_of_enough_are_told_as_they_are() -> None:
    told = SmallRoom().aside(Aside(reactions=(7,) * 8), Table(6), LEAST)
    assert told.reactions == (7,) * 8
