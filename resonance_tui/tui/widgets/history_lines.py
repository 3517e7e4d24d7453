"""The lines of text around the history chart, as long as there is room for them."""

from __future__ import annotations

from datetime import tzinfo

from rich.text import Text

from resonance_tui.emotions import EMOTIONS, LOOKS
from resonance_tui.history.axes import clock, day, length
from resonance_tui.history.charts import Moment, Track, averages
from resonance_tui.history.window import Window

_HINTS = (
    ("←→", "pan"),
    ("+−", "zoom"),
    ("?", "help"),
    ("q", "quit"),
    ("l", "lines/share"),
    ("s", "session"),
    ("m", "moment"),
    ("0", "all"),
    ("e", "CSV"),
)
_SHOWN_ORDER = ["←→", "+−", "0", "s", "l", "m", "e", "?", "q"]


def title_line(
    width: int, channel: str, window: Window, part: Track, is_share: bool, zone: tzinfo | None
) -> Text:
    """Channel, what is visible, peak viewers, and what the left edge counts."""
    is_close = window.span < 600
    first, last = max(window.start, window.low), min(window.end, window.high)
    peak = int(part.viewers.max()) if len(part) else 0
    clocks = f"{clock(first, zone, seconds=is_close)} – {clock(last, zone, seconds=is_close)}"
    pieces = [
        (9, clocks),
        (7, day(first, zone)),
        (5, length(window.span + 1)),
        (8, f"peak {peak} viewers" if peak != 1 else "peak 1 viewer"),
        (6, "% of the room" if is_share else "viewers per emotion"),
    ]
    order = [1, 0, 2, 3, 4]
    kept = _fitting(pieces, width - len(channel), separator=3)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(channel, "bold")
    for index in order:
        if index in kept:
            line.append(f" · {pieces[index][1]}")
    return line


def legend_lines(width: int, part: Track, is_share: bool, is_plain: bool) -> Text:
    """Each emotion's sign, word and mean over what is visible, on two lines where it can be.

    `is_plain`: the chart draws letters, so the letters stand here.
    """
    for has_value, separator in ((True, "  "), (False, "  "), (False, " ")):
        items = _legend_items(part, is_share, is_plain, has_value=has_value)
        lines = _flow(items, separator, width - (separator == "  "))
        if len(lines) <= 2:
            break
    margin = " " if separator == "  " else ""
    return Text("\n", no_wrap=True).join(Text(margin).append_text(line) for line in lines)


def moment_line(width: int, moment: Moment, found: list[Moment], zone: tzinfo | None) -> Text:
    """When the room changed its mind, and to what."""
    look = LOOKS[moment.code]
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"▾ {clock(moment.t, zone, seconds=True)}  ", "bold")
    line.append(f"{look.glyph} {moment.code.word}", f"bold {look.color}")
    line.append(f" {moment.before:.0%} → {moment.after:.0%}")
    if width >= 56:
        line.append(f"   moment {found.index(moment) + 1} of {len(found)}")
    return line


def hint_line(width: int) -> Text:
    """The keys, the most needed first to stay."""
    pieces = [(len(_HINTS) - rank, f"{key} {word}") for rank, (key, word) in enumerate(_HINTS)]
    kept = _fitting(pieces, width + 2, separator=2)
    by_key = {_HINTS[index][0]: _HINTS[index][1] for index in kept}
    line = Text(no_wrap=True)
    for key in _SHOWN_ORDER:
        if key in by_key:
            line.append("  " if line else "")
            line.append(key, "bold")
            line.append(f" {by_key[key]}")
    return line


def _legend_items(part: Track, is_share: bool, is_plain: bool, *, has_value: bool) -> list[Text]:
    viewers = max(1e-9, float(part.viewers.mean())) if len(part) else 1.0
    items: list[Text] = []
    for code, mean in zip(EMOTIONS, averages(part), strict=True):
        look = LOOKS[code]
        value = f"{mean / viewers:.0%}" if is_share else f"{mean:.1f}"
        item = Text(f"{look.letter if is_plain else look.glyph} {code.word}", look.color)
        items.append(item.append(f" {value}", "dim") if has_value else item)
    return items


def _flow(items: list[Text], separator: str, width: int) -> list[Text]:
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + len(separator) + item.cell_len <= width:
            lines[-1].append(separator).append_text(item)
        else:
            lines.append(item)
    return lines


def _fitting(pieces: list[tuple[int, str]], room: int, *, separator: int) -> set[int]:
    """Indices of the pieces that fit, taken by rank."""
    kept: set[int] = set()
    for index in sorted(range(len(pieces)), key=lambda index: -pieces[index][0]):
        need = separator + len(pieces[index][1])
        if need <= room:
            kept.add(index)
            room -= need
    return kept
