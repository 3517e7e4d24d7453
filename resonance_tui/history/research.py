"""Pure: a recording in the formats of research tools: BIDS events, Praat TextGrids, ELAN.

Times count from the first second of what is exported; a recorded second lasts until the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from resonance_tui.emotions import WORDS
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recording

UNKNOWN = "n/a"  # BIDS's word for what is missing
COLUMNS = ("onset", "duration", "trial_type", "t", "viewers", *WORDS, "unread", "mark")


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds from `start` to `end` (the first beyond it) in which one thing held; "": unknown."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Exported:
    """What is written: a recording that is not empty, where the room reacted, and what a person
    marked."""

    channel: str
    track: Recording
    moments: Sequence[Moment] = ()
    marks: Sequence[Mark] = ()

    @property
    def length(self) -> int:
        return self.track.end + 1 - self.track.start


def leading(track: Recording) -> list[str]:
    """The emotion of most viewers, for each second; "" where nobody was read. Of several that are
    equally frequent the first one counts."""
    return [WORDS[row.argmax()] if row.any() else "" for row in track.counts]


def spans(track: Recording, labels: Sequence[str]) -> list[Span]:
    """Seconds with one label joined, without a gap from 0 on: "" where nothing was recorded."""
    found: list[Span] = []
    for second, label in zip((track.times - track.start).tolist(), labels, strict=True):
        if found and second > found[-1].end:
            found.append(Span(found[-1].end, second, ""))
        if found and found[-1].label == label:
            found[-1] = Span(found[-1].start, second + 1, label)
        else:
            found.append(Span(second, second + 1, label))
    return found


def to_bids(exported: Exported) -> Iterator[str]:
    """A table of events, one a recorded second, parted by tabs; COLUMNS in the first line."""
    track = exported.track
    marked: dict[int, str] = {}
    for mark in exported.marks:
        marked[int(mark.t)] = "; ".join(filter(None, (marked.get(int(mark.t)), mark.name)))
    yield "\t".join(COLUMNS) + "\n"
    for index, label in enumerate(leading(track)):
        t, counts = int(track.times[index]), track.counts[index].tolist()
        place = t - track.start, 1, label or UNKNOWN, t
        others = int(track.viewers[index]), *counts, int(track.others[index])
        yield "\t".join(map(str, (*place, *others, marked.get(t, UNKNOWN)))) + "\n"


def bids_columns(channel: str) -> str:
    """The JSON that explains `to_bids`, to stand beside it under the same name."""
    return json.dumps(_explained(channel), indent=2) + "\n"


def _explained(channel: str) -> dict[str, Any]:
    levels = {word: f"Most viewers whose face was read showed {word}." for word in WORDS}
    seconds = {"Units": "s"}
    return {
        "onset": {"Description": "Seconds from the first second that was exported."} | seconds,
        "duration": {"Description": "How long the row holds."} | seconds,
        "trial_type": {
            "LongName": "Leading emotion",
            "Description": f"What most viewers of the channel {channel} showed; n/a: unknown.",
            "Levels": levels,
        },
        "t": {"Description": "The same moment since 1970-01-01T00:00:00Z."} | seconds,
        "viewers": {"Description": "Viewers in the room."},
        **{word: {"Description": f"Viewers whose face showed {word}."} for word in WORDS},
        "unread": {"Description": "Viewers who were away, or whose face gave no clear answer."},
        "mark": {"Description": "What a person marked in that second; n/a: nothing."},
    }


def to_textgrid(exported: Exported) -> Iterator[str]:
    """Praat's long text format: tiers of intervals for the leading emotion and the number of
    viewers, and tiers of points for moments and marks where there are any."""
    track, end = exported.track, exported.length
    points: dict[str, list[tuple[float, str]]] = {
        "moments": [(moment.t - track.start, _said(moment)) for moment in exported.moments],
        "marks": [(round(mark.t - track.start, 3), mark.name) for mark in exported.marks],
    }
    tiers = {name: found for name, found in points.items() if found}
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    yield f"xmin = 0\nxmax = {end}\ntiers? <exists>\nsize = {2 + len(tiers)}\nitem []:\n"
    yield from _intervals(1, "emotion", end, spans(track, leading(track)))
    yield from _intervals(2, "viewers", end, spans(track, list(map(str, track.viewers.tolist()))))
    for number, (name, found) in enumerate(tiers.items(), 3):
        yield from _points(number, name, end, found)


def _intervals(number: int, name: str, end: int, found: Sequence[Span]) -> Iterator[str]:
    yield from _tier(number, "IntervalTier", name, end)
    yield f"        intervals: size = {len(found)}\n"
    for index, span in enumerate(found, 1):
        yield f"        intervals [{index}]:\n"
        yield f"            xmin = {span.start}\n            xmax = {span.end}\n"
        yield f"            text = {_quoted(span.label)}\n"


def _points(number: int, name: str, end: int, found: Sequence[tuple[float, str]]) -> Iterator[str]:
    yield from _tier(number, "TextTier", name, end)
    yield f"        points: size = {len(found)}\n"
    for index, (at, text) in enumerate(found, 1):
        yield f"        points [{index}]:\n"
        yield f"            number = {at}\n            mark = {_quoted(text)}\n"


def _tier(number: int, kind: str, name: str, end: int) -> Iterator[str]:
    yield f"    item [{number}]:\n"
    yield f'        class = "{kind}"\n        name = {_quoted(name)}\n'
    yield f"        xmin = 0\n        xmax = {end}\n"


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _said(moment: Moment) -> str:
    return f"{moment.name}: {moment.code.word}"


def to_elan(exported: Exported) -> Iterator[str]:
    """Comma-separated annotations for ELAN's import: tier, begin and end in milliseconds, and
    text. A moment and a mark last a second."""
    track = exported.track
    moments = [_second(moment.t - track.start, _said(moment)) for moment in exported.moments]
    tiers = {
        "emotion": spans(track, leading(track)),
        "viewers": spans(track, list(map(str, track.viewers.tolist()))),
        "moments": moments,
        "marks": [_second(int(mark.t) - track.start, mark.name) for mark in exported.marks],
    }
    yield "tier,begin_ms,end_ms,annotation\n"
    for tier, found in tiers.items():
        for span in found:
            if span.label:
                yield f"{tier},{1000 * span.start},{1000 * span.end},{_cell(span.label)}\n"


def _second(at: int, label: str) -> Span:
    return Span(at, at + 1, label)


def _cell(text: str) -> str:
    """Words that a person typed may hold what parts cells."""
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"') else text


FORMATS: dict[str, Callable[[Exported], Iterator[str]]] = {
    "bids": to_bids,
    "textgrid": to_textgrid,
    "elan": to_elan,
}
SUFFIXES = {".tsv": "bids", ".textgrid": "textgrid"}
