"""OpenCV, told to be quiet before it loads: its warnings would go over the screen.

Every module of this package takes `cv2` from here.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")  # s; 10 is long for "unplugged"

import cv2

# Our pictures are small: a pool of threads costs more than it brings.
cv2.setNumThreads(1)

__all__ = ["cv2"]
