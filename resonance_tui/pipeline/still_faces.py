"""Whether faces, or a whole picture, still look as they did when they were read last.

That takes a tenth of the time that reading them again takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.tracker import Detection

SIZE = 24  # px, side of the patch of a face
SAMPLES = 80  # pixels along a side that are looked at, at least
BLUR = 1.0  # px of the patch
BLOCK = SIZE // 4  # px; a mouth or an eye
# The largest change of a block, in standard deviations of the patch. A face at rest before a camera
# that shakes by a pixel and has a sensor's noise has .03 (p99 .096); two emotions have .4 and more.
# Of a man who laughs and talks, 97 of 100 pictures with less than this are read alike.
LEAST_CHANGE = 0.09
EVEN = 16.0  # grey levels; of a patch with less contrast, what changes may be noise

Plane = NDArray[np.float32]
_ROWS, _COLUMNS = ((plane - (SIZE - 1) / 2).ravel() / SIZE for plane in np.mgrid[0:SIZE, 0:SIZE])


class StillPlace:
    """24x24 grey pixels of a place in a picture, and what a small motion or another light would
    add to them."""

    def __init__(self, image: NDArray[np.uint8], face: Detection | None = None) -> None:
        """`image` is (H, W, 3) BGR; without a face all of it."""
        self._size = image.shape[:2]
        self._place = _whole(image) if face is None else _around(image, face)
        self._patch = _cut(image, self._place, 1.0)
        self._contrast = max(float(self._patch.std()), EVEN)
        self._basis = _basis(self._patch)

    def hold(self, image: NDArray[np.uint8]) -> bool:
        """Whether another picture of the same camera shows the same there, whatever the light, and
        moved by a little at most. It is (H, W, 3) BGR, or grey and then maybe smaller."""
        k = image.shape[1] / self._size[1]
        has_shape = abs(image.shape[0] - k * self._size[0]) <= 1 and k <= 1
        return has_shape and self._change(_cut(image, self._place, k)) < LEAST_CHANGE

    def _change(self, patch: Plane) -> float:
        """What neither motion nor light explains, where it is most; see LEAST_CHANGE."""
        step = (patch - self._patch).ravel()
        rest = (step - self._basis @ (self._basis.T @ step)).reshape(SIZE, SIZE)
        energy = np.asarray(cv2.blur(rest * rest, (BLOCK, BLOCK)), np.float32)
        half = BLOCK // 2
        return sqrt(float(energy[half:-half, half:-half].max())) / self._contrast


class StillFaces:
    """The faces of one picture, for as long as it lives."""

    def __init__(self, image: NDArray[np.uint8], faces: Sequence[Detection]) -> None:
        """`image` is (H, W, 3) BGR."""
        self._faces = [StillPlace(image, face) for face in faces]

    def hold(self, image: NDArray[np.uint8]) -> bool:
        """Whether each of them looks the same in another picture; see StillPlace."""
        return all(face.hold(image) for face in self._faces)


Box = tuple[int, int, int, int]  # x0, y0, x1, y1


def _whole(image: NDArray[np.uint8]) -> Box:
    return 0, 0, image.shape[1], image.shape[0]


def _around(image: NDArray[np.uint8], face: Detection) -> Box:
    """What of the face's upright square is inside the picture; at least one pixel."""
    height, width = image.shape[:2]
    half = face.side / 2
    x0, y0 = (min(max(int(c - half), 0), n - 1) for c, n in ((face.cx, width), (face.cy, height)))
    x1, y1 = max(int(face.cx + half), x0 + 1), max(int(face.cy + half), y0 + 1)
    return x0, y0, min(x1, width), min(y1, height)


def _cut(image: NDArray[np.uint8], box: Box, k: float) -> Plane:
    """The box, scaled by `k`, as (SIZE, SIZE) grey pixels, a little blurred. Of a large one only
    some pixels are looked at."""
    x0, y0, x1, y1 = (int(k * edge) for edge in box)
    step = max(1, min(x1 - x0, y1 - y0) // SAMPLES)
    part = np.ascontiguousarray(image[y0 : max(y1, y0 + 1) : step, x0 : max(x1, x0 + 1) : step])
    grey = part if part.ndim == 2 else np.asarray(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), np.uint8)
    small = cv2.resize(grey, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(np.asarray(small, np.float32), (0, 0), BLUR), np.float32)


def _basis(patch: Plane) -> Plane:
    """Orthonormal columns (SIZE * SIZE, 8): light as a whole and from one side, shift, scale and
    turn, to the first order."""
    down, right = (plane.ravel() for plane in np.gradient(patch))
    columns = (
        patch.ravel(),
        np.ones(SIZE * SIZE),
        _ROWS,
        _COLUMNS,
        down,
        right,
        _ROWS * down + _COLUMNS * right,
        _COLUMNS * down - _ROWS * right,
    )
    return np.asarray(np.linalg.qr(np.stack(columns, 1))[0], np.float32)
