"""Pure: round numbers and clock times for the edges of a chart."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from itertools import chain, count
from math import ceil

from resonance_tui.texts import mark, tr

_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
)
DAY_S = 86_400
_WEEKDAYS = (
    *(mark("Mon"), mark("Tue"), mark("Wed"), mark("Thu"), mark("Fri"), mark("Sat"), mark("Sun")),
)
_MONTHS = (
    *(mark("Jan"), mark("Feb"), mark("Mar"), mark("Apr"), mark("May"), mark("Jun")),
    *(mark("Jul"), mark("Aug"), mark("Sep"), mark("Oct"), mark("Nov"), mark("Dec")),
)
_UNITS = (mark("{count} h"), mark("{count} min"), mark("{count} s"))


def position(t: float, video: float) -> str:
    """Where a video that began at `video` is at `t` (epoch s): "0:06:26"; "-0:00:10" before it."""
    seconds = int(abs(t - video))
    minutes, second = divmod(seconds, 60)
    sign = "-" if t < video and seconds else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{second:02}"


def count_ticks(top: float, most: int) -> list[int]:
    """Whole numbers from 0 to at least `top` (> 0), evenly spaced, at most `most` (>= 2)."""
    step = next(
        unit * 10**power
        for power in range(19)
        for unit in (1, 2, 5)
        if ceil(top / (unit * 10**power)) < most
    )
    return [step * index for index in range(ceil(top / step) + 1)]


def time_ticks(
    start: float, end: float, most: int, zone: tzinfo | None = None
) -> list[tuple[int, str]]:
    """Round local clock times from `start` to `end` (epoch s) with their labels, at strictly
    growing places; a label is what the wall clock shows there.

    At most `most` (>= 2) of them; steps of whole days beyond half a day. On the night when clocks
    are set back a time may stand there twice, when they are set forward one is left out.
    """
    steps = (step for step in chain(_STEPS_S, count(DAY_S, DAY_S)) if (end - start) / step < most)
    tried = ((step, _round_moments(start, end, step, zone)) for step in steps)
    step, moments = next((step, found) for step, found in tried if len(found) <= most)
    return [(t, _label(t, step, start, zone)) for t in moments]


def _round_moments(start: float, end: float, step: int, zone: tzinfo | None) -> list[int]:
    if step >= DAY_S:
        return _first_moments(start, end, step // DAY_S, zone)
    seen = (min(start + index * step, end) for index in range(ceil((end - start) / step) + 1))
    found: set[int] = set()
    for shift in {_shift(t, zone) for t in seen}:
        first = ceil(start) + -(ceil(start) + shift) % step
        found.update(t for t in range(first, int(end) + 1, step) if _shift(t, zone) == shift)
    return _apart(sorted(found), step)


def _apart(moments: list[int], step: int) -> list[int]:
    """Without those that a change of the clocks has put too near to the one before."""
    kept: list[int] = []
    for t in moments:
        if not kept or t - kept[-1] > step / 2:
            kept.append(t)
    return kept


def _first_moments(start: float, end: float, days: int, zone: tzinfo | None) -> list[int]:
    """Where each n-th local date begins, which is not midnight in every zone."""
    midnight = datetime.fromtimestamp(start, zone).replace(
        hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    found: list[int] = []
    while (t := int(midnight.timestamp())) <= end:
        found += [t] if t >= start else []
        midnight += timedelta(days=days)
    return found


def _shift(t: float, zone: tzinfo | None) -> int:
    """Seconds by which local time is ahead of UTC."""
    shift = datetime.fromtimestamp(t, zone).astimezone(zone).utcoffset()
    return int(shift.total_seconds()) if shift is not None else 0


def _label(t: int, step: int, start: float, zone: tzinfo | None) -> str:
    shown = datetime.fromtimestamp(t, zone)
    is_midnight = shown.hour == shown.minute == shown.second == 0
    if step >= DAY_S or (is_midnight and t > start):
        weekday = tr(_WEEKDAYS[shown.weekday()])
        return tr("{weekday} {day:02}", weekday=weekday, day=shown.day)
    return shown.strftime("%H:%M:%S" if step < 60 else "%H:%M")


def clock(t: float, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """Local clock time."""
    return datetime.fromtimestamp(t, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def exact_clock(t: float, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """The same, with how far it is from UTC where clocks were set back and show it twice."""
    shown = datetime.fromtimestamp(t, zone)
    is_twice = shown.replace(fold=1 - shown.fold).timestamp() != shown.timestamp()
    return clock(t, zone, seconds=seconds) + (f" {offset(t, zone)}" if is_twice else "")


def day(t: float, zone: tzinfo | None = None) -> str:
    """Local date, short."""
    shown = datetime.fromtimestamp(t, zone)
    weekday, month = _WEEKDAYS[shown.weekday()], _MONTHS[shown.month - 1]
    return tr("{weekday} {day:02} {month}", weekday=tr(weekday), day=shown.day, month=tr(month))


def offsets(start: float, end: float, zone: tzinfo | None = None) -> str:
    """How far local time is from UTC: "UTC+01:00", or "UTC+01:00 → UTC+02:00" where the clocks
    change in between."""
    return " → ".join(dict.fromkeys(offset(t, zone) for t in (start, end)))


def offset(t: float, zone: tzinfo | None = None) -> str:
    """How far local time is from UTC at `t`: "UTC+01:00"."""
    return "UTC" + datetime.fromtimestamp(t, zone).astimezone(zone).isoformat()[-6:]


def length(seconds: float) -> str:
    """A duration as a person says it: "45 s", "5 min 10 s", "40 min", "1 h 30 min", "2 h"."""
    whole = round(seconds)
    if whole >= 600:
        whole = round(whole / 60) * 60
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = zip((hours, minutes, rest), _UNITS, strict=True)
    return " ".join(tr(unit, count=count) for count, unit in parts if count) or tr("0 s")
