"""A face too small to be read gives no clip, and is told from a face that is not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from resonance_tui.engines.base import EngineSpec
from resonance_tui.pipeline.perception import MIN_SIDE, NEAR_AGAIN, FaceObservation, Perception
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

SPEC = EngineSpec("scratch", 1, 10.0, 48, 0.1, 0.3)
PICTURE = np.full((480, 640, 3), 90, np.uint8)
FACE = Detection(320, 240, 100, 0.0, (270, 190, 370, 290))


class Detector:
    """Finds one face of a given size."""

    name = "scratch"
    side: float | None = 100.0

    def detect(self, frame: Frame) -> list[Detection]:
        return [] if self.side is None else [replace(FACE, side=self.side)]

    def forget(self) -> None:
        """Holds nothing."""

    def close(self) -> None:
        """Holds nothing."""


class Watched:
    """Perception, a frame every tenth of a second."""

    def __init__(self) -> None:
        self.detector, self.frames = Detector(), 0
        self.perception = Perception(SPEC, self.detector)

    def see(self, side: float | None) -> FaceObservation:
        self.detector.side = side
        self.frames += 1
        return self.perception.observe(Frame(PICTURE, self.frames / 10, self.frames))


@pytest.mark.parametrize(("side", "too_far"), [(MIN_SIDE - 1, True), (MIN_SIDE, False)])
def test_a_face_is_read_from_the_smallest_side_on(side: float, too_far: bool) -> None:
    seen = Watched().see(side)
    assert seen.too_far is too_far and seen.track == 0
    assert (seen.clip is None) is too_far and (seen.preview is None) is too_far


def test_nobody_is_not_too_far() -> None:
    watched = Watched()
    watched.see(10)
    seen = watched.see(None)
    assert not seen.too_far and seen.track is None


def test_a_face_at_the_limit_does_not_flicker() -> None:
    watched = Watched()
    wobbling = [watched.see(MIN_SIDE + (0.5 if n % 2 else -0.5)).too_far for n in range(20)]
    assert wobbling == [True] * 20
    assert not watched.see(MIN_SIDE * NEAR_AGAIN).too_far
    assert not watched.see(MIN_SIDE + 0.5).too_far


def test_no_crop_of_before_is_read_once_the_face_comes_near_again() -> None:
    watched = Watched()
    watched.see(100)
    far = [watched.see(side) for side in (70, 50, 35, 23, 15, *[15] * 12)]
    assert all(seen.clip is None for seen in far if seen.too_far)
    near = [watched.see(side) for side in (22, 33, 50, 75)]
    assert near[-1].clip is not None
    assert min(near[-1].clip.times) >= 1.7
