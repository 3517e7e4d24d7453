"""A face that rests reads the same for a whole minute, under a webcam's noise and small motion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.engines import registry as engines
from resonance_tui.pipeline.decision import DecisionSettings
from resonance_tui.pipeline.demo_camera import load_portraits, render
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.perception import Perception, predict
from resonance_tui.pipeline.smoothing import Smoother
from resonance_tui.pipeline.sources import Frame

Picture = NDArray[np.uint8]
MINUTE = 600  # frames at 10 Hz
GRAIN = 97  # so many pixels larger than a picture is the sensor noise that it gets a piece of


def resting(picture: Picture, rng: np.random.Generator) -> Iterator[Picture]:
    """A minute of somebody who sits still: a wandering head, flicker, sensor noise."""
    height, width = picture.shape[:2]
    grain = rng.normal(0, 5, (height + GRAIN, width + GRAIN, 3)).astype(np.float32)
    x = y = 0.0
    for number in range(MINUTE):
        x, y = 0.95 * x + rng.normal(0, 0.8), 0.95 * y + rng.normal(0, 0.8)
        scale = 1 + 0.01 * math.sin(number / 7)
        move = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 0.3), scale)
        move[:, 2] += (x, y)
        moved = cv2.warpAffine(picture, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        light = np.float32(1 + 0.03 * math.sin(number / 3))
        down, right = rng.integers(0, GRAIN, 2)  # another piece of it every time
        noisy = moved * light + grain[down : down + height, right : right + width]
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def watch(pictures: Iterator[Picture], model: Path | None) -> list[Emotion]:
    """What the viewer would report, reading by reading, in the film's own time."""
    engine = engines.create("static")
    detector = detectors.create("auto", model)
    perception = Perception(engine.spec, detector)
    smoother = Smoother(DecisionSettings(unsure_below=engine.spec.unsure_below))
    codes = []
    for number, picture in enumerate(pictures):
        seen = perception.observe(Frame(picture, number / 10, number))
        if seen.clip is not None:
            found = predict(engine, seen.clip)
            steady = smoother.update(found.probabilities, seen.at, demand=found.demand)
            codes.append(steady.code)
    detector.close()
    return codes


def changes(codes: list[Emotion]) -> int:
    return sum(one is not other for one, other in itertools.pairwise(codes))


@pytest.mark.parametrize("second", [0.1, 9.5])
@pytest.mark.faces
def test_a_resting_face_changes_at_most_once_a_minute(shared_data: Path, second: float) -> None:
    name = "single_face" if second < 2 else "WolfgangLanger_Pexels"
    film = cv2.VideoCapture(str(shared_data / f"clips/{name}.mp4"))
    film.set(cv2.CAP_PROP_POS_MSEC, second * 1000)
    found, picture = film.read()
    film.release()
    assert found
    rng = np.random.default_rng(round(second * 10))
    codes = watch(resting(np.asarray(picture, np.uint8), rng), shared_data / "face_landmarker.task")
    assert len(codes) > 250
    assert changes(codes) <= 1


def test_the_demo_portrait_is_steady_with_the_simpler_face_finder_too() -> None:
    portraits = load_portraits()
    codes = watch((render(portraits, number / 10) for number in range(MINUTE)), None)
    assert len(codes) > 200
    assert changes(codes) <= 1
