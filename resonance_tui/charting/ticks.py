"""Pure: round numbers and clock times for the edges of a chart."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from math import ceil

from resonance_tui.texts import mark, tr

_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3600 * hours for hours in (1, 2, 3, 6, 12)),
)
DAY_S = 86_400
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
    """Round local clock times from `start` to `end` (epoch s) with their labels.

    At most `most` of them; steps of whole days beyond half a day.
    """
    days = (DAY_S * n for n in range(1, 100_000))
    step = next(s for s in (*_STEPS_S, *days) if (end - start) / s < most)
    midnight = datetime.fromtimestamp(start, zone).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    ticks: list[tuple[int, str]] = []
    while midnight.timestamp() <= end:
        ticks += _day_ticks(midnight, step, start, end)
        midnight += timedelta(days=max(1, step // DAY_S))
    return ticks


def _day_ticks(midnight: datetime, step: int, start: float, end: float) -> list[tuple[int, str]]:
    """Counted from local midnight by the wall clock, so 20:00 is 20:00 in summer and winter."""
    summer_time = 7200  # no clock is ever changed by more
    first = max(0, int(start - midnight.timestamp() - summer_time) // step)
    ticks: list[tuple[int, str]] = []
    for index in range(first, max(1, DAY_S // step)):
        moment = midnight + timedelta(seconds=index * step)
        t = int(moment.timestamp())
        if t > end:
            break
        if t >= start and (step >= DAY_S or _is_on_a_clock(moment)):
            ticks.append((t, _label(moment, step, is_over_midnight=start < midnight.timestamp())))
    return ticks


def _is_on_a_clock(moment: datetime) -> bool:
    """False for the hour that is left out when summer time begins."""
    shown = datetime.fromtimestamp(moment.timestamp(), moment.tzinfo)
    return shown.replace(tzinfo=None) == moment.replace(tzinfo=None)


def _label(moment: datetime, step: int, *, is_over_midnight: bool) -> str:
    if step >= DAY_S or (is_over_midnight and moment.hour == moment.minute == moment.second == 0):
        return moment.strftime("%a %d")
    return moment.strftime("%H:%M:%S" if step < 60 else "%H:%M")


def clock(t: float, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """Local clock time."""
    return datetime.fromtimestamp(t, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def day(t: float, zone: tzinfo | None = None) -> str:
    """Local date, short."""
    return datetime.fromtimestamp(t, zone).strftime("%a %d %b")


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
