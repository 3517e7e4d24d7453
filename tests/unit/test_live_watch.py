"""How a live camera is doing, from the times and pixels of its pictures."""

from __future__ import annotations

import numpy as np
import pytest

from resonance_tui.pipeline.live_watch import LiveWatch, fingerprint, seconds_to_tell

DARK = np.zeros((480, 640, 3), np.uint8)


def watched(fps: float, seconds: float, watch: LiveWatch | None = None, start: float = 0.0):
    watch = watch or LiveWatch()
    for number in range(round(seconds * fps) + 1):
        watch.came(start + number / fps)
    return watch


@pytest.mark.parametrize("fps", [1, 2, 4, 10, 30, 60])
def test_the_rate_is_what_has_come_of_late(fps: float) -> None:
    watch = watched(fps, 10)
    assert watch.fps == pytest.approx(fps)
    assert watch.is_slow == (fps < 5)
    watched(30, 10, watch, start=10.1)
    assert watch.fps == pytest.approx(30)
    assert not watch.is_slow


def test_nothing_is_said_of_the_first_moments() -> None:
    assert watched(30, 0.5).fps is None
    assert not watched(2, 2).is_slow  # many a camera starts with a pause


def test_a_rate_at_the_border_does_not_flicker() -> None:
    watch = watched(4.9, 10)
    assert watch.is_slow
    assert watched(5.5, 10, watch, start=10.1).is_slow


def frozen_after(pictures: list[np.ndarray], fps: float) -> float | None:
    """Seconds after which it is called frozen."""
    watch = LiveWatch()
    times = (number / fps for number in range(len(pictures)))
    return next((at for at, p in zip(times, pictures, strict=True) if watch.is_frozen(p, at)), None)


@pytest.mark.parametrize(("fps", "after"), [(1, 5.0), (10, 5.0), (0.5, 6.0)])
def test_one_picture_for_ever_is_frozen(fps: float, after: float) -> None:
    assert frozen_after([DARK] * 60, fps) == after


def test_a_dark_room_has_noise_and_is_not_frozen() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.poisson(0.3, DARK.shape).astype(np.uint8) for _ in range(40)]
    assert frozen_after(noise, 4) is None


def test_a_pause_between_two_pictures_is_not_frozen() -> None:
    assert frozen_after([DARK, DARK], 0.1) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 3, 3), (2160, 3840, 3)])
def test_any_size_has_a_fingerprint_of_few_pixels(shape: tuple[int, ...]) -> None:
    picture = np.zeros(shape, np.uint8)
    before = fingerprint(picture)
    picture[0, 0] = 1
    assert fingerprint(picture) != before


def test_few_pictures_mean_a_long_wait() -> None:
    assert seconds_to_tell(1) > seconds_to_tell(4) >= 0.4
