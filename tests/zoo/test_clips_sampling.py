"""Frame choice, learning rates and layer scales, against what the official code chose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import RandomState

from resonance_zoo.train.clips.recipes import (
    FORMER_DFER,
    FUSED,
    IAL,
    MMNET,
    RecipeError,
    recipe_of,
    sampling_of,
    schedule_of,
)
from resonance_zoo.train.clips.sampling import (
    Dense,
    Sampling,
    SamplingError,
    Segments,
    Spread,
    named,
    strided_window,
)
from resonance_zoo.train.clips.schedule import Cosine, Stairs
from tests.zoo import parity

FORMER, ONE_BY_ONE = Segments(8, 2), Segments(16, 1)
EVERY: list[Sampling] = [Dense(), Dense(16, 4), FORMER, ONE_BY_ONE, Spread()]


@pytest.mark.parametrize("stride", [1, 4])
def test_dense_as_mae_dfer_tests(stride: int) -> None:
    _, arrays = parity.fixture("sampling_schedule")
    found = [Dense(16, stride).test(int(n), 2) for n in arrays["lengths"]]
    np.testing.assert_array_equal(np.array(found), arrays[f"mae_test_sr{stride}"])


@pytest.mark.parametrize("stride", [1, 4])
def test_dense_as_mae_dfer_validates_with_a_seed(stride: int) -> None:
    _, arrays = parity.fixture("sampling_schedule")
    found = [Dense(16, stride).valid(int(n), RandomState(n)) for n in arrays["lengths"]]
    np.testing.assert_array_equal(np.array(found), arrays[f"mae_val_sr{stride}_seed_n"])


@pytest.mark.parametrize(("sampling", "key"), [(FORMER, "former_test"), (ONE_BY_ONE, "ial_test")])
def test_segments_as_their_authors_test(sampling: Segments, key: str) -> None:
    _, arrays = parity.fixture("sampling_schedule")
    found = [sampling.test(int(n), 2)[0] for n in arrays["lengths"]]
    np.testing.assert_array_equal(np.array(found), arrays[key])


def test_the_trap_of_ial_is_kept() -> None:
    assert set(ONE_BY_ONE.test(16, 1)[0]) == {0}
    assert len(set(ONE_BY_ONE.test(17, 1)[0])) == 16


def test_spread_takes_both_ends() -> None:
    assert Spread().test(31, 1)[0].tolist() == list(range(0, 32, 2))
    assert Spread(4).test(3, 1)[0].tolist() == [0, 0, 1, 2]


@given(st.sampled_from(EVERY), st.integers(1, 400), st.integers(0, 2**31))
def test_indices_are_frames_of_the_clip_in_order(sampling: Sampling, n: int, seed: int) -> None:
    rng = RandomState(seed)
    for indices in (sampling.train(n, rng), sampling.valid(n, rng), *sampling.test(n, 3)):
        assert indices.shape == (16,) and indices.dtype == np.int64
        assert indices.min() >= 0 and indices.max() < n
    assert (np.diff(sampling.train(n, rng)) >= 0).all() or n < 10  # 0, 1, 0, 1, ... when short


def test_random_spread_repeats_no_frame_it_need_not() -> None:
    assert len(set(Spread().train(16, RandomState(0)))) == 16


def test_segments_start_anywhere_in_their_parts() -> None:
    starts = np.array([FORMER.train(33, RandomState(seed))[::2] for seed in range(60)])
    assert starts.min(0).tolist() == list(range(0, 32, 4))
    assert starts.max(0).tolist() == list(range(3, 33, 4))


def test_a_pre_training_window_is_held_at_the_last_frame() -> None:
    assert strided_window(10, 4, 4, RandomState(0)).tolist() == [0, 4, 8, 9]
    starts = {int(strided_window(20, 4, 4, RandomState(seed))[0]) for seed in range(80)}
    assert starts == {0, 1, 2, 3, 4}


def test_the_fused_networks_learning_rate() -> None:
    _, arrays = parity.fixture("sampling_schedule")
    schedule = schedule_of(FUSED, 1943)
    found = [schedule.at(step) for step in range(0, 194_300, 971)]
    np.testing.assert_allclose(found, arrays["cosine_lr_ferv39k_seed_bs16"], rtol=1e-12)
    assert schedule.at(0) == 0  # the warm-up starts from exactly nothing


def test_a_short_cosine_schedule() -> None:
    _, arrays = parity.fixture("sampling_schedule")
    found = [Cosine(1e-3, 1e-6, 70, 14).at(step) for step in range(70)]
    np.testing.assert_allclose(found, arrays["cosine_lr_tiny"], rtol=1e-12)


def test_stairs() -> None:
    former = schedule_of(FORMER_DFER, 10)
    assert [former.at(step) for step in (0, 399, 400, 999)] == pytest.approx(
        [0.01, 0.01, 1e-3, 1e-4]
    )
    assert schedule_of(IAL, 10).at(70) == pytest.approx(5e-4)
    mmnet = schedule_of(MMNET, 10)
    assert mmnet.at(499) == pytest.approx(8e-4 * 0.987**49)
    assert mmnet.at(739) == mmnet.at(500) == pytest.approx(8e-4 * 0.987**50)
    assert Stairs(1.0, 0.5, 2).at(7) == 0.125


def test_the_peak_follows_the_batch() -> None:
    assert FUSED.scaled(FUSED.base_lr) == pytest.approx(6.25e-5)
    assert FORMER_DFER.scaled(FORMER_DFER.base_lr) == 0.01


def test_recipes_name_what_there_is() -> None:
    with pytest.raises(RecipeError, match=r"[Dd]id you mean mae_dfer"):
        recipe_of("mae_dffer")
    with pytest.raises(RecipeError, match="no recipe for poster_v2; there are: c3d, "):
        recipe_of("poster_v2")
    with pytest.raises(SamplingError, match="pairs"):
        sampling_of(FORMER_DFER, 7)
    with pytest.raises(SamplingError, match="at least 1, not 0"):
        named("dense", 16, 0)
    with pytest.raises(SamplingError, match="no sampling 'often'; there are: dense"):
        named("often", 16)  # pyright: ignore[reportArgumentType]
    assert sampling_of(FORMER_DFER, 16) == FORMER
    assert sampling_of(IAL, 16) == ONE_BY_ONE
