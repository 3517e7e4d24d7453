"""Pure: moments as stretches of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeGuard

from resonance_tui.emotions import STYLES
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import certainty, part_of_room

Place = Callable[[Fraction], Fraction | None]
SHORTEST_S = 1  # of a cue: what is shorter cannot be seen in an editor
LEAD_PART = 3  # of a clip, the first third is what led to it
MARK_NOTE, MARK_COLOR, MARK_WEIGHT = "marked by hand", "#ffffff", 2.0


@dataclass(frozen=True, slots=True)
class Clip:
    """How long a cue is made, in s. Without a length it is as long as the reaction."""

    length_s: float | None = None
    lead_in_s: float | None = None  # how much of it comes before; by default a third of a clip

    @property
    def lead(self) -> Fraction:
        if self.lead_in_s is not None:
            return Fraction(self.lead_in_s)
        return Fraction(self.length_s or 0) / LEAD_PART

    def around(self, at: Fraction, lasts_s: float, length: Fraction) -> tuple[Fraction, Fraction]:
        """Start and end of what happens `at` seconds into a video of `length` s, for `lasts_s`."""
        start = max(at - self.lead, Fraction(0))
        if self.length_s is None:
            end = at + Fraction(max(lasts_s, SHORTEST_S))
        else:
            end = start + Fraction(self.length_s)
        end = min(end, length)
        return min(start, max(end - SHORTEST_S, Fraction(0))), max(end, Fraction(SHORTEST_S))


def sheet(
    found: Iterable[Moment],
    zero: float,
    end: float,
    *,
    title: str = "",
    clip: Clip | None = None,
    marks: Iterable[Mark] = (),
    delay_s: float = 0.0,
    place: Place = lambda at: at,
) -> CueSheet:
    """Moments and marks in a video from `zero` to `end` (epoch s); those outside of it are left
    out. The room saw the video `delay_s` late; who marked it saw it at once. `place`: where
    in the video something is that happened so long after its first picture; None: not in it."""
    clip = clip or Clip()
    began, late = exact(zero), exact(delay_s)
    length = max(exact(end) - began, Fraction(SHORTEST_S))
    moments = [(place(moment.t - began - late), moment) for moment in found]
    marked = [(place(exact(mark.t) - began), mark) for mark in marks]
    cues = [_of_moment(at, each, clip, length) for at, each in moments if _is_in(at, length)]
    cues += [_of_mark(at, mark, clip, length) for at, mark in marked if _is_in(at, length)]
    return CueSheet(title, tuple(sorted(cues, key=lambda cue: cue.start)), length)


def _of_moment(at: Fraction, moment: Moment, clip: Clip, length: Fraction) -> Cue:
    return Cue(
        *clip.around(at, moment.length_s, length),
        at,
        title_of(moment),
        note_of(moment),
        STYLES[moment.code].color,
        moment.after,
        moment,
    )


def _of_mark(at: Fraction, mark: Mark, clip: Clip, length: Fraction) -> Cue:
    """Where not all find room, a mark stays: somebody wanted to keep it."""
    place = clip.around(at, SHORTEST_S, length)
    return Cue(*place, at, mark.name, MARK_NOTE, MARK_COLOR, MARK_WEIGHT, mark=mark)


def _is_in(at: Fraction | None, length: Fraction) -> TypeGuard[Fraction]:
    return at is not None and 0 <= at < length


def exact(seconds: float) -> Fraction:
    """To the millisecond."""
    return Fraction(seconds).limit_denominator(1000)


def title_of(moment: Moment) -> str:
    """In a line, with a word of doubt where chance makes such a moment now and then."""
    doubt = ", perhaps" if certainty(moment) == "perhaps" else ""
    return f"{moment.name}{doubt}: {moment.code.word} {moment.after:.0%}".replace("%", " %")


def note_of(moment: Moment) -> str:
    """How much of the room, for how long, and how sure that is."""
    parts = [part_of_room(moment.after)]
    if moment.length_s:
        parts += [f"{moment.length_s} s", certainty(moment)]
    return ", ".join(parts)
