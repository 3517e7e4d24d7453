"""The lines of text around the history chart, as long as there is room for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from math import ceil, floor

import numpy as np
from rich.text import Text

from resonance_tui.charting.legend import CLASSES, LegendEntry
from resonance_tui.charting.ticks import clock, day, length
from resonance_tui.charting.view_state import ViewState
from resonance_tui.charting.views import View, bands_of, mean_counts
from resonance_tui.history.recording import Floats, Recorded, Recording
from resonance_tui.tui.styles import printable

_HINTS = (
    ("←→", "read"),
    ("?", "help"),
    ("q", "quit"),
    ("+−", "zoom"),
    ("v", "view"),
    (",.", "pan"),
    ("s", "session"),
    ("m", "moment"),
    ("g", "groups"),
    ("0", "all"),
    ("p", "picture"),
    ("e", "CSV"),
    ("c", "corrected"),
)
_FULLNESS = [(has_word, numbers) for has_word in (True, False) for numbers in (3, 2, 1)]
_SHOWN_ORDER = ["←→", "+−", ",.", "0", "v", "g", "c", "s", "m", "p", "e", "?", "q"]


def title_line(
    width: int,
    channel: str,
    look: ViewState,
    part: Recording,
    zone: tzinfo | None,
    *,
    is_live: bool,
) -> Text:
    """Channel, what is visible, peak viewers, and what the left edge counts."""
    window = look.window
    is_close = window.span < 600
    first, last = (edge + 1e-3 for edge in (window.start, window.end))  # sums of floats
    peak = int(part.viewers.max()) if len(part) else 0
    clocks = f"{clock(first, zone, seconds=is_close)} – {clock(last, zone, seconds=is_close)}"
    pieces = [
        (9, clocks),
        (7, day(first, zone)),
        (5, length(window.span + 1)),
        (6, f"peak {peak} viewers" if peak != 1 else "peak 1 viewer"),
        (8, look.view.value),
        (11, "corrected" if look.corrects else ""),
        (10, "● recording" if is_live else ""),
    ]
    kept = _fitting(pieces, width - len(channel), separator=3)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(channel, "bold")
    for index in (1, 0, 2, 3, 5, 4, 6):
        if index in kept and pieces[index][1]:
            joint = " " if index == 4 and look.corrects else " · "
            line.append(f"{joint}{pieces[index][1]}")
    return line


def legend_lines(
    width: int, recorded: Recorded, part: Recording, look: ViewState, *, is_plain: bool
) -> Text:
    """Each line's sign, word and mean over `part`, with its share, on two lines where it can be.

    `is_plain`: the chart draws letters, so the letters stand here.
    """
    values, bands = _values(recorded, part, look), bands_of(look.view, look.is_grouped)
    for has_word, most in _FULLNESS:
        items = [
            _legend_item(band, value[:most], has_word, is_plain)
            for band, value in zip(bands, values, strict=True)
        ]
        lines = _balanced(items, width - 1)
        if len(lines) <= 2:
            return Text("\n", no_wrap=True).join(Text(" ").append_text(line) for line in lines)
    signs = [_legend_item(band, (), False, is_plain) for band in bands]
    return Text(" ", no_wrap=True, overflow="ellipsis").join(signs)


def reading_line(
    width: int,
    recorded: Recorded,
    part: Recording,
    bucket: tuple[float, float],
    zone: tzinfo | None,
) -> Text:
    """What stands under the cursor beside the legend: when, who was there, the highest second."""
    start, end = ceil(bucket[0]), floor(bucket[1])
    is_close = end - start < 600
    when = clock(start, zone, seconds=is_close)
    if end > start:
        when += f" – {clock(end, zone, seconds=is_close)}"
    line = Text(no_wrap=True, overflow="ellipsis").append(f"│ {when}", "bold")
    if not len(part):
        why = printable(recorded.why_missing(start, end))
        return line.append(f"  nothing was recorded here{': ' if why else ''}{why}")
    read = part.counts.sum(axis=1).mean()
    pieces = [
        (9, f"{_number(part.viewers.mean(), part)} viewers, {_number(read, part)} read"),
        (8, _score(recorded, part)),
        (7, _highest(part, zone)),
    ]
    kept = _fitting(pieces, width - line.cell_len, separator=3)
    for index, (_, words) in enumerate(pieces):
        if index in kept and words:
            line.append(f" · {words}")
    return line


def hint_line(width: int, *, is_correctable: bool = False) -> Text:
    """The keys, the most needed first to stay."""
    hints = [hint for hint in _HINTS if is_correctable or hint[0] != "c"]
    pieces = [(len(hints) - rank, f"{key} {word}") for rank, (key, word) in enumerate(hints)]
    kept = _fitting(pieces, width + 2, separator=2)
    by_key = {hints[index][0]: hints[index][1] for index in kept}
    line = Text(no_wrap=True)
    for key in _SHOWN_ORDER:
        if key in by_key:
            line.append("  " if line else "")
            line.append(key, "bold")
            line.append(f" {by_key[key]}")
    return line


def _values(recorded: Recorded, part: Recording, look: ViewState) -> list[list[str]]:
    """What the legend says of each line: its value, and in views of emotions its share."""
    bands = bands_of(look.view, look.is_grouped)
    if not len(part):
        return [[] for _ in bands]
    if not look.view.is_of_emotions:
        return _other_values(recorded, part, len(bands))
    found = mean_counts(recorded, part, bands, is_corrected=look.is_corrected)
    present = max(1e-9, float(part.viewers.mean()))
    words: list[list[str]] = []
    for value, low, high in zip(*found, strict=True):
        numbers = [_number(value, part), f"{value / present:.0%}"] if np.isfinite(value) else ["–"]
        if look.view is View.SHARES:
            numbers.reverse()
        if high > low:
            numbers[1:1] = [_edges(low, high, present if look.view is View.SHARES else None)]
        words.append(numbers)
    return words


def _edges(low: float, high: float, present: float | None) -> str:
    """Of the error band: in per cent where the room's size `present` is given."""
    if present is None:
        return f"({low:.0f}–{high:.0f})"
    return f"({low / present:.0%}–{high / present:.0%})"


