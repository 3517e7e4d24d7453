#!/usr/bin/env bash
# OpenTimelineIO: the timecode that it writes for 29.97 frames/s it refuses to read.
#
# Guessed: what `to_timecode` makes of a time at some rate, `from_timecode` takes at that rate,
#          and gives the same frame. It did at 29.97 in the releases of 2019.
# Seen:    at the usual decimals 23.976, 29.97 and 59.94 it writes a timecode and then raises
#          ValueError on it; at 24000/1001, 30000/1001 and 60000/1001 it is right both ways. An
#          export works for months, until somebody reads it back.
# With:    OpenTimelineIO 0.18.1, Python 3.11
# Source:  own run; 29.97 read in AcademySoftwareFoundation/OpenTimelineIO#476
# So:      keep frames as integers and rates as fractions; never hand it a rounded decimal.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q OpenTimelineIO==0.18.1 || exit 77

"$work/venv/bin/python" - <<'PYTHON'
import sys
from fractions import Fraction
from importlib.metadata import version

from opentimelineio.opentime import RationalTime, from_timecode, to_timecode

PAIRS = {23.976: Fraction(24000, 1001), 29.97: Fraction(30000, 1001), 59.94: Fraction(60000, 1001)}


def there_and_back(frame: int, rate: float) -> str:
    """The frame as a timecode, and what reading that gives."""
    text = to_timecode(RationalTime(frame, rate))
    try:
        return f"{text} -> frame {from_timecode(text, rate).value:.0f}"
    except ValueError as error:
        return f"{text} -> {type(error).__name__}: {error}"


print("OpenTimelineIO", version("OpenTimelineIO"))
print("guessed: frame 1000 there and back at every rate that is written")
is_as_seen = True
for decimal, exact in PAIRS.items():
    rounded, right = (there_and_back(1000, float(rate)) for rate in (decimal, exact))
    print(f"seen:    {decimal}: {rounded}")
    print(f"         {exact}: {right}")
    is_as_seen &= "ValueError" in rounded and right.endswith("frame 1000")
sys.exit(0 if is_as_seen else 1)
PYTHON
