"""Pictures as odd cameras give them: the face is found in each, and read as in the plain one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import Engine
from resonance_tui.errors import CameraBusy, CameraError
from resonance_tui.pipeline import devices
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.devices import VideoCapture, open_capture
from resonance_tui.pipeline.perception import Perception, predict
from resonance_tui.pipeline.sources import Frame, Source

Image = np.ndarray
ENOUGH = 12  # frames, for any detector to settle


@pytest.fixture(scope="module")
def engine() -> Engine:
    return engines.create("static")


@pytest.fixture
def smile(shared_data: Path) -> Image:
    """640x360, in colour."""
    video = cv2.VideoCapture(str(shared_data / "clips/single_face.mp4"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 40)
    _, picture = video.read()
    video.release()
    return np.asarray(picture, np.uint8)


class OddVideo:
    """A cv2.VideoCapture that gives one picture with a sensor's noise."""

    def __init__(self, picture: Image) -> None:
        self.picture, self.rng = picture, np.random.default_rng(5)

    def get(self, prop: int) -> float:
        return 0.0

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, Image]:
        return True, self.picture


def read(picture: Image, engine: Engine, model: Path) -> tuple[int, float]:
    """The class that is read in what such a camera gives, and how sure it is."""
    video: Any = OddVideo(picture)
    capture = VideoCapture(video, is_recording=False)
    detector = detectors.create(detectors.AUTO, model)
    perception = Perception(engine.spec, detector)
    clip = None
    try:
        for number in range(ENOUGH):
            image = capture.retrieve()
            assert capture.grab() and image is not None
            clip = perception.observe(Frame(image, number / 10, number)).clip or clip
    finally:
        detector.close()
    assert clip is not None, "no face was found"
    found = predict(engine, clip).probabilities
    return int(np.argmax(found)), max(found)


def grey(picture: Image) -> Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def sized(width: int, height: int) -> Callable[[Image], Image]:
    """The middle of the picture, scaled to this height, on a grey ground."""

    def change(picture: Image) -> Image:
        scale = height / picture.shape[0] * (0.6 if height > width else 1)
        whole = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        ground = np.full((height, width, 3), 90, np.uint8)
        x, y = (width - whole.shape[1]) // 2, (height - whole.shape[0]) // 2
        part = whole[max(-y, 0) :, max(-x, 0) :][:height, :width]
        y, x = max(y, 0), max(x, 0)
        ground[y : y + part.shape[0], x : x + part.shape[1]] = part
        return ground

    return change


ODD: dict[str, Callable[[Image], Image]] = {
    "grey": grey,
    "infrared": lambda picture: (96 + grey(picture) * 0.3).astype(np.uint8),
    "infrared of 12 bits": lambda picture: (grey(picture).astype(np.uint16) << 4) | 9,
    "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "with transparency": lambda picture: cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA),
    "portrait": sized(360, 640),
    "4K": sized(3840, 2160),
    "of odd sizes": sized(641, 359),
    "square": sized(480, 480),
}


@pytest.mark.faces
@pytest.mark.parametrize("kind", ODD)
def test_a_smile_is_a_smile_in_every_picture(
    kind: str, smile: Image, engine: Engine, shared_data: Path
) -> None:
    model = shared_data / "face_landmarker.task"
    plain, _ = read(smile, engine, model)
    found, sure = read(ODD[kind](smile), engine, model)
    assert (found, sure > 0.6) == (plain, True)


@pytest.mark.parametrize(
    ("of_all", "of_node", "is_camera"),
    [
        (0x84A00001, 0x04200001, True),  # a webcam's first node
        (0x84A00001, 0x04A00000, False),  # its second one, for what describes its pictures
        (0x85200002, 0x05200002, False),  # a virtual camera that no program feeds
        (0x85200003, 0x05200001, True),
        (0x04201000, 0, True),  # several planes, and a driver that knows no nodes
    ],
)
def test_a_node_without_pictures_is_not_called_busy(
    of_all: int, of_node: int, is_camera: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fcntl = pytest.importorskip("fcntl", reason="V4L2 is Linux's")
    (tmp_path / "video2").touch()

    def ioctl(_descriptor: int, _request: int, answer: bytearray) -> None:
        answer[84:92] = struct.pack("=2I", of_all, of_node)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    monkeypatch.setattr(devices, "NODES", tmp_path)
    monkeypatch.setattr(devices.sys, "platform", "linux")
    with pytest.raises(CameraError) as caught:
        open_capture(Source("device", "2"))
    assert isinstance(caught.value, CameraBusy) == is_camera
    assert ("virtual camera" in caught.value.hint) != is_camera
