"""A stream of JPEGs, of which only those that somebody looks at are decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.devices import VideoCapture
from resonance_tui.pipeline.opencv import cv2

COLOUR = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
HALF_GREY = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_IGNORE_ORIENTATION


def is_of_jpegs(video: cv2.VideoCapture) -> bool:
    """Whether an open stream sends JPEGs, and gives them out as they are from now on."""
    code = int(video.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    return code.to_bytes(4, "little") == b"MJPG" and video.set(cv2.CAP_PROP_FORMAT, -1)


class JpegCapture(VideoCapture):
    """A Capture of a live stream for which `is_of_jpegs` has said yes.

    `reopen` opens the stream once more, to be decoded by FFmpeg as any other: for a camera whose
    first picture is of a kind that OpenCV does not read.
    """

    def __init__(self, video: cv2.VideoCapture, reopen: Callable[[], cv2.VideoCapture]) -> None:
        super().__init__(video, is_recording=False)
        self._reopen: Callable[[], cv2.VideoCapture] | None = reopen
        self._is_raw = True

    def glance(self) -> NDArray[np.uint8] | None:
        """In grey, at half the size."""
        if not self._is_raw:
            return super().glance()
        is_good, image = self._guarded(lambda: self._decoded(HALF_GREY))
        return np.asarray(image, np.uint8) if is_good else None

    def _picture(self) -> tuple[bool, NDArray[Any] | None]:
        if not self._is_raw:
            return super()._picture()
        is_good, image = self._decoded(COLOUR)
        if not is_good and self._reopen is not None:
            self._video.release()
            self._video, self._is_raw = self._reopen(), False
        self._reopen = None
        return is_good, image

    def _decoded(self, how: int) -> tuple[bool, NDArray[Any] | None]:
        is_good, packet = super()._picture()
        if not is_good or packet is None or not packet.size:
            return False, None
        image: NDArray[Any] | None = cv2.imdecode(packet, how)
        return image is not None, image
