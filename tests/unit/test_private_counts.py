"""Counts of private reports: right on average, and honest about how far off they may be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from count_rooms import MIXES
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import PRIVATE, SHARDS, Report
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.correction import correct_counts, correct_private
from resonance_tui.room.private_answers import STATES
from resonance_tui.room.private_counts import estimate, least_viewers, randomisation
from resonance_tui.room.state import RoomState
from resonance_tui.room.tally import Tally

Numbers = NDArray[np.float64]
MIX = np.array([0.3, 0.02, 0.4, 0.01, 0.05, 0.01, 0.01, 0.12, 0.08])
# A reader who is right in seven of ten cases and takes most of the rest for neutral.
READER = 70 * np.eye(7) + 2.5 + 12.5 * np.eye(7)[2]


def answers_of(felt: Numbers, epsilon: float, dice: np.random.Generator) -> Numbers:
    noise = randomisation(epsilon)
    said = sum(dice.multinomial(felt[:, state].astype(int), noise[state]) for state in range(9))
    return np.asarray(said, float)


@given(st.integers(10, 500))
def test_rows_of_the_randomisation_sum_to_everybody(hundredths: int) -> None:
    assert randomisation(hundredths / 100).sum(axis=1) == pytest.approx(np.ones(STATES))


@given(st.lists(st.integers(0, 400), min_size=9, max_size=9), st.integers(10, 500))
def test_the_inverse_takes_exactly_the_noise_out_that_is_expected(
    felt: list[int], hundredths: int
) -> None:
    epsilon, row = hundredths / 100, np.array([felt], float)
    found = estimate(row @ randomisation(epsilon), epsilon)
    assert found.counts == pytest.approx(row, abs=1e-6 * (1 + row.sum()) / epsilon)
    assert (found.low <= found.high).all() and (found.low >= 0).all()
    assert (found.high <= row.sum() + 1e-6).all()


@pytest.mark.parametrize(("viewers", "epsilon"), [(40, 2.0), (400, 1.0), (2000, 1.0), (300, 4.0)])
def test_estimates_are_right_on_average_and_the_truth_lies_in_the_band(
    viewers: int, epsilon: float
) -> None:
    dice = np.random.default_rng(viewers)
    felt = dice.multinomial(viewers, MIX, 2000).astype(float)
    found = estimate(answers_of(felt, epsilon, dice), epsilon)
    off = found.counts - felt
    error = off.std(axis=0) / np.sqrt(len(felt))
    assert (np.abs(off.mean(axis=0)) < 4.5 * error).all()
    inside = (felt >= found.low - 0.5) & (felt <= found.high + 0.5)
    assert inside.mean() > 0.94 and inside.mean(axis=0).min() > 0.92
    assert found.counts.sum(axis=1) == pytest.approx(np.full(len(felt), viewers))


@pytest.mark.parametrize("epsilon", [1.0, 2.0, 4.0])
def test_from_the_least_size_on_a_state_that_nobody_feels_is_known_to_a_fifth(
    epsilon: float,
) -> None:
    viewers = least_viewers(epsilon)
    felt = np.zeros((400, 9))
    felt[:, 2] = viewers
    found = estimate(answers_of(felt, epsilon, np.random.default_rng(3)), epsilon)
    assert np.quantile(np.abs(found.counts[:, 3]), 0.95) <= 0.21 * viewers


def test_less_epsilon_needs_a_larger_room() -> None:
    sizes = [least_viewers(epsilon) for epsilon in (0.5, 1, 2, 3, 5)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] == 20


# Noise and mistakes inverted together


def misread(shown: Numbers, rates: Numbers, dice: np.random.Generator) -> Numbers:
    parts = (dice.multinomial(shown[:, code].astype(int), rates[code]) for code in range(7))
    return np.asarray(sum(parts), float)


def told(
    dice: np.random.Generator, viewers: int, epsilon: float, rooms: int
) -> tuple[Numbers, Numbers]:
    """What rooms show, and what is answered of it after reading and noise."""
    rates = READER / READER.sum(axis=1, keepdims=True)
    shown = dice.multinomial(viewers, MIX, rooms).astype(float)
    read = shown.copy()
    read[:, :7] = misread(shown, rates, dice)
    return shown, answers_of(read, epsilon, dice)


@pytest.mark.parametrize(("viewers", "epsilon"), [(300, 2.0), (3000, 1.0), (3000, 3.0)])
def test_the_corrected_band_holds_what_is_shown_and_not_only_what_is_read(
    viewers: int, epsilon: float
) -> None:
    shown, said = told(np.random.default_rng(viewers), viewers, epsilon, 200)
    found = correct_private(said, randomisation(epsilon), 100 * READER)
    inside = (shown >= found.low - 0.5) & (shown <= found.high + 0.5)
    assert inside.mean() > 0.94
    assert found.counts.sum(axis=1) == pytest.approx(np.full(200, viewers))


def test_in_a_large_room_correction_is_nearer_to_what_is_shown_than_the_estimate_alone() -> None:
    shown, said = told(np.random.default_rng(1), 5000, 2.0, 60)
    alone = estimate(said, 2.0).counts
    found = correct_private(said, randomisation(2.0), 100 * READER).counts
    assert np.abs(found - shown).mean() < 0.6 * np.abs(alone - shown).mean()


def test_noise_widens_the_band_of_the_same_room() -> None:
    dice = np.random.default_rng(1)
    shown, said = told(dice, 2000, 1.0, 40)
    private = correct_private(said, randomisation(1.0), 100 * READER, 0.0)
    rates = READER / READER.sum(axis=1, keepdims=True)
    plain = correct_counts(shown[:, :7] @ rates, 100 * READER, 0.0)
    width = (private.high - private.low)[:, :7].mean()
    assert width > 2 * (plain.high - plain.low).mean()


def test_rows_of_too_few_answers_are_not_corrected() -> None:
    rows = np.zeros((2, 9))
    rows[1, 2] = 20
    found = correct_private(rows, randomisation(2.0), READER)
    assert np.isnan(found.counts[0]).all() and not np.isnan(found.counts[1]).any()


# Counted apart

steps = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(Emotion), st.booleans(), st.booleans()),
    max_size=40,
)


@settings(max_examples=60)
@given(steps)
def test_private_reports_are_in_no_other_counts_whoever_comes_and_goes(
    taken: list[tuple[str, Emotion, bool, bool]],
) -> None:
    room, tally = RoomState(), Tally()
    tally.watch(frozenset(range(SHARDS)))
    here: dict[str, Report] = {}
    for seq, (viewer, code, is_private, leaves) in enumerate(taken, 1):
        report = Report(1, seq, code, 0, PRIVATE if is_private else 0)
        if leaves and viewer in here:
            room.leave(viewer, float(seq) / 100)
            tally.leave(viewer, float(seq) / 100)
            del here[viewer]
            continue
        room.report(viewer, report, float(seq) / 100)
        tally.report(viewer, report, float(seq) / 100)
        here[viewer] = report
    shown = room.tick(1.0)
    private = [each for each in here.values() if each.is_private]
    counts = tuple(sum(each.code is code for each in private) for code in Emotion)
    assert shown.private == (counts if private else ())
    assert (
        shown.viewers == len(here) - len(private) == sum(shown.counts) + shown.unsure + shown.away
    )
    assert shown.people == tally.viewers == len(here)
    assert {row.viewer_id for row in shown.rows if row.is_private} == {
        each for each, report in here.items() if report.is_private
    }
    asides = [tally.aside(shard).private for shard in range(SHARDS)]
    assert [sum(each) for each in zip(*filter(None, asides), strict=True)] == [
        *(counts if private else ())
    ]
    assert sum(sum(tally.counts(shard)) for shard in range(SHARDS)) == shown.viewers


def test_a_viewer_who_is_not_counted_is_in_no_private_count_either() -> None:
    room, tally = RoomState(), Tally()
    tally.watch(frozenset(range(SHARDS)))
    for each in (room, tally):
        each.report("mia", Report(1, 1, Emotion.FEAR, 0, PRIVATE), 0.0)
        each.obey(Conduct(frozenset({"mia"})))
    assert room.tick(0.1).private == () and not tally.aside(shard_of("mia"))


def test_slow_mode_mixes_no_open_state_into_a_private_report() -> None:
    room, tally = RoomState(), Tally()
    tally.watch(frozenset(range(SHARDS)))
    for each in (room, tally):
        each.obey(Conduct(slow_s=60))
        each.report("mia", Report(1, 1, Emotion.FEAR, 80), 0.0)
        each.report("mia", Report(1, 2, Emotion.ANGER, 0, PRIVATE), 1.0)
    expected = tuple(int(code is Emotion.ANGER) for code in Emotion)
    assert room.tick(1.1).private == tally.aside(shard_of("mia")).private == expected


@pytest.mark.parametrize("epsilon", [2.0])
def test_on_the_predictions_of_a_real_network_the_band_holds(
    shared_data: Path, epsilon: float
) -> None:
    from tests.unit.test_correction import halves

    dice, inside = np.random.default_rng(5), []
    for confusion, rates in halves(shared_data)[:3]:
        for mix in MIXES.values():
            whole = np.array([*(0.85 * np.array(mix) / sum(mix)), 0.1, 0.05])
            shown = dice.multinomial(500, whole, 20).astype(float)
            read = shown.copy()
            read[:, :7] = misread(shown, rates, dice)
            found = correct_private(
                answers_of(read, epsilon, dice), randomisation(epsilon), confusion
            )
            inside.append(((shown >= found.low - 0.5) & (shown <= found.high + 0.5)).mean())
    assert np.mean(inside) > 0.95 and min(inside) > 0.85
