"""OpenCV, silenced before it loads: its warnings would overwrite the screen.

Every module of this package imports `cv2` from here, so that none loads it untamed.
"""

from __future__ import annotations

from resonance_tui.native import tame

tame()

import cv2  # noqa: E402

# Our pictures are small: a pool of threads costs more than it brings.
cv2.setNumThreads(1)

__all__ = ["cv2"]
