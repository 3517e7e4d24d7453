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
MARGIN = 4  # pixels around the square, beside three standard deviations of the blur
COARSE = 3  # down-scaling factor from twice which on pixels are first averaged in blocks


def crop(image: NDArray[np.uint8], face: Detection, size: int) -> NDArray[np.uint8]:
    """Cut out the square of `face`: (size, size, 3) RGB, line of the eyes level, no aliasing.

    `image` is (H, W, 3) BGR; the square is filled with its border where it reaches outside.
    """
    scale = max(face.side, 1.0) / size
    sigma = BLUR * scale if scale > 1 else 0.0
    x0, y0, x1, y1 = _bounds(face, 3 * sigma + MARGIN, image.shape[1], image.shape[0])
    part, block = _in_blocks(image[y0:y1, x0:x1], max(1, int(scale / COARSE)))
    if sigma:
        rest = sqrt(sigma**2 - (block**2 - 1) / 12) / block  # a block's mean has blurred, too
        part = cv2.GaussianBlur(part, (0, 0), rest, borderType=cv2.BORDER_REPLICATE)
    c, s = scale * cos(face.roll), scale * sin(face.roll)
    middle = (size - 1) / 2
    to_image = np.array(
        [
            [c, -s, face.cx - 0.5 - x0 - middle * (c - s)],
            [s, c, face.cy - 0.5 - y0 - middle * (s + c)],
        ]
    )
    to_image[:, 2] += 0.5
    to_image /= block
    to_image[:, 2] -= 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(
        part, to_image, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(square[:, :, ::-1], dtype=np.uint8)


def _in_blocks(part: NDArray[np.uint8], block: int) -> tuple[NDArray[np.uint8], int]:
    """The means of blocks of `block` x `block` pixels, and their side: 1 where one is too large.

    So the cost of a crop does not grow with the picture.
    """
    height, width = part.shape[0] // block, part.shape[1] // block
    if block == 1 or not height or not width:
        return part, 1
    whole = part[: height * block, : width * block]
    means = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.uint8), block


def _bounds(face: Detection, margin: float, width: int, height: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of the part that the rotated square needs; at least one pixel."""
    reach = face.side / 2 * (abs(cos(face.roll)) + abs(sin(face.roll))) + margin
    x0 = min(max(int(face.cx - reach), 0), width - 1)
    y0 = min(max(int(face.cy - reach), 0), height - 1)
    x1 = min(max(ceil(face.cx + reach), x0 + 1), width)
    y1 = min(max(ceil(face.cy + reach), y0 + 1), height)
    return x0, y0, x1, y1
