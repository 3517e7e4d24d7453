"""Pure: titles in one line, and times with hours."""

from __future__ import annotations

import re
from fractions import Fraction

# What XML forbids and what ends a line in some program, surrogates included.
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def one_line(text: str) -> str:
    """The text without control characters and line ends; "-" where nothing is left."""
    return " ".join(_BREAKS.sub(" ", text).split()) or "-"


def hours(seconds: Fraction, digits: int = 3, point: str = ".") -> str:
    """ "01:02:03.500"; hours may have more than two digits. Rounded to the last digit."""
    unit = 10**digits
    whole, part = divmod(round(seconds * unit), unit)
    minutes, second = divmod(whole, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
    return f"{clock}{point}{part:0{digits}}"
