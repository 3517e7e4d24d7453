"""Pure: moments as chapters of a video, and as records for other programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

from resonance_tui.history.export import Record, in_utc, in_zone
from resonance_tui.history.moments import Moment

COLUMNS = (
    *("t", "offset_s", "name", "emotion", "kind"),
    *("strength", "shift", "before", "after", "local_time"),
)
APART_S = 10  # players take no shorter chapters


def to_chapters(found: Sequence[Moment], zero: int) -> Iterator[str]:
    """A line for each moment, as video descriptions have them, with times from `zero` (epoch s).

    The first chapter begins at 00:00. A moment within ten seconds of another one has none.
    """
    offsets = [moment.t - zero for moment in found]
    has_hours = max(offsets, default=0) >= 3600
    yield f"{_stamp(0, has_hours)} Start\n"
    last = 0
    for moment, at in zip(found, offsets, strict=True):
        if at >= last + APART_S:
            text = f"{moment.name}: {moment.code.word} {moment.after:.0%}".replace("%", " %")
            yield f"{_stamp(at, has_hours)} {text}\n"
            last = at


def to_records(found: Iterable[Moment], zero: int, zone: tzinfo | None = None) -> Iterator[Record]:
    """A line of COLUMNS for each moment; shares and strength are from 0 to 1."""
    for moment in found:
        numbers = (moment.strength, moment.shift, moment.before, moment.after)
        yield (
            in_utc(moment.t),
            moment.t - zero,
            moment.name,
            moment.code.word,
            moment.kind,
            *(round(number, 3) for number in numbers),
            in_zone(moment.t, zone),
        )


def _stamp(seconds: int, has_hours: bool) -> str:
    minutes, second = divmod(seconds, 60)
    if not has_hours:
        return f"{minutes:02}:{second:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
