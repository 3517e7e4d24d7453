"""What a face detector is, and what detectors share."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

THUMBNAIL = (32, 18)  # pixels, in which scenes are compared
NOISE = 3.0  # grey levels: standard deviation of a sensor's noise in one of them, at most


class FaceDetector(Protocol):
    """Finds the faces of one frame. Frames come in the order of capture, on one thread.

    A detector keeps no picture longer than a call, except a thumbnail of THUMBNAIL pixels and,
    where it follows faces, a small grey patch of each.
    """

    name: str  # as in the registry

    def detect(self, frame: Frame) -> list[Detection]:
        """Every face, framed as `alignment` says, in pixels of the frame."""
        ...

    def forget(self) -> None:
        """Drop what is kept of earlier frames."""
        ...

    def close(self) -> None: ...


class SceneCounter:
    """Counts the hard cuts in a stream of frames."""

    def __init__(self) -> None:
        self._count = 0
        self._last: NDArray[np.float64] | None = None

    def scene(self, grey: NDArray[np.uint8]) -> int:
        """Number of hard cuts up to and including this grey frame (H, W)."""
        small = cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64)
        if self._last is not None and is_cut(self._last, small):
            self._count += 1
        self._last = small
        return self._count

    def forget(self) -> None:
        """The next frame is compared with nothing."""
        self._last = None


def is_cut(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether two small grey pictures (h, w) show different scenes.

    Light may change and people may move: on real clips neighbours correlate with 0.87 and more.
    What may be noise of its own in each picture counts as no difference: in the dark that is most
    of what there is.
    """
    before, after = before - before.mean(), after - after.mean()
    scale = np.sqrt((before**2).mean() * (after**2).mean())
    return bool((before * after).mean() < 0.5 * (scale - NOISE**2))


def narrowed(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """`image` (H, W, 3) scaled down to at most `width` pixels.

    Of one that is four times as wide or more only some pixels are looked at, which bounds the cost.
    """
    if image.shape[1] <= width:
        return image
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    step = max(1, image.shape[1] // (2 * width))
    if step > 1:
        rows = min(step, image.shape[0])
        image = np.ascontiguousarray(image[rows // 2 :: rows, step // 2 :: step])
    is_half = image.shape[1] > 1.5 * width
    how = cv2.INTER_AREA if is_half else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
