"""Pure: the cues as subtitles, and as labels beside a sound track."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from resonance_tui.history.cues.cue import CueSheet
from resonance_tui.history.cues.rates import FrameRate
from resonance_tui.history.cues.texts import hours, one_line

_PLAIN = str.maketrans("<>{}", "‹›()")


def webvtt(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """Text tracks of web players. A dot before the milliseconds: with a comma a cue is dropped
    without a word."""
    yield "WEBVTT\n"
    for cue in sheet.cues:
        text = escape(one_line(cue.title), quote=False)
        yield f"\n{hours(cue.start)} --> {hours(cue.end)}\n{text}\n"


def srt(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """SubRip: numbered, and with a comma before the milliseconds. It has no way to write its own
    signs: an arrow of times would end a cue, and an angle or curly bracket is a style."""
    for number, cue in enumerate(sheet.cues, start=1):
        start, end = (hours(time, point=",") for time in (cue.start, cue.end))
        yield f"{number}\n{start} --> {end}\n{_plain(one_line(cue.title))}\n\n"


def _plain(title: str) -> str:
    return title.replace("-->", "→").translate(_PLAIN)


def audacity(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """A label track: start, end and text between tabs. No blank line, which is an error there."""
    for cue in sheet.cues:
        yield f"{float(cue.start):.6f}\t{float(cue.end):.6f}\t{one_line(cue.title)}\n"
