"""Pure: parses the times that a person types into epoch seconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from resonance_tui.errors import InvalidTime
from resonance_tui.secret import describe
from resonance_tui.spans import seconds_of
from resonance_tui.texts import mark

HINT = mark("Use 20:15, yesterday, yesterday 20:15, 2026-11-20, 2026-11-20T20:15, -2h or -1h30m.")

LATEST = 220_000_000_000  # in the year 8941: sums stay within the calendar

_AGO = re.compile(r"-(?=\d)(?:(\d{1,6})d)?\s*(?:(\d{1,6})h)?\s*(?:(\d{1,6})m)?\s*(?:(\d{1,9})s)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DAY = re.compile(r"(today|yesterday)(?:[ t]+(\S+))?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ tT].+)?")


def parse_time(text: str, now: float, *, zone: tzinfo | None = None, is_end: bool = False) -> int:
    """One point in time as epoch seconds.

    A clock time alone is the last such moment before `now`. A date without a time is its first
    second, or its last one when `is_end`. `zone` is where times without an offset are meant (the
    machine's own by default). Raises InvalidTime.
    """
    words = " ".join(text.split()).lower()
    here = datetime.fromtimestamp(now, zone)
    try:
        moment = _parse(words, here, zone, is_end)
        if not 0 <= moment < LATEST:
            raise ValueError(moment)
        return moment
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidTime(mark("{text} is no point in time.", text=describe(text)), HINT) from error


def parse_range(
    start: str | None, end: str | None, now: float, *, zone: tzinfo | None = None
) -> tuple[int | None, int | None]:
    """`--from` and `--to` together, both ends included; None where nothing was given.

    Two clock times may span midnight. Raises InvalidTime, also when the end comes first.
    """
    first = None if start is None else parse_time(start, now, zone=zone)
    last = None if end is None else parse_time(end, now, zone=zone, is_end=True)
    if first is not None and last is not None and last < first and _CLOCK.fullmatch(end or ""):
        last = _clock_after(end or "", first, zone)
    if first is not None and last is not None and last < first:
        raise InvalidTime(
            mark("The range ends ({end}) before it starts ({start}).", end=end, start=start), HINT
        )
    return first, last


def parse_length(text: str) -> float:
    """A length of time in seconds: "30s", "1m30s", "2h", "-26s", "0.5"; below 0 with a minus.
    Raises InvalidTime."""
    words = "".join(text.split())
    try:
        length = seconds_of(words[1:] if words[:1] in ("+", "-") else words, "s")
    except ValueError as error:
        hint = mark("Use 30s, 1m30s, 2h or -26s.")
        raise InvalidTime(
            mark("{text} is no length of time.", text=describe(text)), hint
        ) from error
    return -length if words.startswith("-") else length


def _parse(words: str, here: datetime, zone: tzinfo | None, is_end: bool) -> int:
    if words == "now":
        return int(here.timestamp())
    if match := _AGO.fullmatch(words):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        ago = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return int(here.timestamp() - ago.total_seconds())
    if _CLOCK.fullmatch(words):
        now = int(here.timestamp())
        return max(t for t in _moments(words, here, range(-2, 1), zone) if t <= now)
    if match := _DAY.fullmatch(words):
        day = here - timedelta(days=match[1] == "yesterday")
        return _at_clock(day, match[2], zone) if match[2] else _day_edge(day, zone, is_end)
    if _ISO.fullmatch(words):
        moment = datetime.fromisoformat(words.upper())
        is_day = len(words) == len("2026-11-20")
        return _day_edge(moment, zone, is_end) if is_day else _epoch(moment, zone)
    raise ValueError(words)


def _at_clock(day: datetime, clock: str, zone: tzinfo | None) -> int:
    hour, minute, second = _parts(clock)
    naive = day.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    return _epoch(naive.replace(fold=0), zone)


def _parts(clock: str) -> tuple[int, int, int]:
    match = _CLOCK.fullmatch(clock)
    if match is None:
        raise ValueError(clock)
    hour, minute, second = (int(part or 0) for part in match.groups())
    return hour, minute, second


def _clock_after(clock: str, moment: int, zone: tzinfo | None) -> int:
    day = datetime.fromtimestamp(moment, zone)
    return min(t for t in _moments(clock, day, range(3), zone) if t >= moment)


def _moments(clock: str, day: datetime, days: range, zone: tzinfo | None) -> list[int]:
    """When clocks show that time on the days that far from `day`: twice on one when they are set
    back, never on one when they are set forward."""
    hour, minute, second = _parts(clock)
    naive = day.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=None)
    found = [
        (shown, _epoch(shown.replace(fold=fold), zone))
        for shown in (naive.replace(fold=0) + timedelta(days=shift) for shift in days)
        for fold in (0, 1)
    ]
    return [t for shown, t in found if _shown(t, zone) == shown]


def _shown(t: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(t, zone).replace(tzinfo=None, fold=0)


def _day_edge(day: datetime, zone: tzinfo | None, is_end: bool) -> int:
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    return _epoch(midnight + timedelta(days=1), zone) - 1 if is_end else _epoch(midnight, zone)


def _epoch(moment: datetime, zone: tzinfo | None) -> int:
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return int(moment.timestamp())
