"""Pure: rows and moments as text for other programs: CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from itertools import zip_longest
from typing import TYPE_CHECKING

from resonance_tui.emotions import WORDS, Emotion
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.moments import NAMES, Moment
from resonance_tui.history.peaks import certainty, part_of_room
from resonance_tui.history.samples import Sample
from resonance_tui.reaction_kinds import REACTION_WORDS

if TYPE_CHECKING:
    from resonance_tui.history.reactions import ReactionSecond
    from resonance_tui.history.teams import TeamSecond
    from resonance_tui.history.video_parts import Place

COLUMNS = ("t", "channel", "viewers", *WORDS, "unsure", "away", "source", "local_time")
CORRECTED = tuple(f"{word}_{what}" for what in ("corrected", "low", "high") for word in WORDS)
MOMENT_COLUMNS = (
    *("t", "offset_s", "name", "emotion", "kind"),
    *("strength", "shift", "before", "after", "local_time"),
    *("start_s", "end_s", "length_s", "part", "certainty", "chance_per_hour"),
    *("file", "file_s", "file_precision", "replay"),
)
REACTION_COLUMNS = ("t", *REACTION_WORDS, "local_time")
TEAM_COLUMNS = ("t", "team", "viewers", *(state.word for state in Emotion), "local_time")

Value = str | int | float | None
Record = Sequence[Value]  # one value a column

_FORMULA = "=+-@\t\r\n"  # what a spreadsheet may take for the beginning of one


def records(
    rows: Iterable[Sample],
    zone: tzinfo | None = None,
    corrected: Iterable[Record] | None = None,
) -> Iterator[Record]:
    """A line of COLUMNS for each row: `t` is ISO 8601 in UTC, `local_time` the same moment in
    `zone` (the machine's own when None) with its offset named. With `corrected` (CORRECTED, a line
    for each row) those follow."""
    if corrected is None:
        yield from (_values(row, zone) for row in rows)
        return
    for row, more in zip(rows, corrected, strict=True):
        yield (*_values(row, zone), *more)


def to_csv(records: Iterable[Record], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """Lines with their line ends, the header first.

    Text that a spreadsheet would take for a formula has an apostrophe before it, and so has text
    that begins with one. What is not known is empty.
    """
    yield ",".join(columns) + "\n"
    for record in records:
        yield ",".join(_cell(value) for value in record) + "\n"


def to_json(records: Iterable[Record], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """One JSON list of objects, an object a line. What is not known is null."""
    lead = "["
    for line in to_jsonl(records, columns):
        yield f"{lead}\n  {line[:-1]}"
        lead = ","
    yield "[]\n" if lead == "[" else "\n]\n"


def to_jsonl(records: Iterable[Record], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """One JSON object a line, nothing around them."""
    for record in records:
        yield json.dumps(dict(zip(columns, record, strict=True))) + "\n"


FORMATS: dict[str, Callable[[Iterable[Record], Sequence[str]], Iterator[str]]] = {
    "csv": to_csv,
    "json": to_json,
    "jsonl": to_jsonl,
}


def moment_records(
    sheet: CueSheet, zone: tzinfo | None = None, places: Iterable[Place | None] = ()
) -> Iterator[Record]:
    """A line of MOMENT_COLUMNS for each moment and mark; shares and strength are from 0 to 1,
    positions in seconds from the beginning of the sheet. A mark has its text for a name. `places`:
    where each cue is in what OBS wrote."""
    for cue, where in zip_longest(sheet.cues, places):
        replay = cue.live.replay if cue.live is not None else ""
        yield (*_cue_values(cue, zone), *_place_values(where), replay or None)


def reaction_records(
    seconds: Iterable[ReactionSecond], zone: tzinfo | None = None
) -> Iterator[Record]:
    """A line of REACTION_COLUMNS for each second in which something was sent."""
    for second in seconds:
        yield (in_utc(second.t), *second.counts, in_zone(second.t, zone))


def team_records(seconds: Iterable[TeamSecond], zone: tzinfo | None = None) -> Iterator[Record]:
    """A line of TEAM_COLUMNS for each second and team of which counts could be shown."""
    for each in seconds:
        times = in_utc(each.t), in_zone(each.t, zone)
        yield (times[0], each.name, sum(each.counts), *each.counts, times[1])


def _cue_values(cue: Cue, zone: tzinfo | None) -> Record:
    """Without the columns of OBS's files."""
    place, unknown = (_plain(cue.start), _plain(cue.end)), (None,) * 4
    if cue.moment is not None:
        return _moment_values(cue.moment, _plain(cue.at), place, zone)
    if cue.live is not None:
        live = cue.live
        times = in_utc(live.t), in_zone(live.t, zone)
        about = (NAMES[live.emotion], live.emotion.word, "live")
        numbers = (None, None, None, round(live.share, 3))
        part = (None, part_of_room(live.share), None, None)
        return (times[0], _plain(cue.at), *about, *numbers, times[1], *place, *part)
    assert cue.mark is not None
    times = in_utc(cue.mark.t), in_zone(cue.mark.t, zone)
    about = (cue.mark.name, None, "mark")
    return (times[0], _plain(cue.at), *about, *unknown, times[1], *place, *unknown)


def _place_values(place: Place | None) -> Record:
    if place is None:
        return (None, None, None)
    precision = "exact" if place.is_exact else "approximate"
    return (place.file or None, round(place.seconds, 3), precision)


def _moment_values(
    moment: Moment, at: float, place: tuple[float, float], zone: tzinfo | None
) -> Record:
    numbers = (moment.strength, moment.shift, moment.before, moment.after)
    return (
        in_utc(moment.t),
        at,
        moment.name,
        moment.code.word,
        moment.kind,
        *(round(number, 3) for number in numbers),
        in_zone(moment.t, zone),
        *place,
        moment.length_s or None,
        part_of_room(moment.after),
        certainty(moment) or None,
        float(f"{moment.chance:.2g}"),
    )


def _plain(seconds: Fraction) -> int | float:
    """Whole where it is."""
    return int(seconds) if seconds.denominator == 1 else round(float(seconds), 3)


def in_utc(t: float) -> str:
    """An epoch second as ISO 8601, with milliseconds where it has such."""
    moment = datetime.fromtimestamp(t, UTC)
    if not moment.microsecond:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_zone(t: float, zone: tzinfo | None = None) -> str:
    """The same as a clock in `zone` shows it, with its distance from UTC."""
    moment = datetime.fromtimestamp(t, UTC).astimezone(zone)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "auto")


def _values(row: Sample, zone: tzinfo | None) -> Record:
    times = in_utc(row.t), in_zone(row.t, zone)
    counts = (row.viewers, *row.counts, row.unsure, row.away)
    return (times[0], row.channel, *counts, row.source, times[1])


def _cell(value: Value) -> str:
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and value[:1] in ("'", *_FORMULA):
        text = "'" + text
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
