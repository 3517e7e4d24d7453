"""Which frames of a camera are delivered while faces look the same, and once they do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.attention import LOOK_EVERY_S, WATCH_FPS, Attention

OLD, NEW = (np.full((2, 2, 3), shade, np.uint8) for shade in (10, 200))


class Alike:
    """Holds for pictures of one shade; counts how often it was asked."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self._picture, self.asked = picture, 0

    def hold(self, image: NDArray[np.uint8]) -> bool:
        self.asked += 1
        return bool((image == self._picture).all())


def delivered(
    attention: Attention, start: float, seconds: float, picture: NDArray[np.uint8], fps: int = 30
) -> list[float]:
    """When frames are delivered of a camera that shows one picture."""
    times = [start + number / fps for number in range(round(seconds * fps))]
    found: list[float] = []
    for at in times:
        if attention.is_due(at) and not attention.keeps_back(lambda: picture, at):
            attention.delivered(at)
            found.append(at)
    return found


def test_without_anything_to_compare_frames_come_as_often_as_asked_for() -> None:
    attention = Attention(6.0)
    assert len(delivered(attention, 0, 10, OLD)) in (60, 61)


def test_while_faces_look_the_same_one_frame_in_a_while_is_delivered() -> None:
    attention, still = Attention(6.0), Alike(OLD)
    attention.ask(6.0, still)
    times = delivered(attention, 0, 12, OLD)
    assert np.allclose(np.diff(times), LOOK_EVERY_S, atol=1 / WATCH_FPS)
    assert still.asked <= 12 * WATCH_FPS
    assert attention.held_at >= 11.8


def test_the_first_frame_that_is_compared_and_differs_is_delivered() -> None:
    for phase in range(10):
        attention = Attention(6.0)
        attention.ask(6.0, Alike(OLD))
        delivered(attention, 0, 2 + phase / 30, OLD)
        start = 2 + phase / 30
        assert delivered(attention, start, 1, NEW)[0] - start <= 1 / WATCH_FPS


def test_frames_that_differ_all_the_time_come_no_more_often_than_asked_for() -> None:
    attention = Attention(6.0)
    attention.ask(6.0, Alike(OLD))
    assert 57 <= len(delivered(attention, 0, 10, NEW)) <= 61
    assert attention.held_at < 0


def test_every_frame_of_a_slow_camera_is_compared() -> None:
    attention, still = Attention(6.0), Alike(OLD)
    attention.ask(6.0, still)
    assert len(delivered(attention, 0, 10, NEW, fps=3)) == 30
