"""The default engine: probabilities, the mirror, its two precisions, the framing it was trained on,
its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import resonance_zoo
from resonance_tui.emotions import WORDS
from resonance_tui.engines import precision, registry
from resonance_tui.engines.benchmark_cache import QUICK_BELIEVED_S
from resonance_tui.engines.precision import FLOAT32, INT8, choose, open_precision, softmax
from resonance_tui.engines.processor import named, processor
from resonance_tui.engines.still import StillEngine
from resonance_tui.errors import EngineUnavailable
from resonance_tui.pipeline.alignment import BOX_LIFT, BOX_SCALE
from resonance_zoo import files
from resonance_zoo.cards import still_card

Pictures = NDArray[np.uint8]
MIRROR_BELOW = still_card("static_cnn").output.mirror_below


@pytest.fixture(scope="module", params=[FLOAT32, INT8])
def engine(request: pytest.FixtureRequest) -> StillEngine:
    return StillEngine(precision=request.param)


def clip(engine: StillEngine, frames: int = 4) -> Pictures:
    side = engine.spec.crop_size
    return np.random.default_rng(0).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)


def shapes(count: int, side: int = 48) -> Pictures:
    """Soft patterns of which the network calls some by one name or the other."""
    patches = np.random.default_rng(7).integers(0, 256, (count, 12, 12), dtype=np.uint8)
    grown = [cv2.resize(patch, (side, side), interpolation=cv2.INTER_CUBIC) for patch in patches]
    return np.repeat(np.stack(grown)[..., None], 3, axis=3)


def answers(engine: StillEngine, pictures: Pictures) -> NDArray[np.float32]:
    return np.stack([engine.predict(picture[None]) for picture in pictures])


def test_seven_probabilities_that_sum_to_one(engine: StillEngine) -> None:
    found = engine.predict(clip(engine))
    assert found.shape == (7,) and found.dtype == np.float32
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert (found >= 0).all()


def test_it_judges_one_frame_at_a_time_and_each(engine: StillEngine) -> None:
    assert (engine.spec.clip_frames, engine.spec.hop_s) == (1, 0)


def test_where_it_is_unsure_a_mirrored_face_feels_the_same(engine: StillEngine) -> None:
    frames = clip(engine, 1)
    mirrored = np.ascontiguousarray(frames[:, :, ::-1])
    assert engine.predict(frames).max() < MIRROR_BELOW
    assert engine.predict(frames) == pytest.approx(engine.predict(mirrored), abs=1e-5)


def test_a_clear_face_is_looked_at_once() -> None:
    engine = StillEngine(precision=FLOAT32)
    seen: list[int] = []
    inner = engine._network

    def counting(faces: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.append(len(faces))
        return inner(faces)

    engine._network = counting
    pictures = shapes(40)
    plain = softmax(inner(pictures[:, None, :, :, 0].astype(np.float32)))
    clear = int((plain.max(axis=1) >= MIRROR_BELOW).sum())
    answers(engine, pictures)
    assert 0 < clear < 40
    assert sum(seen) == 40 + (40 - clear)


def test_several_frames_are_the_mean_of_each(engine: StillEngine) -> None:
    frames = clip(engine)
    each = [engine.predict(frames[i : i + 1]) for i in range(len(frames))]
    assert engine.predict(frames) == pytest.approx(np.mean(each, axis=0), abs=1e-5)


def test_what_the_picture_shows_matters(engine: StillEngine) -> None:
    frames = clip(engine)
    grey = frames.mean(axis=3, keepdims=True).astype(np.uint8).repeat(3, axis=3)
    negative = 255 - grey
    assert not np.allclose(engine.predict(grey), engine.predict(negative), atol=1e-3)


def test_both_precisions_name_made_up_faces_alike() -> None:
    pictures = shapes(200)
    whole, rounded = (answers(StillEngine(precision=each), pictures) for each in (FLOAT32, INT8))
    clear = whole.max(axis=1) > 0.6
    assert clear.sum() > 40 and len(set(whole.argmax(axis=1))) >= 4
    assert (whole.argmax(axis=1) == rounded.argmax(axis=1))[clear].mean() >= 0.97
    assert np.abs(whole - rounded).max(axis=1).mean() < 0.05


@pytest.mark.faces
def test_both_precisions_name_real_faces_alike(shared_data: Path) -> None:
    from resonance_zoo.train.still import ferplus

    if not (shared_data / "ferplus.npz").is_file():
        pytest.skip("the training data is not on this machine")
    images, labels = ferplus.labelled(ferplus.load(shared_data / "ferplus.npz", "valid", 800))
    pictures = np.repeat(images[..., None], 3, axis=3)
    named = [
        answers(StillEngine(precision=each), pictures).argmax(axis=1) for each in (FLOAT32, INT8)
    ]
    assert (named[0] == named[1]).mean() >= 0.985
    right = [float((each == labels).mean()) for each in named]
    assert right[0] > 0.85 and abs(right[1] - right[0]) <= 0.01


# which precision


class StandIn:
    """A network that takes `cost` seconds a call on `clock`, and favours the first class."""

    def __init__(self, clock: list[float], cost: float, shift: float = 0.0) -> None:
        self._clock, self._cost, self._shift = clock, cost, shift

    def __call__(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        self._clock[0] += self._cost
        logits = np.zeros((len(faces), 7), np.float32)
        logits[:, 0] = self._shift
        return logits


@pytest.mark.parametrize(
    ("whole_s", "int8_s", "shift", "wanted"),
    [
        (2.0, 1.0, 0.0, INT8),
        (1.0, 1.0, 0.0, FLOAT32),  # no gain: nothing to give up a digit for
        (1.0, 2.0, 0.0, FLOAT32),  # a processor without instructions for it
        (2.0, 1.0, 3.0, FLOAT32),  # one that computes something else
    ],
)
def test_int8_is_chosen_where_it_is_quicker_and_says_the_same(
    whole_s: float, int8_s: float, shift: float, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    networks = {FLOAT32: StandIn(clock, whole_s), INT8: StandIn(clock, int8_s, shift)}
    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock[0])
    seconds, chosen = choose(networks, 48)
    assert chosen == wanted
    assert seconds == pytest.approx(whole_s if wanted == FLOAT32 else int8_s)


def test_the_choice_is_measured_once_and_kept_with_the_processors_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, measured = tmp_path / "models", []

    def once(_networks: object, _size: int) -> tuple[float, str]:
        measured.append(1)
        return 0.001, INT8

    monkeypatch.setattr(precision, "choose", once)
    assert [StillEngine(folder).spec.runs_on for _ in range(2)] == [INT8, INT8]
    assert len(measured) == 1
    (key,) = json.loads((folder / "speed.json").read_text())
    assert processor() in key and still_card("static_cnn").sha256[:16] in key
    now = precision.time.time()
    monkeypatch.setattr(precision.time, "time", lambda: now + QUICK_BELIEVED_S + 1)
    StillEngine(folder)
    assert len(measured) == 2


def test_a_precision_that_is_asked_for_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(precision, "choose")
    assert StillEngine(precision=FLOAT32).spec.runs_on == FLOAT32


def test_a_processor_is_named_by_brand_family_and_model() -> None:
    text = (
        "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\n"
    )
    assert named(text) == "AMD EPYC, cpu family 26, model 2"
    assert named("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n") == (
        "CPU implementer 0x41, CPU part 0xd0c"
    )
    assert named("") == ""


def test_a_precision_that_fits_no_weights_leaves_the_choice_to_the_machine() -> None:
    assert StillEngine(precision="bfloat16").spec.runs_on in (FLOAT32, INT8)


def test_both_files_answer_through_one_function() -> None:
    faces = np.full((3, 1, 48, 48), 100, np.float32)
    for each in (FLOAT32, INT8):
        assert open_precision("static_cnn", each)(faces).shape == (3, 7)


# what it was trained on


def test_faces_are_cut_as_those_it_was_trained_on() -> None:
    wanted = resonance_zoo.card("static_cnn").input
    assert (wanted.box_scale, wanted.shift_up) == (BOX_SCALE, BOX_LIFT)
    assert wanted.border == "replicate"


def test_classes_stand_in_the_order_of_the_house() -> None:
    assert resonance_zoo.card("static_cnn").output.classes == WORDS


@pytest.mark.parametrize("name", ["static_cnn.onnx", "static_cnn.int8.onnx"])
def test_other_weights_than_the_cards_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in files.WEIGHTS.glob("*.onnx"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_bytes(b"something else")
    monkeypatch.setattr(files, "WEIGHTS", tmp_path)
    with pytest.raises(EngineUnavailable, match="SHA-256"):
        registry.create("static")
