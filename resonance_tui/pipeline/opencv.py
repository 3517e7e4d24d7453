"""OpenCV, silenced before it loads: its warnings would overwrite the screen.

Every module of this package imports `cv2` from here, so that none loads it untamed.
"""

from __future__ import annotations

from resonance_tui.errors import LibraryBroken
from resonance_tui.native import tame

tame()

try:
    import cv2
except ImportError as error:  # a slim system lacks what its windows would be drawn with
    raise LibraryBroken(error) from error

# Our pictures are small: a pool of threads costs more than it brings.
cv2.setNumThreads(1)

__all__ = ["cv2"]
