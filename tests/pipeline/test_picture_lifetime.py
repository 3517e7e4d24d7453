"""Where each picture of a person dies, as the docstring of `resonance_tui.pipeline` says."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import weakref
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from limits import until

from resonance_tui.emotions import Emotion
from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import EngineRequest, EngineSpec
from resonance_tui.pipeline import perception
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import CameraState, Frame, Source
from resonance_tui.pipeline.tracker import Detection


class Pictures:
    """Weak references to every picture that the face path made: frames, crops and clips."""

    def __init__(self) -> None:
        self.made: dict[str, list[weakref.ref[np.ndarray]]] = {"frame": [], "crop": [], "clip": []}
        self.has_face = self.has_other = True
        self.side = 240.0  # px of the face
        self.breaks_down = False

    def note(self, kind: str, picture: np.ndarray) -> np.ndarray:
        self.made[kind].append(weakref.ref(picture))
        return picture

    def alive(self, *kinds: str) -> int:
        gc.collect()
        return sum(one() is not None for kind in kinds or self.made for one in self.made[kind])


class Detector:
    """Takes every frame for a face, while there is one."""

    name = "scratch"

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def detect(self, frame: Frame) -> list[Detection]:
        self._pictures.note("frame", frame.image)
        first = Detection(320, 240, self._pictures.side, 0.0, (200, 120, 440, 360))
        other = Detection(40, 100, 60, 0.0, (10, 70, 70, 130))
        return [first] * self._pictures.has_face + [other] * self._pictures.has_other

    def forget(self) -> None:
        """Holds nothing."""

    def close(self) -> None:
        """Holds nothing."""


class Engine:
    """Answers at once."""

    spec = EngineSpec("scratch", 4, 10.0, 48, 0.1, 0.3)

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def predict(self, clip: np.ndarray) -> np.ndarray:
        self._pictures.note("clip", clip)
        if self._pictures.breaks_down:
            raise RuntimeError("out of memory")
        return np.eye(7, dtype=np.float32)[1]


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Pictures:
    found, crop = Pictures(), perception.crop
    module = ModuleType("scratch_extension")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def create(wanted: EngineRequest | Path | None) -> Engine | Detector:
        return Engine(found) if isinstance(wanted, EngineRequest) else Detector(found)

    vars(module)["create"] = create
    detector, engine = detectors.DetectorEntry, engines.EngineEntry
    monkeypatch.setitem(detectors.DETECTORS, "scratch", detector("Scratch", module.__name__))
    monkeypatch.setitem(engines.ENGINES, "scratch", engine(module.__name__))
    monkeypatch.setattr(perception, "crop", lambda *given: found.note("crop", crop(*given)))
    return found


@contextlib.asynccontextmanager
async def reading(
    data_dir: Path, read: list[Emotion] | None = None, *, people: int = 1
) -> AsyncIterator[FacePipeline]:
    """Emotions that are read are added to `read`."""
    said = [] if read is None else read
    face = FacePipeline(
        FacePlan(Source("demo"), "scratch", data_dir, "scratch"),
        once=False,
        on_reading=lambda steady, latency_ms: said.append(steady.code),
        on_status=lambda: None,
        on_notice=lambda text: None,
        people=people,
    )
    task = asyncio.create_task(face.run())
    try:
        yield face
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("people", [1, 4])
async def test_no_picture_outlives_the_camera(
    pictures: Pictures, tmp_path: Path, people: int
) -> None:
    async with reading(tmp_path, people=people) as face:
        await until(lambda: len(pictures.made["clip"]) > 2 and face.preview is not None)
        face.switch(False)
        await until(lambda: face.camera.state is CameraState.OFF)
        await until(lambda: not pictures.alive())
        assert face.preview is None


async def test_who_is_too_far_is_told_so_and_leaves_no_crop(
    pictures: Pictures, tmp_path: Path
) -> None:
    read: list[Emotion] = []
    async with reading(tmp_path, read) as face:
        await until(lambda: len(pictures.made["clip"]) > 2)
        assert not face.too_far
        pictures.side, pictures.has_other = 18.0, False
        await until(lambda: face.too_far)
        await until(lambda: not pictures.alive("crop", "clip"))
        assert read[-1] is Emotion.AWAY and face.preview is None
        pictures.has_face = False
        await until(lambda: not face.too_far)
        pictures.side, pictures.has_face = 240.0, True
        await until(lambda: face.preview is not None)
        assert not face.too_far


@pytest.mark.parametrize("people", [1, 4])
async def test_no_crop_outlives_a_face_that_has_gone(
    pictures: Pictures, tmp_path: Path, people: int
) -> None:
    async with reading(tmp_path, people=people) as face:
        await until(lambda: len(pictures.made["clip"]) > 2)
        pictures.has_face = pictures.has_other = False
        await until(lambda: not pictures.alive("crop", "clip"))
        assert face.camera.state is CameraState.LIVE and face.preview is None


async def test_no_crop_outlives_one_of_two_who_has_gone(pictures: Pictures, tmp_path: Path) -> None:
    async with reading(tmp_path, people=4):
        await until(lambda: len(pictures.made["clip"]) > 4)
        before = len(pictures.made["crop"])
        pictures.has_other = False
        await until(lambda: not any(one() is not None for one in pictures.made["crop"][:before]))
        assert pictures.alive("crop"), "who stayed is read"
        await until(lambda: pictures.alive("crop") <= 12)


async def test_nobody_is_cropped_who_is_not_read(pictures: Pictures, tmp_path: Path) -> None:
    async with reading(tmp_path):
        await until(lambda: len(pictures.made["crop"]) > 10)
        assert len(pictures.made["crop"]) <= len(pictures.made["frame"])


@pytest.mark.parametrize("people", [1, 4])
async def test_no_picture_outlives_an_engine_that_breaks_down(
    pictures: Pictures, tmp_path: Path, people: int
) -> None:
    async with reading(tmp_path, people=people) as face:
        pictures.breaks_down = True
        await until(lambda: face.engine.detail == "out of memory")
        await until(lambda: not pictures.alive())


@pytest.mark.parametrize("people", [1, 2])
async def test_few_pictures_live_at_any_moment(
    pictures: Pictures, tmp_path: Path, people: int
) -> None:
    async with reading(tmp_path, people=people):
        await until(lambda: len(pictures.made["frame"]) > 30)
        assert pictures.alive("frame") <= 2  # the newest, and the one that is looked at
        # Of each: twice the span of a clip, four for each 0.1 s.
        assert pictures.alive("crop") <= 12 * people
        assert pictures.alive("clip") <= people
