"""The delay of a stream, told from marks and the room's reactions, or honestly not told."""

from __future__ import annotations

import numpy as np
import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history.recording import Recording
from resonance_tui.history.stream_delay import LEAST_S, estimate
from resonance_tui.history.windows import Ints

T0 = 1_795_371_000
HOUR = 3600


def room(
    laughs: Ints, seed: int, *, people: int = 30, seconds: int = HOUR, half: float = 0.5
) -> Recording:
    """Faces are calm and change now and then; at each of `laughs` some laugh for five seconds,
    each a little later than the next."""
    dice = np.random.default_rng(seed)
    is_calm = np.repeat(dice.random((people, seconds // 20 + 1)) < 0.75, 20, axis=1)[:, :seconds]
    counts = np.zeros((seconds, 7), np.int64)
    laughing = np.zeros((people, seconds), bool)
    for laugh in laughs:
        for who in np.flatnonzero(dice.random(people) < half):
            begin = int(laugh + dice.gamma(2.0, 0.5))
            laughing[who, begin : begin + 5] = True
    counts[:, Emotion.HAPPINESS] = laughing.sum(axis=0)
    counts[:, Emotion.SADNESS] = (~is_calm & ~laughing).sum(axis=0)
    counts[:, Emotion.NEUTRAL] = people - counts.sum(axis=1)
    nobody = np.zeros(seconds, np.int64)
    return Recording(np.arange(T0, T0 + seconds), counts, nobody, nobody + people)


def places(number: int, seed: int, seconds: int = HOUR) -> Ints:
    return np.sort(np.random.default_rng(seed).choice(np.arange(70, seconds - 70), number, False))


@pytest.mark.parametrize("delay", [0, 4, 11, 30, 55])
def test_the_delay_is_told_from_eight_marks(delay: int) -> None:
    marked = places(8, delay)
    others = places(12, 100 + delay)  # what the room laughs at besides
    track = room(np.concatenate([marked + delay, others]), delay)
    found = estimate(track, [T0 + float(at) + 0.5 for at in marked])
    assert found.marks == 8
    assert found.low_s <= delay + 1 <= found.high_s + 0.5
    assert found.delay_s == pytest.approx(delay + 1, abs=2)
    assert found.high_s - found.low_s < 10


def test_the_band_holds_the_delay_in_most_rooms() -> None:
    held = told = 0
    for seed in range(40):
        marked = places(6, seed)
        late = marked + 9 + np.random.default_rng(seed).integers(-1, 2, 6)  # a hand is not exact
        track = room(np.concatenate([late, places(10, 900 + seed)]), seed, people=20)
        try:
            found = estimate(track, (T0 + marked).tolist())
        except InputError:
            continue
        told += 1
        held += found.low_s <= 10 <= found.high_s
    assert told >= 34
    assert held >= 0.9 * told


def test_marks_that_the_room_does_not_react_to_tell_nothing() -> None:
    false = 0
    for seed in range(60):
        track = room(places(20, 500 + seed), seed)
        try:
            estimate(track, (T0 + places(8, 7000 + seed)).tolist())
            false += 1
        except InputError as error:
            assert "cannot be told" in error.message
    assert false <= 5


@pytest.mark.parametrize(
    ("number", "seconds", "why"), [(4, HOUR, "5 are needed"), (9, LEAST_S - 1, "shorter than 26")]
)
def test_too_little_to_tell_from_is_said(number: int, seconds: int, why: str) -> None:
    marked = places(number, 1, seconds)
    track = room(marked + 5, 1, seconds=seconds)
    with pytest.raises(InputError, match=why):
        estimate(track, (T0 + marked).tolist())


def test_marks_outside_of_the_recording_do_not_count() -> None:
    track = room(places(9, 3), 3)
    with pytest.raises(InputError, match="there are 0 marks"):
        estimate(track, [T0 - 100.0] * 9)
