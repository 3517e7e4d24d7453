"""The moments of a recording as text: a list beside the chart, or one line below it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from rich.text import Text

from resonance_tui.emotions import LOOKS
from resonance_tui.history.axes import clock
from resonance_tui.history.charts import Moment

LIST_CELLS = 30


def moment_line(width: int, moment: Moment, found: Sequence[Moment], zone: tzinfo | None) -> Text:
    """When the room changed its mind, and to what."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"▾ {clock(moment.t, zone, seconds=True)}  ", "bold")
    line.append_text(_emotion(moment))
    line.append(f" {moment.before:.0%} → {moment.after:.0%}")
    if width >= 56:
        line.append(f"   moment {found.index(moment) + 1} of {len(found)}")
    return line


def moment_list(
    height: int, found: Sequence[Moment], chosen: Moment | None, zone: tzinfo | None
) -> Text:
    """A heading and a line for each, `LIST_CELLS` wide, with the chosen one in sight."""
    rows = max(1, height - 1)
    place = found.index(chosen) if chosen in found else 0
    first = min(max(0, place - rows // 2), max(0, len(found) - rows))
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"Moments ({len(found)})  m M", "bold")
    for moment in found[first : first + rows]:
        line = Text(f"\n▾ {clock(moment.t, zone, seconds=True)} ").append_text(_emotion(moment))
        line.append(f" {moment.after:.0%}")
        if moment == chosen:
            line.stylize("reverse", 1)
        text.append_text(line)
    return text


def _emotion(moment: Moment) -> Text:
    look = LOOKS[moment.code]
    return Text(f"{look.glyph} {moment.code.word}", f"bold {look.color}")
