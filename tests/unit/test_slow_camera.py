"""Cameras of one to four frames a second: one person, one reading, one change."""

from __future__ import annotations

import numpy as np
import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineSpec
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import MAX_GAP, Detection

STILL = EngineSpec("still", 1, 10.0, 48, 0.0, 0.4)
LATE = (0.0, 0.3, 0.1, 0.25)  # of a frame's time, in turn; s at most what keeps a track


class Whole:
    """Finds one face, the whole picture."""

    name = "whole"

    def detect(self, frame: Frame) -> list[Detection]:
        return [Detection(32, 24, 48, 0.0, (8, 0, 56, 48))]

    def close(self) -> None: ...


def sure(code: Emotion) -> tuple[float, ...]:
    return tuple(0.94 if code == index else 0.01 for index in range(7))


@pytest.mark.parametrize("fps", [1, 2, 3, 4])
def test_who_sits_before_a_slow_camera_is_one_person_and_never_away(fps: int) -> None:
    told: list[Steady] = []
    perception, reader = Perception(STILL, Whole()), EmotionReader(lambda s, _: told.append(s))
    spare = max(0.0, MAX_GAP - 1 / fps)
    times = [n / fps + min(LATE[n % 4] / fps, spare) for n in range(40)]
    for number, at in enumerate(times):
        seen = perception.observe(Frame(np.zeros((48, 64, 3), np.uint8), at, number))
        assert seen.track == 0 and seen.clip is not None
        reader.face_seen(seen.track, at)
        code = Emotion.FEAR if number >= 20 else Emotion.NEUTRAL
        reader.predicted(sure(code), at, reader.generation, {})
        assert not reader.face_missing(at + 0.9 / fps)  # no frame for a while is nobody gone
    assert [steady.code for steady in told[20:23]] == [Emotion.NEUTRAL] + 2 * [Emotion.FEAR]
    assert {steady.code for steady in told} == {Emotion.NEUTRAL, Emotion.FEAR}
