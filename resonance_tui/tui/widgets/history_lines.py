"""The text around the history chart: its lines, as long as there is room, and the moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from math import ceil, floor

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.lines import means_over
from resonance_tui.charting.ticks import clock, day, length
from resonance_tui.charting.views import LegendEntry, Unit, ViewSpec
from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import certainty
from resonance_tui.history.reactions import summed
from resonance_tui.history.recording import Floats, Recorded, Recording
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.texts import tr, tr_n
from resonance_tui.tui.styles import column, label_cells
from resonance_tui.tui.widgets.drawing import MARK_SIGN
from resonance_tui.widths import cut, printable

LIST_CELLS = 32  # of the list of moments
TITLE_CELLS = 40  # of a session's title in the first line

_FULLNESS = [(has_word, numbers) for has_word in (True, False) for numbers in (3, 2, 1)]


def title_line(width: int, request: ChartRequest, part: Recording, *, is_live: bool) -> Text:
    """Channel, what is visible, peak viewers, and what the left edge counts."""
    channel, state, zone = request.channel, request.state, request.zone
    window = state.window
    is_close = window.span < 600
    first, last = (edge + 1e-3 for edge in (window.start, window.end))  # sums of floats
    peak = int(part.viewers.max()) if len(part) else 0
    clocks = f"{clock(first, zone, seconds=is_close)} – {clock(last, zone, seconds=is_close)}"
    pieces: list[tuple[float, str]] = [
        (9, clocks),
        (7, day(first, zone)),
        (5, length(window.span + 1)),
        (6, tr_n("peak {count} viewer", "peak {count} viewers", peak)),
        (8, tr(state.view.title)),
        (11, tr("corrected") if state.corrects else ""),
        (10, f"● {tr('recording')}" if is_live else ""),
    ]
    if title := cut(printable(request.title), TITLE_CELLS):
        pieces.append((6.5, title))
    kept = _fitting(pieces, width - len(channel), separator=3)
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(channel, "bold")
    for index in (7, 1, 0, 2, 3, 5, 4, 6):
        if index in kept and pieces[index][1]:
            joint = " " if index == 4 and state.corrects else " · "
            line.append(f"{joint}{pieces[index][1]}")
    return line


def legend_lines(width: int, request: ChartRequest, part: Recording, *, is_plain: bool) -> Text:
    """Each line's sign, word and mean over `part`, with its share, on two lines where it can be.

    `is_plain`: the chart draws letters, so the letters stand here.
    """
    values = _values(request, part)
    legend = request.state.view.legend(is_grouped=request.state.is_grouped)
    for has_word, most in _FULLNESS:
        items = [
            _legend_item(entry, value[:most], has_word, is_plain)
            for entry, value in zip(legend, values, strict=True)
        ]
        lines = _balanced(items, width - 1)
        if len(lines) <= 2:
            return Text("\n", no_wrap=True).join(Text(" ").append_text(line) for line in lines)
    signs = [_legend_item(entry, (), False, is_plain) for entry in legend]
    return Text(" ", no_wrap=True, overflow="ellipsis").join(signs)


def reading_line(
    width: int, request: ChartRequest, part: Recording, bucket: tuple[float, float]
) -> Text:
    """What stands under the cursor beside the legend: when, who was there, the highest second."""
    recorded, zone = request.recorded, request.zone
    start, end = ceil(bucket[0]), floor(bucket[1])
    is_close = end - start < 600
    when = clock(start, zone, seconds=is_close)
    if end > start:
        when += f" – {clock(end, zone, seconds=is_close)}"
    if shown := request.position(start):
        when += f" · {tr('video {position}', position=shown)}"
    line = Text(no_wrap=True, overflow="ellipsis").append(f"│ {when}", "bold")
    if not len(part):
        why = printable(tr(recorded.why_missing(start, end)))
        nothing = tr("nothing was recorded here")
        return line.append(f"  {nothing}: {why}" if why else f"  {nothing}")
    read = part.counts.sum(axis=1).mean()
    here, known = _number(part.viewers.mean(), part), _number(read, part)
    pieces = [
        (9, tr("{viewers} viewers, {read} read", viewers=here, read=known)),
        (8, _score(recorded, part)),
        (7, _highest(part, zone)),
    ]
    kept = _fitting(pieces, width - line.cell_len, separator=3)
    for index, (_, words) in enumerate(pieces):
        if index in kept and words:
            line.append(f" · {words}")
    return line


def moment_line(width: int, point: Moment | Mark, request: ChartRequest) -> Text:
    """When the room changed its mind, to what, and whether it stayed like that; or what somebody
    marked."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{_sign(point)} {clock(point.t, request.zone, seconds=True)}  ", "bold")
    if shown := request.position_of(point):
        line.append(f"{tr('video {position}', position=shown)}  ")
    if isinstance(point, Mark):
        line.append(printable(tr(point.name)), "bold")
    else:
        line.append_text(_moment_words(point))
        line.append(f" {point.before:.0%} → {point.after:.0%}")
        if width >= 76:
            line.append(f" {tr('and it stayed')}" if point.kind == "turn" else "")
            line.append(f" · {tr(word)}" if (word := certainty(point)) else "")
    if width >= 56:
        line.append(f" · {_place(point, request)}")
    return line


def _place(point: Moment | Mark, request: ChartRequest) -> str:
    """Among those of its kind."""
    if isinstance(point, Mark):
        place, count = request.marks.index(point) + 1, len(request.marks)
        return tr("mark {place} of {count}", place=place, count=count)
    place, count = request.moments.index(point) + 1, len(request.moments)
    return tr("moment {place} of {count}", place=place, count=count)


