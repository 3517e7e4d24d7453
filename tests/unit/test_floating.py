"""Reactions that float at the screen's edge."""

from __future__ import annotations

from resonance_tui.reaction_kinds import NO_REACTIONS, Reaction
from resonance_tui.tui.floating import MOST, Floating

APPLAUSE, HEART = (4, 0, 0, 0, 0, 0, 0, 0), (4, 0, 1, 0, 0, 0, 0, 0)


def test_what_was_sent_before_one_came_does_not_float() -> None:
    air = Floating()
    air.take(APPLAUSE, 0.0)
    assert air.lines(0.0, 4) == [None] * 4


def test_a_reaction_rises_from_the_lowest_line_and_is_gone_at_the_top() -> None:
    air = Floating()
    air.take((), 0.0)
    air.take(APPLAUSE, 0.0)
    at = [air.lines(now, 4).index((Reaction.APPLAUSE, 4)) for now in (0.0, 0.25, 0.5, 0.75)]
    assert at == [3, 2, 1, 0]
    assert air.lines(1.0, 4) == [None] * 4


def test_several_kinds_at_once_stand_above_each_other_and_one_kind_adds_up() -> None:
    air = Floating()
    air.take(NO_REACTIONS, 0.0)
    air.take(HEART, 0.1)
    assert air.lines(0.1, 3) == [None, (Reaction.HEART, 1), (Reaction.APPLAUSE, 4)]
    air.take((6, 0, 1, 0, 0, 0, 0, 0), 0.1)
    assert air.lines(0.1, 3)[2] == (Reaction.APPLAUSE, 6)


def test_where_nothing_may_move_it_stands_still_and_then_is_gone() -> None:
    air = Floating(is_still=True)
    air.take(NO_REACTIONS, 0.0)
    air.take(HEART, 1.0)
    still = [None, (Reaction.APPLAUSE, 4), (Reaction.HEART, 1)]
    assert air.lines(1.0, 3) == air.lines(3.9, 3) == still
    assert air.lines(4.1, 3) == [None] * 3


def test_a_storm_of_reactions_costs_bounded_memory_and_no_line_too_many() -> None:
    air = Floating()
    for step in range(1000):
        air.take((step, step, step, step, step, step, step, step), step / 1000)
    assert len(air._bubbles) <= MOST and len(air.lines(1.0, 5)) == 5
    assert air.lines(1.0, 0) == []