def _other_values(recorded: Recorded, part: Recording, lines: int) -> list[list[str]]:
    if lines == 1:
        return [[_score(recorded, part).removeprefix("resonance ") or "–"]]
    read = part.viewers - part.others
    return [[_number(part.viewers.mean(), part)], [_number(read.mean(), part)]]


def _number(mean: float, part: Recording) -> str:
    """Small means have a decimal; one second's counts are whole."""
    return f"{mean:.0f}" if len(part) == 1 or mean >= 20 else f"{mean:.1f}"


def _score(recorded: Recorded, part: Recording) -> str:
    if not len(recorded.scores):
        return ""
    low = int(np.searchsorted(recorded.track.times, part.start))
    found = recorded.scores[low : low + len(part)]
    is_known = np.isfinite(found)
    return f"resonance {100 * found[is_known].mean():.0f}" if is_known.any() else ""


def _highest(part: Recording, zone: tzinfo | None) -> str:
    """The second in which an emotion rose most above its mean."""
    if len(part) < 2:
        return ""
    rise: Floats = part.counts - part.counts.mean(axis=0)
    row, code = np.unravel_index(int(np.argmax(rise)), rise.shape)
    if rise[row, code] <= 0:
        return ""
    at = clock(int(part.times[row]), zone, seconds=True)
    return f"most {CLASSES[int(code)].word}: {part.counts[row, code]} at {at}"


def _legend_item(band: LegendEntry, values: Sequence[str], has_word: bool, is_plain: bool) -> Text:
    sign = band.letter if is_plain else band.glyph
    item = Text(f"{sign} {band.word}" if has_word else sign, band.color)
    for value, style in zip(values, ("", "dim"), strict=False):
        item.append(f" {value}", style)
    return item


def _balanced(items: list[Text], width: int) -> list[Text]:
    """In as few lines as it takes, none much longer than the others."""
    lines = _flow(items, width)
    for narrower in range(width - 1, 0, -1):
        if len(closer := _flow(items, narrower)) > len(lines):
            break
        lines = closer
    return lines


def _flow(items: list[Text], width: int) -> list[Text]:
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + 2 + item.cell_len <= width:
            lines[-1].append("  ").append_text(item)
        else:
            lines.append(item.copy())
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
