"""One face out of one frame: the square crop that the engines were trained on."""

from __future__ import annotations

from math import ceil, cos, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.tracker import Detection

# The framing of FER+ pictures, measured on boxes around landmarks. Detectors map what they find
# to this square.
BOX_SCALE = 1.09  # side of the crop / larger side of the landmarks' box
BOX_LIFT = 0.055  # how far the crop's centre lies above the box's, in sides of the crop

BLUR = 0.4  # standard deviation of the blur before shrinking, in down-scaling factors
SHRINK = 0.5  # of the down-scaling is done by averaging squares of pixels
MARGIN = 4  # pixels around the square, beside three standard deviations of the blur


def crop(image: NDArray[np.uint8], face: Detection, size: int) -> NDArray[np.uint8]:
    """Cut out the square of `face`: (size, size, 3) RGB, line of the eyes level, no aliasing.

    `image` is (H, W, 3) BGR; the square is filled with its border where it reaches outside.
    """
    scale = max(face.side, 1.0) / size
    sigma = BLUR * scale if scale > 1 else 0.0
    x0, y0, x1, y1 = _bounds(face, 3 * sigma + MARGIN, image.shape[1], image.shape[0])
    part, factor = _shrunk(image[y0:y1, x0:x1], scale)
    # Averages of `factor` pixels have blurred it already, with this variance.
    if (rest := sigma**2 - (factor**2 - 1) / 12) > 0:
        sd = sqrt(rest) / factor
        part = cv2.GaussianBlur(part, (0, 0), sd, borderType=cv2.BORDER_REPLICATE)
    c, s = scale * cos(face.roll), scale * sin(face.roll)
    middle = (size - 1) / 2
    to_image = np.array(
        [
            [c, -s, face.cx - 0.5 - x0 - middle * (c - s)],
            [s, c, face.cy - 0.5 - y0 - middle * (s + c)],
        ]
    )
    to_image /= factor
    to_image[:, 2] += 0.5 / factor - 0.5  # from pixel centres to pixel centres
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(
        part, to_image, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(square[:, :, ::-1], dtype=np.uint8)


def _shrunk(part: NDArray[np.uint8], scale: float) -> tuple[NDArray[np.uint8], int]:
    """The part averaged over squares of pixels, and their side: a blur over all of a large face
    would cost as much as everything else together."""
    factor = min(max(int(SHRINK * scale), 1), *part.shape[:2])
    if factor == 1:
        return part, 1
    width, height = part.shape[1] // factor, part.shape[0] // factor
    whole = part[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8), factor


def _bounds(face: Detection, margin: float, width: int, height: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the part that the rotated square needs; at least one pixel."""
    reach = face.side / 2 * (abs(cos(face.roll)) + abs(sin(face.roll))) + margin
    x0 = min(max(int(face.cx - reach), 0), width - 1)
    y0 = min(max(int(face.cy - reach), 0), height - 1)
    x1 = min(max(ceil(face.cx + reach), x0 + 1), width)
    y1 = min(max(ceil(face.cy + reach), y0 + 1), height)
    return x0, y0, x1, y1
