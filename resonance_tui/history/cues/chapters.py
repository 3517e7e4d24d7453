"""Pure: chapters of YouTube, of Matroska and of FFmpeg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from xml.sax.saxutils import escape

from resonance_tui.history.cues.cue import Cue, CueSheet, heaviest, left_out
from resonance_tui.history.cues.rates import FrameRate
from resonance_tui.history.cues.texts import hours, one_line

YOUTUBE_APART_S = 10  # YouTube takes no shorter chapters, the last one included
YOUTUBE_FEWEST = 3  # and shows none at all where there are fewer
MP4_MOST = 255  # as many as players find in an mp4
FIRST = "Start"


def youtube(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """A line for each chapter, as descriptions of videos have them: the first at 00:00, each at
    least ten seconds long. Of cues that are nearer to each other the heavier one stays."""
    kept = _apart(sheet.cues, sheet.length)
    has_hours = max((cue.start for cue in kept), default=0) >= 3600
    yield f"{_clock(Fraction(0), has_hours)} {FIRST}\n"
    for cue in kept:
        title = one_line(cue.title).replace("<", "‹").replace(">", "›")  # YouTube refuses them
        yield f"{_clock(cue.start, has_hours)} {title}\n"


def youtube_remark(sheet: CueSheet) -> str:
    """What YouTube does not show, and why; "" where it shows all."""
    count = 1 + len(_apart(sheet.cues, sheet.length))
    remarks: list[str] = []
    if left := len(sheet.cues) + 1 - count:
        remarks.append(
            f"Left out, as YouTube takes none within {YOUTUBE_APART_S} s of another one or of an "
            f"end: {left} of {len(sheet.cues)}; --format csv has all."
        )
    if count < YOUTUBE_FEWEST:
        remarks.append(
            f"YouTube shows chapters from {YOUTUBE_FEWEST} on; the start included, these are "
            f"{count}."
        )
    return " ".join(remarks)


def matroska(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """Chapters in XML, for mkvmerge and mkvpropedit. In this form, unlike as plain text, titles
    are read as UTF-8 whatever the language of the system."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<Chapters>\n <EditionEntry>\n'
    for cue in sheet.cues:
        yield (
            "  <ChapterAtom>\n"
            f"   <ChapterTimeStart>{hours(cue.start, 9)}</ChapterTimeStart>\n"
            f"   <ChapterTimeEnd>{hours(cue.end, 9)}</ChapterTimeEnd>\n"
            f"   <ChapterDisplay>\n    <ChapterString>{escape(one_line(cue.title))}"
            "</ChapterString>\n    <ChapterLanguage>eng</ChapterLanguage>\n   </ChapterDisplay>\n"
            "  </ChapterAtom>\n"
        )
    yield " </EditionEntry>\n</Chapters>\n"


def ffmetadata(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """For `ffmpeg -i video -i FILE -map_metadata 1 -codec copy video.mkv`."""
    yield f";FFMETADATA1\ntitle={_escaped(sheet.title)}\n"
    for cue in sheet.cues:
        yield _chapter(cue.start, cue.end, cue.title)


def mp4(sheet: CueSheet, rate: FrameRate) -> Iterator[str]:
    """The same for an mp4, whose chapters begin at 0, have no gaps and are at most 255: the
    heaviest stay."""
    marks = [(Fraction(0), FIRST), *((cue.start, cue.title) for cue in _mp4_cues(sheet))]
    if len(marks) > 1 and not marks[1][0]:
        del marks[0]
    yield f";FFMETADATA1\ntitle={_escaped(sheet.title)}\n"
    ends = [start for start, _ in marks[1:]] + [sheet.length]
    for (start, title), end in zip(marks, ends, strict=True):
        yield _chapter(start, end, title)


def mp4_remark(sheet: CueSheet) -> str:
    """How many an mp4 does not hold; "" where it holds all."""
    return left_out(len(sheet.cues) - len(_mp4_cues(sheet)), "an mp4 holds 255 chapters")


def _mp4_cues(sheet: CueSheet) -> list[Cue]:
    return heaviest(_distinct(sheet.cues), MP4_MOST - 1)


def _apart(cues: Sequence[Cue], length: Fraction) -> list[Cue]:
    """Those that are ten whole seconds from 0, from the end and from heavier ones."""
    kept: list[Cue] = []
    for cue in sorted(cues, key=lambda cue: -cue.weight):
        at = int(cue.start)
        if YOUTUBE_APART_S <= at <= length - YOUTUBE_APART_S and all(
            abs(at - int(other.start)) >= YOUTUBE_APART_S for other in kept
        ):
            kept.append(cue)
    return sorted(kept, key=lambda cue: cue.start)


def _distinct(cues: Sequence[Cue]) -> list[Cue]:
    """Without those that begin in the same millisecond as the next one: no chapter is empty."""
    nexts = [after for _, after in pairwise(cues)]
    is_kept = [_ms(cue.start) < _ms(after.start) for cue, after in zip(cues, nexts, strict=False)]
    return [cue for cue, keep in zip(cues, [*is_kept, True], strict=False) if keep]


def _chapter(start: Fraction, end: Fraction, title: str) -> str:
    times = f"TIMEBASE=1/1000\nSTART={_ms(start)}\nEND={_ms(end)}"
    return f"\n[CHAPTER]\n{times}\ntitle={_escaped(title)}\n"


def _ms(seconds: Fraction) -> int:
    return round(seconds * 1000)


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "=;#\\" else sign for sign in one_line(text))


def _clock(seconds: Fraction, has_hours: bool) -> str:
    minutes, second = divmod(int(seconds), 60)
    if not has_hours:
        return f"{minutes:02}:{second:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
