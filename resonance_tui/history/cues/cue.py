"""Pure: a stretch of a video, and all of them as one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from resonance_tui import palette

if TYPE_CHECKING:
    from resonance_tui.history.live_marks import LiveMark
    from resonance_tui.history.marks import Mark
    from resonance_tui.history.moments import Moment


@dataclass(frozen=True, slots=True)
class Cue:
    """A stretch of a video. Times are seconds from the video's first picture."""

    start: Fraction
    end: Fraction  # later than `start`
    at: Fraction  # of the moment itself, which a lead-in puts behind the start
    title: str  # one line
    note: str = ""  # one line that says more
    color: str = palette.NEUTRAL  # "#rrggbb"
    weight: float = 0.0  # where two do not fit, the heavier one stays
    moment: Moment | None = None  # where it is one
    mark: Mark | None = None  # where a person made it
    live: LiveMark | None = None  # where it was found while it happened


@dataclass(frozen=True, slots=True)
class CueSheet:
    """Cues in order of their starts, and the video that they belong to."""

    title: str
    cues: tuple[Cue, ...]
    length: Fraction  # of what is known of the video, in s; no cue ends later


def heaviest(cues: Sequence[Cue], most: int) -> list[Cue]:
    """At most so many of them, in order of their starts."""
    kept = sorted(cues, key=lambda cue: -cue.weight)[:most]
    return sorted(kept, key=lambda cue: cue.start)


def left_out(count: int, why: str) -> str:
    """A remark on moments that a format has no place for; "" where there are none."""
    return f"Left out: {count} of the moments; {why}." if count else ""
