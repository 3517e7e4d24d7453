"""What tests of picture sources share: a camera that misbehaves, and what is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
from limits import Limit

from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source

QUICK = (0.05, 0.1)  # pauses between tries
CAMERA = Source("device", "0")
Started = Callable[..., FrameSource]


async def collect(source: FrameSource, seconds: float) -> list[Frame]:
    """Every frame of the next seconds, or until the source has ended."""
    frames: list[Frame] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and source.status.state is not CameraState.ENDED:
        frame = await source.next(frames[-1].index if frames else -1)
        if frame is not None:
            frames.append(frame)
    return frames


async def status_when(source: FrameSource, state: CameraState, within: float = 10) -> CameraStatus:
    until = Limit(within)
    while not until.ran_out():
        if (status := source.status).state is state:
            return status
        await asyncio.sleep(0.005)
    raise AssertionError(f"never {state}; it is {source.status}")


class FakeCamera:
    """A live capture that gives `count` frames and then fails in the way it is told."""

    is_recording = False

    def __init__(self, count: int = 10**9, error: Exception | None = None) -> None:
        self.left = count
        self.error = error
        self.is_released = False

    def grab(self) -> bool:
        time.sleep(0.004)
        self.left -= 1
        if self.left < 0 and self.error is not None:
            raise self.error
        return self.left >= 0

    def retrieve(self) -> np.ndarray | None:
        return np.full((48, 64, 3), self.left % 256, np.uint8)

    def glance(self) -> np.ndarray | None:
        return self.retrieve()

    def media_time(self) -> float | None:
        return None

    def release(self) -> None:
        self.is_released = True


class Script:
    """Opens, one after another, what the test lists; the last one again and again."""

    def __init__(self, *acts: FakeCamera | Exception) -> None:
        self.acts = list(acts)
        self.opened: list[FakeCamera] = []
        self.called_at: list[float] = []

    def __call__(self, source: Source) -> FakeCamera:
        self.called_at.append(time.monotonic())
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        if isinstance(act, Exception):
            raise act
        self.opened.append(act)
        return act


class Same:
    """Holds for every picture, or for none."""

    def __init__(self, holds: bool) -> None:
        self.holds, self.shapes = holds, set[tuple[int, ...]]()

    def hold(self, image: np.ndarray) -> bool:
        self.shapes.add(image.shape)
        return self.holds
