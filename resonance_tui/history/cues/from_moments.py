"""Pure: moments as stretches of a video."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from resonance_tui.emotions import STYLES
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import certainty, part_of_room

SHORTEST_S = 1  # of a cue: what is shorter cannot be seen in an editor
LEAD_PART = 3  # of a clip, the first third is what led to it


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

    def around(self, moment: Moment, zero: Fraction, length: Fraction) -> tuple[Fraction, Fraction]:
        """Start and end within a video of `length` s that began at `zero` (epoch s)."""
        at = moment.t - zero
        start = max(at - self.lead, Fraction(0))
        if self.length_s is None:
            end = at + max(moment.length_s, SHORTEST_S)
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
) -> CueSheet:
    """The moments in a video from `zero` to `end` (epoch s); those outside of it are left out."""
    clip, began = clip or Clip(), Fraction(zero).limit_denominator(1000)
    length = max(Fraction(end).limit_denominator(1000) - began, Fraction(SHORTEST_S))
    inside = [moment for moment in found if zero <= moment.t < end]
    cues = [
        Cue(
            *clip.around(moment, began, length),
            moment.t - began,
            title_of(moment),
            note_of(moment),
            STYLES[moment.code].color,
            moment.after,
            moment,
        )
        for moment in inside
    ]
    return CueSheet(title, tuple(sorted(cues, key=lambda cue: cue.start)), length)


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
