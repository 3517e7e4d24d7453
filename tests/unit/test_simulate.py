"""Simulated viewers: the same crowd for the same seed, and moments that the room shares."""

from __future__ import annotations

from collections import Counter

from resonance_tui.emotions import Code
from resonance_tui.room.simulate import MOMENT_EVERY_S, crowd


def play(seed: int, seconds: int = 60) -> list[Code]:
    viewers = crowd(20, seed)
    for tenth in range(seconds * 10):
        for viewer in viewers:
            viewer.step(tenth / 10)
    return [viewer.code for viewer in viewers]


def test_the_same_seed_gives_the_same_show() -> None:
    assert play(3) == play(3)
    assert play(3) != play(4)


def test_people_dwell_on_a_feeling() -> None:
    viewers = crowd(50, 1)
    changes = sum(viewer.step(t / 10) for t in range(600) for viewer in viewers)
    assert 50 * 60 / 12 <= changes <= 50 * 60 / 3 + 50


def test_a_moment_moves_the_room() -> None:
    viewers = crowd(200, 2)
    for tenth in range(int(MOMENT_EVERY_S + 8) * 10):
        for viewer in viewers:
            viewer.step(tenth / 10)
    counted = Counter(viewer.code for viewer in viewers)
    assert counted.most_common(1)[0][0] is Code.SURPRISE  # the second moment


def test_no_two_of_a_crowd_have_the_same_name() -> None:
    names = [viewer.nickname for viewer in crowd(450, 5)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 24
