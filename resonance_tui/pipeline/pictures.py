"""What cameras and files hand out, as the one kind of picture that the face path reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from resonance_tui.pipeline.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

EIGHT = 8  # bits


class Normaliser:
    """Turns grey, infrared, BGRA, YUYV and 16-bit pictures of one source into BGR, 8 bits."""

    def __init__(self) -> None:
        self._bits = EIGHT  # in use, of 16; only grows, so that the light does not flicker

    def bgr(self, image: NDArray[Any] | None) -> NDArray[np.uint8] | None:
        """(H, W, 3) BGR; None for what is no picture. An 8-bit BGR picture is not copied."""
        if image is None or image.ndim not in (2, 3) or 0 in image.shape:
            return None
        if image.dtype == np.uint16:
            image = self._eight_bits(image)
        if image.dtype != np.uint8:
            return None
        channels = image.shape[2] if image.ndim == 3 else 1
        if channels == 3:
            return image
        code = {1: cv2.COLOR_GRAY2BGR, 2: cv2.COLOR_YUV2BGR_YUY2, 4: cv2.COLOR_BGRA2BGR}
        if channels not in code or (channels == 2 and image.shape[1] % 2):
            return None
        return np.asarray(cv2.cvtColor(image, code[channels]), dtype=np.uint8)

    def _eight_bits(self, image: NDArray[Any]) -> NDArray[np.uint8]:
        """Depth and infrared cameras use 10 or 12 of the 16 bits."""
        self._bits = max(self._bits, int(image.max()).bit_length())
        return (image >> (self._bits - EIGHT)).astype(np.uint8)
