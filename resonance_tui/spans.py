"""Pure: lengths of time as people write them."""

from __future__ import annotations

import re

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
EXAMPLES = "90, 90s, 5m or 1h30m"
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", re.ASCII)
_SPAN = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def seconds_of(text: str, unit: str = "") -> float:
    """Seconds of "90s", "5m", "1h30m", "7d". `unit`: of a number without one; "": refused.

    Raises ValueError.
    """
    words = text.strip().lower().replace(" ", "")
    if words[-1:].isdecimal():
        words += unit
    if not _SPAN.fullmatch(words):
        raise ValueError("no length of time")
    return sum(float(amount) * UNITS[each] for amount, each in _PART.findall(words))
