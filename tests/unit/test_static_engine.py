"""The default engine: probabilities, the mirror, the framing it was trained on, its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import resonance_zoo
from numpy.typing import NDArray
from resonance_zoo import files

from resonance_tui.emotions import WORDS
from resonance_tui.engines import registry
from resonance_tui.engines.still import StillEngine
from resonance_tui.errors import EngineUnavailable
from resonance_tui.pipeline.alignment import BOX_LIFT, BOX_SCALE


@pytest.fixture(scope="module")
def engine() -> StillEngine:
    return StillEngine()


def clip(engine: StillEngine, seed: int = 0) -> NDArray[np.uint8]:
    side = engine.spec.crop_size
    shape = (engine.spec.clip_frames, side, side, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_seven_probabilities_that_sum_to_one(engine: StillEngine) -> None:
    found = engine.predict(clip(engine))
    assert found.shape == (7,) and found.dtype == np.float32
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert (found >= 0).all()


def test_a_mirrored_face_feels_the_same(engine: StillEngine) -> None:
    frames = clip(engine)
    mirrored = np.ascontiguousarray(frames[:, :, ::-1])
    assert engine.predict(frames) == pytest.approx(engine.predict(mirrored), abs=1e-5)


def test_a_clip_is_the_mean_of_its_frames(engine: StillEngine) -> None:
    frames = clip(engine)
    each = [engine.predict(frames[i : i + 1]) for i in range(len(frames))]
    assert engine.predict(frames) == pytest.approx(np.mean(each, axis=0), abs=1e-5)


def test_what_the_picture_shows_matters(engine: StillEngine) -> None:
    frames = clip(engine)
    grey = frames.mean(axis=3, keepdims=True).astype(np.uint8).repeat(3, axis=3)
    negative = 255 - grey
    assert not np.allclose(engine.predict(grey), engine.predict(negative), atol=1e-3)


def test_faces_are_cut_as_those_it_was_trained_on() -> None:
    wanted = resonance_zoo.card("static_cnn").input
    assert (wanted.box_scale, wanted.shift_up) == (BOX_SCALE, BOX_LIFT)
    assert wanted.border == "replicate"


def test_classes_stand_in_the_order_of_the_house() -> None:
    assert resonance_zoo.card("static_cnn").output.classes == WORDS


def test_other_weights_than_the_cards_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "static_cnn.onnx").write_bytes(b"something else")
    monkeypatch.setattr(files, "WEIGHTS", tmp_path)
    with pytest.raises(EngineUnavailable, match="SHA-256"):
        registry.create("static")
