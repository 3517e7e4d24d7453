"""When a room laughs or gasps, on sequences as rooms make them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.room.reactions import ReactionDetector, ReactionRules, Reactions
from resonance_tui.simulation.behaviour import MOMENT_EVERY_S, MOMENT_LASTS_S, crowd

STEP_S = 0.25
CALM = (0.1, 0.08, 0.55, 0.06, 0.08, 0.05, 0.08)


def counts(people: int, happy: int, surprised: int = 0) -> tuple[int, ...]:
    found = [0] * len(EMOTIONS)
    found[Emotion.HAPPINESS], found[Emotion.SURPRISE] = happy, surprised
    found[Emotion.NEUTRAL] = people - happy - surprised
    return tuple(found)


def played(happy: list[tuple[float, int]], people: int = 10) -> list[tuple[float, int]]:
    """(second, people who laugh) of each laugh in a room whose number of happy people changes at
    the given seconds; the last one ends it."""
    detector, found = ReactionDetector(Emotion.HAPPINESS), []
    for (start, count), (end, _) in pairwise(happy):
        for step in range(round((end - start) / STEP_S)):
            at = start + step * STEP_S
            if laughing := detector.take(counts(people, count), at):
                found.append((at, laughing))
    return found


def test_a_burst_of_happiness_is_one_laugh_soon_after_it_began() -> None:
    laughs = played([(0, 1), (20, 8), (26, 1), (60, 0)])
    assert [people for _, people in laughs] == [8]
    assert 20 < laughs[0][0] <= 21.5


def test_a_room_that_was_happy_all_along_does_not_laugh() -> None:
    assert played([(0, 8), (120, 0)]) == []


def test_a_slow_change_of_mood_is_no_laugh() -> None:
    assert played([(second * 8, min(second, 9)) for second in range(12)]) == []


def test_a_flash_of_half_a_second_is_no_laugh() -> None:
    assert played([(0, 1), (20, 9), (20.5, 1), (40, 0)]) == []


def test_a_wavering_laugh_is_told_once_and_the_next_one_again() -> None:
    wavering = [(20 + i, 8 - 2 * (i % 2)) for i in range(12)]
    laughs = played([(0, 1), *wavering, (32, 1), (70, 9), (76, 1), (80, 0)])
    assert [round(at) for at, _ in laughs] == [21, 71]


def test_nothing_is_known_in_the_first_seconds() -> None:
    assert played([(0, 1), (3, 9), (6, 1), (12, 0)]) == []


@pytest.mark.parametrize(("people", "laughs"), [(1, 0), (2, 0), (3, 1), (200, 1)])
def test_it_takes_three_who_are_read(people: int, laughs: int) -> None:
    assert len(played([(0, 0), (20, people), (25, 0), (40, 0)], people)) == laughs


def test_happy_newcomers_are_no_laugh() -> None:
    detector = ReactionDetector(Emotion.HAPPINESS)
    sequence = [counts(6, 0)] * 80 + [counts(16, 10)] * 80
    assert not any(detector.take(each, i * STEP_S) for i, each in enumerate(sequence))


def test_a_room_that_was_out_of_sight_is_looked_at_anew() -> None:
    detector = ReactionDetector(Emotion.HAPPINESS)
    assert not any(detector.take(counts(10, 1), i * STEP_S) for i in range(80))
    detector.reset()
    assert not any(detector.take(counts(10, 9), 25 + i * STEP_S) for i in range(80))


@pytest.mark.parametrize("people", [3, 5, 8, 20, 100])
def test_people_on_their_own_make_no_laughs_by_chance(people: int) -> None:
    """Each looks different about every ten seconds, as simulated and real viewers do."""
    dice, told = random.Random(people), 0
    for _ in range(4):
        reactions = Reactions()
        codes = dice.choices(EMOTIONS, CALM, k=people)
        for step in range(round(600 / STEP_S)):
            for who in range(people):
                if dice.random() < STEP_S / 10:
                    codes[who] = dice.choices(EMOTIONS, CALM)[0]
            found = tuple(codes.count(code) for code in EMOTIONS)
            told += len(reactions.take(found, step * STEP_S))
    assert told <= 2, f"{told} in forty minutes"


@pytest.mark.parametrize("people", [60, 200])
def test_a_simulated_room_laughs_and_gasps_with_every_joint_moment_and_never_between(
    people: int,
) -> None:
    viewers, reactions, told = crowd(people), Reactions(), []
    for step in range(round(600 / STEP_S)):
        for viewer in viewers:
            viewer.step(step * STEP_S)
        codes = [viewer.code for viewer in viewers]
        found = reactions.take(tuple(map(codes.count, EMOTIONS)), step * STEP_S)
        told += [(kind, *divmod(step * STEP_S, MOMENT_EVERY_S)) for kind in found]
    assert all(into <= MOMENT_LASTS_S + 1 for *_, into in told)
    moments = [(kind, round(number)) for kind, number, _ in told]
    joint = {0: "laugh", 1: "gasp", 3: "laugh"}  # of six that take turns; the first is too early
    assert moments == [(joint[n % 6], n) for n in range(1, 25) if n % 6 in joint]


def test_surprise_is_a_gasp() -> None:
    reactions = Reactions()
    told = [
        reactions.take(counts(10, 1, 1 if step < 80 else 7), step * STEP_S) for step in range(100)
    ]
    assert [found for found in told if found] == [{"gasp": 7}]


def test_the_rules_can_be_changed() -> None:
    eager = ReactionDetector(Emotion.HAPPINESS, ReactionRules(least_people=1, least_more=1.0))
    assert any(eager.take(counts(1, step // 80), step * STEP_S) for step in range(160))
