"""A real network of the zoo as an engine: what it gives, and what it refuses."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from limits import Limit
from tiny_network import CPU, NAME, imported, torch

from resonance_tui.engines import base, registry
from resonance_tui.engines.base import EngineOptions, EngineSpec, weights_folder
from resonance_tui.errors import EngineUnavailable
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.sources import parse_source
from resonance_zoo import inference
from resonance_zoo.cards import network_card
from resonance_zoo.clip_input import ClipError


def test_it_gives_what_the_network_gives(tmp_path: Path) -> None:
    network, card = imported(tmp_path), network_card(NAME)
    assert card.input is not None
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)
    assert engine.spec == EngineSpec(NAME, 16, 15.0, 32, 0.2, 0.3, "float32 on cpu", True)
    clip = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    pixels = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1, 1) for v in (card.input.mean, card.input.std))
    with torch.no_grad():
        expected = torch.softmax(network((pixels - mean) / std)[0], -1).numpy()
    assert engine.predict(clip) == pytest.approx(expected, abs=1e-5)
    assert expected.max() > 0.2


def test_an_untrained_one_answers_and_never_counts(tmp_path: Path) -> None:
    options = replace(CPU, allow_untrained=True)
    engine = registry.create("former_dfer", weights_folder(tmp_path), options)
    assert not engine.spec.is_trained
    assert engine.spec.unsure_below > 1
    found = engine.predict(np.zeros((16, 112, 112, 3), np.uint8))
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_weights_for_other_classes_are_refused(tmp_path: Path) -> None:
    imported(tmp_path, num_classes=5)
    with pytest.raises(EngineUnavailable, match="5 classes"):
        registry.create(NAME, weights_folder(tmp_path), CPU)


def test_weights_that_changed_since_are_refused(tmp_path: Path) -> None:
    imported(tmp_path)
    with (weights_folder(tmp_path) / f"{NAME}.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(EngineUnavailable, match="SHA-256"):
        registry.create(NAME, weights_folder(tmp_path), CPU)


@pytest.mark.parametrize("name", [NAME, "auto"])
def test_a_device_that_is_not_here_is_said(name: str, tmp_path: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has an mps device")
    imported(tmp_path)
    with pytest.raises(EngineUnavailable, match="mps") as caught:
        registry.create(name, weights_folder(tmp_path), EngineOptions(device="mps"))
    assert "--device" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("CUDA out of memory. Tried 2 GiB.\nMore."), "too little memory: CUDA out"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "too little"),
        (MemoryError(), "too little memory"),
        (AssertionError("Torch not compiled with CUDA enabled"), "cannot run on the device 'cpu'"),
        (ClipError("the network's answer is not finite"), "cannot be used: the network's answer"),
    ],
)
def test_what_torch_throws_is_told_in_words(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(tmp_path)
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)

    def throw(*_: object) -> None:
        raise error

    monkeypatch.setattr(inference.Predictor, "predict", throw)
    for ask in (
        lambda: engine.predict(np.zeros((16, 32, 32, 3), np.uint8)),
        lambda: registry.create(NAME, weights_folder(tmp_path), CPU),
    ):
        with pytest.raises(EngineUnavailable, match=re.escape(said)) as caught:
            ask()
        assert caught.value.hint and "More" not in caught.value.message


def test_both_lists_of_devices_and_of_precisions_say_the_same() -> None:
    """The app's can be had without torch."""
    assert set(base.DEVICES) == set(inference.DEVICES)
    assert set(base.PRECISIONS) == set(inference.PRECISIONS)


def test_auto_measures_and_takes_it(tmp_path: Path) -> None:
    imported(tmp_path)
    folder = weights_folder(tmp_path)
    assert registry.create("auto", folder, CPU).spec.name == NAME
    (key,) = json.loads((folder / "speed.json").read_text())
    assert key.startswith(NAME) and "cpu float32" in key


@pytest.mark.faces
def test_a_clip_of_a_real_film_holds_sixteen_moments_of_a_second(
    shared_data: Path, tmp_path: Path, face_model: None
) -> None:
    imported(tmp_path)
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)
    detector = detectors.create("auto", shared_data / "face_landmarker.task")
    perception = Perception(engine.spec, detector)
    camera = FrameSource(parse_source(str(shared_data / "clips/single_face.mp4")), fps=15)
    camera.start()
    clip, after, until = None, -1, Limit(15)
    try:
        while clip is None and not until.ran_out():
            frame = camera.latest(after)
            if frame is None:
                time.sleep(0.005)
                continue
            after = frame.index
            clip = perception.observe(frame).clip
    finally:
        camera.stop()
        detector.close()
    assert clip is not None
    assert clip.frames.shape == (16, 32, 32, 3)
    assert all(a < b for a, b in pairwise(clip.times))
    assert clip.times[-1] - clip.times[0] == pytest.approx(1.0, abs=0.5)
    assert len({frame.tobytes() for frame in clip.frames}) == 16
    assert engine.predict(clip.frames).sum() == pytest.approx(1, abs=1e-5)
