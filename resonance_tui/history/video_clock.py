"""When a session's video began: stored with the session, and told as positions in the video."""

from __future__ import annotations

import re
from fractions import Fraction

from resonance_tui.errors import InputError, InvalidTime
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_length, parse_time
from resonance_tui.secret import describe
from resonance_tui.texts import mark

EARLIEST_S = 7 * 86_400  # before the session: a video that began earlier is another one

_START = """
SELECT start FROM video WHERE channel = ? AND at BETWEEN ? AND ? ORDER BY at DESC LIMIT 1
"""
_FRACTION = re.compile(r"^(.*:\d{2}:\d{2})\.(\d{1,3})(.*)$")


def video_start(store: Store, channel: str, first: int, last: int) -> float | None:
    """Epoch seconds of the first picture of the video of a session from `first` to `last`; None
    where nobody said."""
    with store.reading() as db:
        found = db.execute(_START, (channel, first, last)).fetchone()
    return None if found is None else float(found[0])


def keep_video_start(store: Store, channel: str, span: SessionSpan, start: float | None) -> None:
    """Store it in place of what was known of the session; None forgets that."""
    with store.transaction() as db:
        db.execute(
            "DELETE FROM video WHERE channel = ? AND at BETWEEN ? AND ?",
            (channel, span.start, span.end),
        )
        if start is not None:
            db.execute("INSERT INTO video VALUES (?, ?, ?)", (channel, span.start, start))


def parse_start(text: str, span: SessionSpan) -> float:
    """The first picture's time as epoch seconds from "17:31:40", "17:31:40.25" or an ISO time: of
    clock times the last one before the session ended. Raises InvalidTime and InputError."""
    match = _FRACTION.match(text.strip())
    whole, part = (match[1] + match[3], match[2]) if match else (text, "0")
    start = parse_time(whole, span.end) + float(Fraction(int(part), 10 ** len(part)))
    return _checked(start, text, span)


def parse_offset(text: str, span: SessionSpan) -> float:
    """The same from how much later the video began than the session: "26s"; "-26s" is earlier.
    Raises InvalidTime and InputError."""
    return _checked(span.start + parse_length(text), text, span)


def _checked(start: float, text: str, span: SessionSpan) -> float:
    if start > span.end:
        raise InputError(
            mark(
                "A video from {text} on begins after the recording has ended.", text=describe(text)
            ),
            mark("Name another session with --session, or the day: 2026-11-22T17:31:40"),
        )
    if start < span.start - EARLIEST_S:
        raise InvalidTime(
            mark("{text} is more than a week before the recording.", text=describe(text)),
            mark("Name another session with --session."),
        )
    return start
