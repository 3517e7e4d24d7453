"""A person's own neutral face: what it may change, and what can never teach it anything."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.config import EngineSection
from resonance_tui.emotions import Emotion
from resonance_tui.engines import registry
from resonance_tui.engines.still import NEUTRAL
from resonance_tui.errors import InputError
from resonance_tui.pipeline.baseline import (
    CAPTURE_LEAST,
    CAPTURE_S,
    Baseline,
    BaselineMode,
    BaselineSettings,
    BaselineState,
    baseline_named,
)
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.smoothing import ACTIVE_FPS, REST_FPS, Steady
from resonance_zoo.train.still import ferplus

RULES = BaselineSettings()
QUICK = BaselineSettings(rate=2.0)  # what takes minutes, in a few predictions
EMOTIONS = [code for code in Emotion if code.is_emotion]
OTHERS = [code for code in EMOTIONS if code is not Emotion.NEUTRAL]
SADDISH = (0.01, 0.4, 0.53, 0.02, 0.01, 0.01, 0.02)  # at rest

Frame = tuple[float, ...]

distributions = st.lists(st.floats(0.0, 1), min_size=7, max_size=7).map(
    lambda raw: tuple((value + 1e-6) / (sum(raw) + 7e-6) for value in raw)
)
gaps = st.floats(0.0, 5.0)
films = st.lists(st.tuples(distributions, gaps), min_size=1, max_size=10)


def lead(frame: Frame, code: Emotion) -> float:
    return math.log(max(frame[code], 1e-4) / max(frame[Emotion.NEUTRAL], 1e-4))


def shows(code: Emotion, ahead: float) -> Frame:
    """The emotion leads neutral by so many nats; little of anything else."""
    rest = 0.02
    neutral = (1 - 5 * rest) / (1 + math.exp(ahead))
    values = dict.fromkeys(EMOTIONS, rest)
    values |= {Emotion.NEUTRAL: neutral, code: 1 - 5 * rest - neutral}
    return tuple(values[each] for each in EMOTIONS)


def played(baseline: Baseline, film: list[tuple[Frame, float]], at: float = 0.0) -> float:
    """When the film is over."""
    for frame, gap in film:
        at += gap
        baseline.corrected(frame, at)
    return at


def lasting(frame: Frame, seconds: float, fps: float = 6.0) -> list[tuple[Frame, float]]:
    return [(frame, 1 / fps)] * round(seconds * fps)


@given(films, distributions)
def test_what_comes_out_are_probabilities(film: list[tuple[Frame, float]], frame: Frame) -> None:
    baseline = Baseline(NEUTRAL, settings=QUICK)
    found = baseline.corrected(frame, played(baseline, film))
    assert len(found) == 7
    assert all(0 <= value <= 1 for value in found)
    assert math.isclose(sum(found), 1, rel_tol=1e-9)


@given(films, distributions)
def test_no_emotion_moves_against_neutral_by_more_than_the_limit(
    film: list[tuple[Frame, float]], frame: Frame
) -> None:
    baseline = Baseline(NEUTRAL, settings=QUICK)
    found = baseline.corrected(frame, played(baseline, film))
    for code in OTHERS:
        step = math.log(found[code] / found[Emotion.NEUTRAL])
        step -= math.log(frame[code] / frame[Emotion.NEUTRAL])
        assert abs(step) <= RULES.weight * RULES.limit + 1e-9


@given(films, st.sampled_from(OTHERS), st.floats(1.0 + 1e-6, 6))
def test_a_face_that_clearly_shows_an_emotion_is_never_turned_into_neutral(
    film: list[tuple[Frame, float]], code: Emotion, ahead: float
) -> None:
    baseline = Baseline(NEUTRAL, settings=QUICK)
    at = played(baseline, film)
    frame = shows(code, ahead)
    assert lead(frame, code) > RULES.weight * RULES.limit
    found = baseline.corrected(frame, at + 0.1)
    assert found[code] > found[Emotion.NEUTRAL]


@given(st.sampled_from(OTHERS), st.floats(1.05, 6), st.floats(0.05, 2.0))
def test_an_hour_of_smiles_or_tears_teaches_nothing(
    code: Emotion, ahead: float, gap: float
) -> None:
    baseline, frame = Baseline(NEUTRAL), shows(code, ahead)
    for n in range(200):
        assert baseline.corrected(frame, n * gap * 10) == frame
    assert not any(baseline.lean)


@given(films, distributions, st.floats(0.0, 600))
def test_a_lean_grows_no_faster_than_its_rate(
    film: list[tuple[Frame, float]], frame: Frame, gap: float
) -> None:
    baseline = Baseline(NEUTRAL)
    at = played(baseline, film)
    before = baseline.lean
    baseline.corrected(frame, at + gap)
    for one, other in zip(before, baseline.lean, strict=True):
        assert abs(other) - abs(one) <= RULES.rate * min(gap, 1.0) + 1e-9


@given(films, films)
def test_what_was_learnt_of_one_person_is_gone_with_them(
    first: list[tuple[Frame, float]], second: list[tuple[Frame, float]]
) -> None:
    used, fresh = (Baseline(NEUTRAL, settings=QUICK) for _ in range(2))
    at = played(used, first)
    used.capture(at)
    used.forget()
    assert used.state is BaselineState.UNUSED
    for frame, gap in second:
        at += gap
        assert used.corrected(frame, at) == fresh.corrected(frame, at)


@given(films)
def test_switched_off_or_unknown_of_the_engine_nothing_is_changed(
    film: list[tuple[Frame, float]],
) -> None:
    for baseline in (Baseline(NEUTRAL, BaselineMode.OFF), Baseline(())):
        assert not baseline.capture(0.0)
        assert all(baseline.corrected(frame, n) == frame for n, (frame, _) in enumerate(film))
        assert baseline.state is BaselineState.UNUSED


def test_a_resting_face_that_is_read_as_half_sad_becomes_neutral_and_stays_able_to_be_sad() -> None:
    baseline = Baseline(NEUTRAL)
    at = played(baseline, lasting(SADDISH, 60))
    assert baseline.state is BaselineState.AUTO
    found = baseline.corrected(SADDISH, at)
    assert found[Emotion.NEUTRAL] > 0.7
    assert math.isclose(lead(SADDISH, Emotion.SADNESS) - lead(found, Emotion.SADNESS), RULES.limit)
    tears = shows(Emotion.SADNESS, 1.2)
    assert max(baseline.corrected(tears, at + 1)) == baseline.corrected(tears, at + 1)[1]


def test_a_smile_among_calm_moments_changes_little() -> None:
    calm, mixed = Baseline(NEUTRAL), Baseline(NEUTRAL)
    smile, rest = shows(Emotion.HAPPINESS, 0.5), tuple(NEUTRAL)
    at = played(mixed, (lasting(rest, 8) + lasting(smile, 2)) * 12)
    played(calm, lasting(rest, 120))
    assert mixed.lean[Emotion.HAPPINESS] - calm.lean[Emotion.HAPPINESS] <= 2 * RULES.rate + 1e-9
    assert mixed.corrected(rest, at)[Emotion.NEUTRAL] > 0.9


def test_a_lean_that_nothing_confirms_fades() -> None:
    baseline = Baseline(NEUTRAL)
    at = played(baseline, lasting(SADDISH, 60))
    before = baseline.lean[Emotion.SADNESS]
    clear = shows(Emotion.HAPPINESS, 4)
    baseline.corrected(clear, at + RULES.half_life_s)
    assert math.isclose(baseline.lean[Emotion.SADNESS], before / 2, rel_tol=1e-6)


def test_a_key_and_two_seconds_set_it_at_once() -> None:
    baseline = Baseline(NEUTRAL, BaselineMode.KEY)
    at = played(baseline, lasting(SADDISH, 60))
    assert baseline.corrected(SADDISH, at) == SADDISH, "by key only, nothing is learnt"
    assert baseline.capture(at)
    at = played(baseline, lasting(SADDISH, CAPTURE_S - 0.5), at)
    assert baseline.state is BaselineState.WAITING
    at = played(baseline, lasting(SADDISH, 1), at)
    assert baseline.state is BaselineState.KEY
    assert baseline.corrected(SADDISH, at)[Emotion.SADNESS] < 0.1


@given(films, films)
def test_not_even_the_key_moves_an_emotion_by_more_than_its_limit(
    before: list[tuple[Frame, float]], after: list[tuple[Frame, float]]
) -> None:
    baseline = Baseline(NEUTRAL)
    at = played(baseline, before)
    baseline.capture(at)
    played(baseline, after, at)
    assert all(abs(value) <= RULES.key_limit + 1e-9 for value in baseline.lean)


def test_a_slow_engine_takes_longer_than_two_seconds() -> None:
    baseline = Baseline(NEUTRAL)
    baseline.capture(0.0)
    for n in range(CAPTURE_LEAST):
        assert baseline.state is BaselineState.WAITING
        baseline.corrected(SADDISH, 3.0 * n + 0.1)
    assert baseline.state is BaselineState.KEY


def test_pictures_from_before_the_key_do_not_count() -> None:
    baseline = Baseline(NEUTRAL, BaselineMode.KEY)
    baseline.capture(10.0)
    played(baseline, lasting(shows(Emotion.HAPPINESS, 3), 5))
    assert baseline.state is BaselineState.WAITING
    played(baseline, lasting(tuple(NEUTRAL), 3), 10.0)
    assert not any(abs(value) > 1e-6 for value in baseline.lean)


@pytest.mark.parametrize("gone", ["track", "missing", "forget", "engine"])
def test_who_leaves_takes_their_neutral_along(gone: str) -> None:
    reader = EmotionReader(lambda _steady, _latency: None, BaselineMode.AUTO)
    reader.set_engine(0.45, NEUTRAL)
    reader.face_seen(0, 0.0)
    for n in range(400):
        reader.face_seen(0, n / 6)
        reader.predicted(SADDISH, n / 6, reader.generation, {})
    assert reader.baseline.state is BaselineState.AUTO
    {
        "track": lambda: reader.face_seen(1, 67.0),
        "missing": lambda: reader.face_missing(90.0),
        "forget": reader.forget,
        "engine": lambda: reader.set_engine(0.45, NEUTRAL),
    }[gone]()
    assert reader.baseline.state is BaselineState.UNUSED
    assert not any(reader.baseline.lean)


def test_the_decision_sees_the_corrected_probabilities() -> None:
    told: list[Steady] = []
    reader = EmotionReader(lambda steady, _latency: told.append(steady), BaselineMode.AUTO)
    reader.set_engine(0.45, NEUTRAL)
    half_sad = (0.01, 0.52, 0.41, 0.02, 0.01, 0.01, 0.02)
    for n in range(400):
        reader.face_seen(0, n / 6)
        reader.predicted(half_sad, n / 6, reader.generation, {})
    assert told[0].code is Emotion.SADNESS
    assert told[-1].code is Emotion.NEUTRAL
    assert told[-1].probabilities[Emotion.NEUTRAL] > 0.6


def test_while_the_key_is_heeded_many_frames_are_asked_for() -> None:
    reader = EmotionReader(lambda _steady, _latency: None, BaselineMode.AUTO)
    reader.set_engine(0.45, NEUTRAL)
    for n in range(30):
        reader.face_seen(0, n / 6)
        reader.predicted(tuple(NEUTRAL), n / 6, reader.generation, {})
    assert reader.wanted_fps(5.0) == REST_FPS
    reader.baseline.capture(5.0)
    assert reader.wanted_fps(5.0) == ACTIVE_FPS


@pytest.mark.parametrize("word", ["auto", "key", "off"])
def test_the_setting_has_three_words(word: str) -> None:
    assert baseline_named(word).value == word


def test_by_default_nothing_is_learnt_of_a_faint_smile_until_a_person_presses_the_key() -> None:
    baseline = Baseline(NEUTRAL, baseline_named(EngineSection().baseline))
    smile = shows(Emotion.HAPPINESS, 0.5)
    assert all(baseline.corrected(smile, n / 2) == smile for n in range(240))
    assert baseline.capture(120.0) and baseline.state is BaselineState.WAITING


def test_any_other_word_is_refused_with_the_ones_that_there_are() -> None:
    with pytest.raises(InputError) as refused:
        baseline_named("on")
    assert "auto, key, off" in refused.value.hint


def test_what_the_engine_says_of_most_neutral_faces_is_what_it_says(shared_data: Path) -> None:
    if not (file := shared_data / "ferplus.npz").is_file():
        pytest.skip("no ferplus.npz in the shared data")
    images, labels = ferplus.labelled(ferplus.load(file, "valid", 700))
    engine = registry.create("static")
    faces = [np.repeat(face[None, :, :, None], 3, axis=3) for face in images[labels == 2]]
    seen = [[lead(tuple(engine.predict(face)), code) for code in EMOTIONS] for face in faces]
    usual = [lead(NEUTRAL, code) for code in EMOTIONS]
    assert np.abs(np.mean(seen, axis=0) - usual).max() < 0.6
