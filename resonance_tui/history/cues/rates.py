"""Pure: frame rates as fractions, and times as whole frames and time codes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from resonance_tui.errors import InputError
from resonance_tui.secret import describe

MOST_A_SECOND = 240
HINT = "Use 23.976, 24, 25, 29.97, 30, 50, 59.94, 60, another whole number, or 30000/1001."
# Television's rates are these, whatever digits a program shows of them.
_NTSC = {
    name: Fraction(nominal * 1000, 1001)
    for nominal, names in {
        24: ("23.976", "23.98"),
        30: ("29.97",),
        48: ("47.952", "47.95"),
        60: ("59.94",),
        120: ("119.88",),
    }.items()
    for name in names
}


@dataclass(frozen=True, slots=True)
class FrameRate:
    """Frames a second, exactly."""

    value: Fraction

    @classmethod
    def parse(cls, text: str) -> FrameRate:
        """From "29.97", "25" or "30000/1001". Raises InputError."""
        words = text.strip()
        if words in _NTSC:
            return cls(_NTSC[words])
        match = re.fullmatch(r"(\d{1,6})(?:\.0{1,3}|/(\d{1,4}))?", words)
        if match is None or not int(match[2] or 1):
            raise InputError(f"{describe(text)} is no frame rate.", HINT)
        value = Fraction(int(match[1]), int(match[2] or 1))
        is_whole = value.denominator == 1 or (value * 1001 / 1000).denominator == 1
        if not 1 <= value <= MOST_A_SECOND or not is_whole:  # time codes count to a whole number
            raise InputError(f"{describe(text)} is no frame rate of a video.", HINT)
        return cls(value)

    @property
    def nominal(self) -> int:
        """What a time code counts to: 30 for 29.97."""
        return ceil(self.value)

    @property
    def is_ntsc(self) -> bool:
        return self.value.denominator == 1001

    def frame(self, seconds: Fraction) -> int:
        """The nearest frame, from 0 on."""
        return floor(seconds * self.value + Fraction(1, 2))

    def timecode(self, seconds: Fraction) -> str:
        """Non-drop: it counts frames, so at 29.97 an hour of it is 3.6 s longer than a clock's.
        Days are left out, as no time code has any."""
        whole, frame = divmod(self.frame(seconds), self.nominal)
        minutes, second = divmod(whole, 60)
        return f"{minutes // 60 % 24:02}:{minutes % 60:02}:{second:02}:{frame:02}"

    def __str__(self) -> str:
        is_whole = self.value.denominator == 1
        return str(self.value) if is_whole else f"{float(self.value):.3f}"


DEFAULT_RATE = FrameRate(Fraction(30))
