"""When a room moves so much that OBS is asked to keep it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.obs.live_rules import LiveMoment, LiveRules, LiveWatch

STEP_S = 0.25


def room(people: int, **shown: int) -> list[int]:
    counts = [0] * 7
    for word, count in shown.items():
        counts[Emotion[word.upper()]] = count
    counts[Emotion.NEUTRAL] += people - sum(shown.values())
    return counts


def found(rules: LiveRules, *scenes: tuple[float, list[int]]) -> list[LiveMoment]:
    """Moments of a room whose counts are those of each scene for so many seconds."""
    watch, at, moments = LiveWatch(rules), 0.0, list[LiveMoment]()
    for seconds, counts in scenes:
        for _ in range(round(seconds / STEP_S)):
            if (moment := watch.take(counts, at)) is not None:
                moments.append(moment)
            at += STEP_S
    return moments


CALM, LAUGH = room(10, happiness=1), room(10, happiness=7)
GASP = room(10, surprise=8)


def test_a_burst_is_a_moment_that_began_when_the_room_began_to_show_it() -> None:
    (moment,) = found(LiveRules(), (20, CALM), (5, LAUGH), (20, CALM))
    assert moment == LiveMoment(pytest.approx(20, abs=STEP_S), Emotion.HAPPINESS, 7, 10)
    assert moment.share == 0.7


def test_a_room_that_is_told_once_a_second_has_moments_where_they_began() -> None:
    watch, moments = LiveWatch(LiveRules()), list[LiveMoment]()
    for second in range(20):
        watch.take(CALM, second - 0.3)
    for at in (20.0, 20.25, 20.5, 21.0, 21.5):
        if (moment := watch.take(LAUGH, at)) is not None:
            moments.append(moment)
    assert [moment.at for moment in moments] == [20.0]


def test_only_the_emotions_that_are_asked_for_count() -> None:
    rules = LiveRules((Emotion.SURPRISE,))
    assert not found(rules, (20, CALM), (5, LAUGH))
    (moment,) = found(rules, (20, CALM), (5, GASP))
    assert moment.emotion is Emotion.SURPRISE


@pytest.mark.parametrize(("share", "count"), [(0.8, 0), (0.7, 1), (0.25, 1)])
def test_the_share_that_is_asked_for_is_needed(share: float, count: int) -> None:
    assert len(found(LiveRules(share=share), (20, CALM), (5, LAUGH))) == count


def test_a_small_share_counts_where_it_is_asked_for() -> None:
    some = room(40, happiness=11)
    assert not found(LiveRules(), (20, room(40)), (5, some))
    assert found(LiveRules(share=0.25), (20, room(40)), (5, some))


@pytest.mark.parametrize(("least", "count"), [(3, 0), (2, 1), (1, 1)])
def test_a_couple_counts_where_no_more_viewers_are_asked_for(least: int, count: int) -> None:
    scenes = (20, room(2)), (5, room(2, happiness=2))
    assert len(found(LiveRules(least=least), *scenes)) == count


def test_between_two_moments_the_room_cools_down_whatever_it_shows() -> None:
    scenes = (20, CALM), (5, LAUGH), (5, CALM), (5, GASP), (40, CALM), (5, GASP)
    moments = found(LiveRules(cool_down_s=20), *scenes)
    assert [moment.emotion for moment in moments] == [Emotion.HAPPINESS, Emotion.SURPRISE]
    moments = found(LiveRules(cool_down_s=2), *scenes)
    assert len(moments) == 3


def test_after_an_outage_what_was_usual_is_not_known() -> None:
    watch = LiveWatch(LiveRules())
    for second in range(20):
        assert watch.take(CALM, second) is None
    watch.reset()
    assert [watch.take(LAUGH, 20 + i / 4) for i in range(8)] == [None] * 8


@given(st.lists(st.lists(st.integers(0, 30), min_size=7, max_size=7), max_size=60))
def test_whatever_a_room_shows_moments_keep_their_distance(rooms: list[list[int]]) -> None:
    watch = LiveWatch(LiveRules(least=1, share=0.1, cool_down_s=5))
    told = [at for at, counts in enumerate(rooms) if watch.take(counts, at) is not None]
    assert all(after - before >= 5 for before, after in itertools.pairwise(told))
