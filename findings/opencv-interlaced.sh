#!/usr/bin/env bash
# OpenCV: the pictures of an interlaced film are memory that nobody wrote, and `retrieve` says True.
#
# Guessed: an interlaced film (MPEG-2, H.264, DV) is read like any other, with combed edges at most.
# Seen:    since 4.13 `retrieve` answers True and gives black, or what lay in memory before: its
#          conversion refuses interlaced pictures, and the refusal is not looked at. The same
#          conversion takes a tenth of a second for an HDR picture of any size. 4.12 is right.
# With:    opencv-contrib-python 4.14.0.94 and 4.12.0.88, numpy 2.2.6, ffmpeg 5.1
# Source:  vllm-project/vllm pull request 47853, and own run
# So:      read such films through FFmpeg's filters: OPENCV_FFMPEG_CAPTURE_OPTIONS=input_format;lavfi
#          and "movie=FILE,yadif=0:-1:1,setfield=prog" as the name (4.12 and the headless
#          wheels have no filters).
set -euo pipefail

command -v ffmpeg >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=720x576:r=25:d=0.2 \
    -c:v mpeg2video -flags +ildct+ilme -q:v 4 "$work/film.mpg" || exit 77
python3 -m venv "$work/venv"

for release in 4.12.0.88 4.14.0.94; do
    "$work/venv/bin/pip" install -q "opencv-contrib-python==$release" numpy==2.2.6 || exit 77
    "$work/venv/bin/python" - "$work/film.mpg" "$release" 2>/dev/null <<'PYTHON'
import os
import sys

os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
import cv2


def first(name: str) -> tuple[bool, float]:
    """Whether a picture was promised, and its mean."""
    is_there, picture = cv2.VideoCapture(name, cv2.CAP_FFMPEG).read()
    return is_there, float(picture.mean()) if is_there else 0.0


film, release = sys.argv[1:]
direct = first(film)
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "input_format;lavfi"
filtered = first(f"movie={film},yadif=0:-1:1,setfield=prog")
print("opencv", cv2.__version__)
print("guessed: True and a mean of about 127")
print(f"seen:    direct {direct}, through filters {filtered}")
is_right = abs(direct[1] - 126) < 10
is_mended = release.startswith("4.12") or abs(filtered[1] - 126) < 10
sys.exit(0 if direct[0] and is_mended and is_right == release.startswith("4.12") else 1)
PYTHON
done
