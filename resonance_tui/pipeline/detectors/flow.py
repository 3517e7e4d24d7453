"""Where a face has gone since its landmarks were read: optical flow on a small picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, hypot
from typing import cast

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.opencv import cv2

SIZE = 64  # px, side of the patch
MOST_POINTS, LEAST_POINTS = 32, 8
APART = 4  # px between two points
WINDOW = (9, 9)  # px around a point that are compared
LEVELS = 2  # halvings of the patch: a point is found again up to about 20 px away
CONTRAST = 48.0  # standard deviation of a patch's grey values
MOST_GAIN = 8.0
STRAY = 1.0  # px by which a point may miss its start on the way back, or the common motion

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Followed:
    """Where the patch is found again."""

    square: Square
    likeness: float  # correlation with the patch as it was, -1 to 1


class FacePatch:
    """A grey patch of a face, SIZE pixels high and wide, and the points of it that are followed.

    Every picture is compared with the patch as it was, never with the last picture, so errors do
    not add up.
    """

    def __init__(self, image: NDArray[np.uint8], square: Square) -> None:
        """`square` is the face in `image` (H, W, 3) BGR."""
        self._patch = _cut(image, square)
        self._points = _corners(self._patch)

    def follow(self, image: NDArray[np.uint8], square: Square) -> Followed | None:
        """The face in another picture, looked for near `square`; None where it is lost."""
        if len(self._points) < LEAST_POINTS:
            return None
        before, after = self._tracked(_cut(image, square))
        if len(before) < LEAST_POINTS:
            return None
        motion, sound = cv2.estimateAffinePartial2D(before, after, ransacReprojThreshold=STRAY)
        if np.count_nonzero(np.asarray(sound, np.uint8)) < LEAST_POINTS:
            return None
        moved = _moved(square, np.asarray(motion, np.float64))
        return Followed(moved, likeness(self._patch, _cut(image, moved)))

    def _tracked(self, patch: Grey) -> tuple[Points, Points]:
        """The points that are found in `patch` and lead back to where they came from."""
        there, found = _flow(self._patch, patch, self._points)
        back, found_back = _flow(patch, self._patch, there)
        stray = np.abs(back - self._points).reshape(-1, 2).max(axis=1)
        good = found & found_back & (stray < STRAY)
        return self._points[good], there[good]


def _flow(before: Grey, after: Grey, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Where the points of `before` are in `after`, and which of them were found."""
    there = np.empty_like(points)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, there, winSize=WINDOW, maxLevel=LEVELS
    )
    return np.asarray(there, np.float32), np.asarray(found, np.uint8).ravel() == 1


def likeness(one: Grey, other: Grey) -> float:
    """Correlation of two patches; 0 where one of them is even."""
    a, b = (patch.astype(np.float32).ravel() for patch in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-6))


def _cut(image: NDArray[np.uint8], square: Square) -> Grey:
    """The square as a grey patch: a little blurred, against noise, and of the same brightness and
    contrast in any light."""
    flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    to_image = square.to_image(SIZE)
    patch = cv2.warpAffine(image, to_image, (SIZE, SIZE), flags=flags, borderMode=border)
    grey = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(grey))
    gain = min(CONTRAST / max(deviation, 1e-3), MOST_GAIN)
    return np.asarray(cv2.addWeighted(grey, gain, grey, 0, 128 - gain * mean), np.uint8)


def _corners(patch: Grey) -> Points:
    """Points that are easy to find again, inside the face: (N, 1, 2) pixels of the patch."""
    inside = np.zeros_like(patch)
    cv2.circle(inside, (SIZE // 2, SIZE // 2), round(0.45 * SIZE), (255,), -1)
    # Not as OpenCV's types have it: where there is none, the answer is None.
    found = cast("Points | None", cv2.goodFeaturesToTrack(patch, MOST_POINTS, 0.01, APART, inside))
    return np.zeros((0, 1, 2), np.float32) if found is None else found


def _moved(square: Square, motion: NDArray[np.float64]) -> Square:
    """`square` moved by `motion` (2, 3), a similarity in pixels of the patch."""
    middle = motion @ (SIZE / 2, SIZE / 2, 1)
    to_image = square.to_image(SIZE)
    cx, cy = to_image @ (*middle, 1)
    scale = hypot(motion[0, 0], motion[1, 0])
    turn = atan2(motion[1, 0], motion[0, 0])
    return Square(float(cx), float(cy), square.side * scale, square.roll + turn)
