"""Pure: moments that were found live among those that were found afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from resonance_tui.emotions import STYLES
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.cues.from_moments import SHORTEST_S, Clip, Place, exact
from resonance_tui.history.live_marks import LiveMark
from resonance_tui.history.moments import NAMES, Moment
from resonance_tui.history.peaks import part_of_room

NEAR_S = 5  # a live mark that near to a moment of its emotion is that moment


def with_live(
    sheet: CueSheet,
    marks: Iterable[LiveMark],
    zero: float,
    place: Place,
    *,
    clip: Clip | None = None,
    delay_s: float = 0.0,
) -> CueSheet:
    """The sheet and the marks that are none of its moments; what was a moment gets its replay.
    `zero`, `place`, `clip` and `delay_s` as `sheet` has them."""
    cues, clip = list(sheet.cues), clip or Clip()
    for mark in marks:
        index = next((i for i, cue in enumerate(cues) if _is_same(cue, mark)), None)
        if index is not None:
            cues[index] = replace(cues[index], live=mark)
            continue
        at = place(exact(mark.t) - exact(zero) - exact(delay_s))
        if at is not None and 0 <= at < sheet.length:
            cues.append(_cue(mark, at, clip, sheet.length))
    return replace(sheet, cues=tuple(sorted(cues, key=lambda cue: cue.start)))


def _is_same(cue: Cue, mark: LiveMark) -> bool:
    moment: Moment | None = cue.moment
    if moment is None or cue.live is not None or moment.code is not mark.emotion:
        return False
    return moment.t - NEAR_S <= mark.t <= moment.t + moment.length_s + NEAR_S


def _cue(mark: LiveMark, at: Fraction, clip: Clip, length: Fraction) -> Cue:
    share = f"{mark.share:.0%}".replace("%", " %")
    return Cue(
        *clip.around(at, SHORTEST_S, length),
        at,
        f"{NAMES[mark.emotion]}: {mark.emotion.word} {share}",
        f"{part_of_room(mark.share)}, found live",
        STYLES[mark.emotion].color,
        mark.share,
        live=mark,
    )
