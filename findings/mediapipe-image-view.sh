#!/usr/bin/env bash
# MediaPipe: an image made of a crop of a NumPy picture is scrambled, without an error.
#
# Guessed: `mp.Image(data=frame[:, 2:6])` copies what the view shows, or refuses it with a
#          TypeError as the 0.10 line did (its tracker says that views are not supported).
# Seen:    shape and size are the view's, but the bytes are read in a row from where it starts,
#          as if nothing lay between its lines. No error, no warning: the face landmarker found no
#          face in a crop that shows one. A contiguous copy of the same view is right.
# With:    mediapipe 1.2.2, numpy 2.4.6
# Source:  own run; for 0.10 upstream issue google-ai-edge/mediapipe#5251
# So:      np.ascontiguousarray before each mp.Image that was not just made by OpenCV.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q mediapipe==1.2.2 numpy==2.4.6 opencv-contrib-python==4.14.0.94 ||
    exit 77

HOME=$work "$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import mediapipe as mp
import numpy as np


def stored(picture: np.ndarray) -> np.ndarray:
    """The pixels that MediaPipe keeps of a picture."""
    image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
    return image.numpy_view().copy()  # the view is valid as long as the image


frame = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
crop = frame[:4, 2:6]
in_a_row = frame.reshape(-1)[2 * 3 :][: crop.size].reshape(crop.shape)
view, copy = stored(crop), stored(np.ascontiguousarray(crop))

print("mediapipe", version("mediapipe"), "numpy", np.__version__)
print("guessed: the crop's pixels, or a TypeError")
wrong = [int((pixels != crop).any(axis=2).sum()) for pixels in (view, copy)]
print("seen:    {} of 16 pixels wrong, {} with a contiguous copy".format(*wrong))
is_as_seen = np.array_equal(view, in_a_row) and not np.array_equal(view, crop)
sys.exit(0 if is_as_seen and np.array_equal(copy, crop) else 1)
PYTHON
