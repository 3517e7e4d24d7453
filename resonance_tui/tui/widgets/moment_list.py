"""The moments of a recording as text: a list beside the chart, or one line below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from rich.text import Text

from resonance_tui.charting.ticks import clock
from resonance_tui.emotions import STYLES
from resonance_tui.history.moments import Moment
from resonance_tui.tui.styles import column

LIST_CELLS = 32


def moment_line(width: int, moment: Moment, found: Sequence[Moment], zone: tzinfo | None) -> Text:
    """When the room changed its mind, to what, and whether it stayed like that."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_sign(moment)} {clock(moment.t, zone, seconds=True)}  ", "bold")
    line.append_text(_emotion(moment))
    line.append(f" {moment.before:.0%} → {moment.after:.0%}")
    if width >= 76:
        line.append(" and it stayed" if moment.kind == "turn" else "")
        line.append(f" · strength {moment.strength:.2f}")
    if width >= 56:
        line.append(f" · moment {found.index(moment) + 1} of {len(found)}")
    return line


def moment_list(
    height: int, found: Sequence[Moment], chosen: Moment | None, zone: tzinfo | None
) -> Text:
    """A heading and a line for each, with the chosen one in sight: time, emotion, its share, and
    a column that is as high as the moment is strong."""
    rows = max(1, height - 1)
    place = found.index(chosen) if chosen in found else 0
    first = min(max(0, place - rows // 2), max(0, len(found) - rows))
    strongest = max((moment.strength for moment in found), default=0) or 1.0
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("Moments", "bold").append(f" {len(found)}, by m and M", "dim")
    for moment in found[first : first + rows]:
        line = Text(f"\n{_sign(moment)} {clock(moment.t, zone, seconds=True)} ")
        line.append_text(_emotion(moment))
        line.append(" " * (9 - len(moment.code.word)))
        line.append(f"{moment.after:>4.0%} {column(moment.strength / strongest)}")
        if moment == chosen:
            line.stylize("reverse", 1)
        text.append_text(line)
    return text


def _sign(moment: Moment) -> str:
    """A reaction is a point in time; after a turn the new mood stays."""
    return "▸" if moment.kind == "turn" else "▾"


def _emotion(moment: Moment) -> Text:
    look = STYLES[moment.code]
    return Text(f"{look.glyph} {moment.code.word}", f"bold {look.color}")