def together_line(request: ChartRequest, start: float, end: float) -> Text:
    """How many of each reaction were sent from `start` to `end` (epoch s), and what was asked
    then, with its answers; the newest first, where there is no room for all."""
    line = Text(no_wrap=True, overflow="ellipsis")
    sent = summed(each for each in request.reactions if floor(start) <= each.t <= end)
    for kind in Reaction:
        if sent[kind]:
            line.append(f"{kind.sign} {sent[kind]}  ")
    for each in reversed(request.questions):
        if each.t <= end and each.question.closes_at >= start:
            line.append(f"? {printable(each.question.text)} ", "bold")
            line.append(f"{printable(each.result)}  ")
    line.rstrip()
    return line


def moment_list(height: int, request: ChartRequest, chosen: Moment | Mark | None) -> Text:
    """A heading and a line for each, with the chosen one in sight: time, emotion, its share, and
    a column that is as high as the moment is strong; of a mark time and text."""
    found = request.points
    rows = max(1, height - 1)
    place = found.index(chosen) if chosen in found else 0
    first = min(max(0, place - rows // 2), max(0, len(found) - rows))
    strongest = max((moment.strength for moment in request.moments), default=0) or 1.0
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(tr("Moments"), "bold")
    text.append(f" {tr('{count}, by m and M', count=len(found))}", "dim")
    for point in found[first : first + rows]:
        when = clock(point.t, request.zone, seconds=True)
        if shown := request.position_of(point):  # the list has room for one clock
            when = f"{shown:>8}"
        line = Text(f"\n{_sign(point)} {when} ")
        line.append_text(_row_words(point, strongest))
        if point == chosen:
            line.stylize("reverse", 1)
        text.append_text(line)
    return text


def _row_words(point: Moment | Mark, strongest: float) -> Text:
    if isinstance(point, Mark):
        return Text(cut(printable(tr(point.name)), LIST_CELLS - 11), "bold")
    words = Text().append_text(_moment_words(point))
    words.append(" " * (label_cells() - 1 - cell_len(point.code.label)))
    return words.append(f"{point.after:>4.0%} {column(point.strength / strongest)}")


def _values(request: ChartRequest, part: Recording) -> list[list[str]]:
    """What the legend says of each line over `part`."""
    state = request.state
    legend = state.view.legend(is_grouped=state.is_grouped)
    if not len(part):
        return [[] for _ in legend]
    found = means_over(
        request.recorded,
        state.view,
        part,
        is_grouped=state.is_grouped,
        is_corrected=state.is_corrected,
    )
    return [_numbers(state.view, part, *edges) for edges in zip(*found, strict=True)]


def _numbers(view: ViewSpec, part: Recording, mean: float, low: float, high: float) -> list[str]:
    """The value of a line; of an emotion viewers and share, in the unit of the view first, with
    its error band behind it."""
    if not np.isfinite(mean):
        return ["–"]
    if not view.is_of_emotions:
        return [_number(mean, part) if view.unit is Unit.VIEWERS else f"{mean:.0f}"]
    present = max(1e-9, float(part.viewers.mean()))
    is_share = view.unit is Unit.PERCENT
    numbers = [_number(mean, part), f"{mean / present:.0%}"]
    if is_share:
        numbers.reverse()
    if high > low:
        numbers[1:1] = [_edges(low, high, present if is_share else None)]
    return numbers


def _edges(low: float, high: float, present: float | None) -> str:
    """Of the error band: in per cent where the room's size `present` is given."""
    if present is None:
        return f"({low:.0f}–{high:.0f})"
    return f"({low / present:.0%}–{high / present:.0%})"


def _number(mean: float, part: Recording) -> str:
    """Small means have a decimal; one second's counts are whole."""
    return f"{mean:.0f}" if len(part) == 1 or mean >= 20 else f"{mean:.1f}"


def _score(recorded: Recorded, part: Recording) -> str:
    if not len(recorded.scores):
        return ""
    found = recorded.scores[recorded.rows(part)]
    is_known = np.isfinite(found)
    if not is_known.any():
        return ""
    return tr("resonance {score:.0f}", score=100 * found[is_known].mean())


def _highest(part: Recording, zone: tzinfo | None) -> str:
    """The second in which an emotion rose most above its mean."""
    if len(part) < 2:
        return ""
    rise: Floats = part.counts - part.counts.mean(axis=0)
    row, code = np.unravel_index(int(np.argmax(rise)), rise.shape)
    if rise[row, code] <= 0:
        return ""
    at = clock(int(part.times[row]), zone, seconds=True)
    emotion, count = Emotion(int(code)).label, part.counts[row, code]
    return tr("most {emotion}: {count} at {time}", emotion=emotion, count=count, time=at)


def _sign(point: Moment | Mark) -> str:
    """A reaction is a point in time; after a turn the new mood stays; a person makes a mark."""
    if isinstance(point, Mark):
        return MARK_SIGN
    return "▸" if point.kind == "turn" else "▾"


def _moment_words(moment: Moment) -> Text:
    style = STYLES[moment.code]
    return Text(f"{style.glyph} {moment.code.label}", f"bold {style.color}")


def _legend_item(entry: LegendEntry, values: Sequence[str], has_word: bool, is_plain: bool) -> Text:
    sign = entry.letter if is_plain else entry.glyph
    item = Text(f"{sign} {tr(entry.word)}" if has_word else sign, entry.color)
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


def _fitting(pieces: Sequence[tuple[float, str]], room: int, *, separator: int) -> set[int]:
    """Indices of the pieces that fit, taken by rank."""
    kept: set[int] = set()
    for index in sorted(range(len(pieces)), key=lambda index: -pieces[index][0]):
        need = separator + cell_len(pieces[index][1])
        if need <= room:
            kept.add(index)
            room -= need
    return kept
