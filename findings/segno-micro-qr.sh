#!/usr/bin/env bash
# segno: `make` answers a Micro QR code for a short text, which OpenCV does not read.
#
# Guessed: `segno.make(text)` makes a QR code, the smallest one that holds the text.
# Seen:    for a short text it is a Micro QR code, another symbology with one finder pattern instead
#          of three; OpenCV's QRCodeDetector finds nothing in it. `segno.make_qr` is read.
# With:    segno 1.6.6, opencv-python-headless 4.14.0.94, numpy 2.4.6
# Source:  own run
# So:      segno.make_qr, or micro=False, for whatever a person points a camera at.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q segno==1.6.6 opencv-python-headless==4.14.0.94 numpy==2.4.6 ||
    exit 77

"$work/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import segno

TEXT = "ROOM 5"


def read(code: segno.QRCode) -> str:
    """What OpenCV reads of a large, clean picture of it."""
    modules = np.array([list(row) for row in code.matrix], dtype=np.uint8)
    picture = np.kron(np.pad(1 - modules, 4, constant_values=1), np.full((12, 12), 255, np.uint8))
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


codes = {"make": segno.make(TEXT), "make_qr": segno.make_qr(TEXT)}
print("segno", version("segno"), "opencv", cv2.__version__)
print(f"guessed: both are QR codes that read {TEXT!r}")
for name, code in codes.items():
    print(f"seen:    {name}: version {code.designator}, read as {read(code)!r}")
is_as_seen = codes["make"].is_micro and read(codes["make"]) == "" and read(codes["make_qr"]) == TEXT
sys.exit(0 if is_as_seen else 1)
PYTHON
