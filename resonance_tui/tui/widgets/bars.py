"""The room in numbers: seven horizontal bars, everyone who shows no emotion, how they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.room.small_rooms import STEP
from resonance_tui.texts import mark, tr, tr_n
from resonance_tui.tui.state_words import fitting, unknown_words, withheld_words
from resonance_tui.tui.styles import (
    BOLD,
    SegmentLine,
    Styles,
    banded,
    bar,
    fit,
    label_cells,
    line_width,
)
from resonance_tui.tui.widgets.line_widget import LineWidget
from resonance_tui.tui.widgets.resonance_line import resonance_line

if TYPE_CHECKING:
    from resonance_tui.room.state import RoomSnapshot
    from resonance_tui.room.timeline import TimelinePoint
    from resonance_tui.session import CorrectedCounts, PrivateCounts

SHORT_BELOW = 40  # cells, below which numbers stand closer
LEADER = "▸"
OWN = "◂"
TITLE = mark("the room feels")
NOT_CONNECTED = mark("not connected yet")


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything that the bars say. `corrected` is None unless switched on."""

    viewers: int = 0
    counts: tuple[int, ...] = (0,) * len(EMOTIONS)
    unsure: int = 0
    away: int = 0
    corrected: CorrectedCounts | None = None
    resonance: float | None = None
    past: tuple[TimelinePoint, ...] = ()
    is_known: bool = True  # False before the first connection
    confirming: int = 0
    is_counting: bool = False
    is_uncounted: bool = False
    step: int = 0  # of the counts, where they are not exact
    withheld: tuple[str, str] = ("", "")  # why the host's rules show no counts, long and short
    teams: tuple[tuple[str, tuple[int, ...]], ...] = ()  # name, nine counts; () where too few
    private: PrivateCounts | None = None  # of those whose reports are private
    team: str = ""  # the own one

    @property
    def is_corrected(self) -> bool:
        return self.corrected is not None and not self.corrected.lacking

    @property
    def numbers(self) -> tuple[float, ...]:
        """Seven, as the bars draw them."""
        if self.corrected is not None and self.corrected.counts:
            return self.corrected.counts
        return self.counts

    def note(self, *, is_short: bool) -> str:
        """What must be known of the numbers; "" where they are what was read."""
        if self.corrected is None:
            return tr("in steps of {step}", step=self.step) if self.step else ""
        if lacking := self.corrected.lacking:
            return f"{tr('raw') if is_short else tr('not corrected')}: {tr(lacking)}"
        about = tr("corrected for the engine's known mistakes")
        return f"{tr('corrected') if is_short else about} · {tr('95 % band')}"


class Bars(LineWidget):
    """Counts as bars, the largest highlighted; 100 % is everyone who shows an emotion."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown = Shown()

    def show(
        self,
        room: RoomSnapshot,
        corrected: CorrectedCounts | None = None,
        resonance: float | None = None,
        *,
        is_known: bool = True,
        teams: Sequence[str] = (),
        private: PrivateCounts | None = None,
        team: str = "",
    ) -> None:
        """`resonance`: how much the room moves together, 0-1; None where that is not known.
        `teams`: the names in the host's list, `team`: the own one among them. `is_known`: False
        before the first connection, when no count means anything."""
        people = room.viewers, room.counts, room.unsure, room.away
        unknown = room.confirming, room.is_counting, room.is_uncounted
        more = *unknown, STEP if room.least else 0, withheld_words(room)
        rows = tuple((name, room.teams.get(at + 1, ())) for at, name in enumerate(teams))
        past = self._shown.past
        self._set(Shown(*people, corrected, resonance, past, is_known, *more, rows, private, team))

    def show_past(self, points: tuple[TimelinePoint, ...]) -> None:
        """The last five minutes, one point a second, oldest first."""
        self._set(replace(self._shown, past=points))

    def _set(self, shown: Shown) -> None:
        if shown == self._shown:
            return
        if shown.is_corrected != self._shown.is_corrected:
            self.border_title = (
                f"{tr(TITLE)} · {tr('corrected')}" if shown.is_corrected else tr(TITLE)
            )
        self._shown = shown
        self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        tail = _tail(pen, self._shown, width, height - len(EMOTIONS))
        teams = (
            team_lines(pen, self._shown.teams, width, self._shown.team)
            if self._shown.is_known
            else []
        )
        if height - len(tail) - len(EMOTIONS) > len(teams) > 0:
            tail = [[], *teams, *tail]
        room = height - len(tail)
        gap: list[SegmentLine] = [[]] if room >= 2 * len(EMOTIONS) else []
        lines = [
            line
            for code in _codes_that_fit(self._shown.numbers, room)
            for line in (_bar_line(pen, code, self._shown, width), *gap)
        ]
        if not gap and room > len(EMOTIONS):
            lines.append([])
        return [*lines, *tail]


def team_lines(
    pen: Styles, teams: Sequence[tuple[str, Sequence[float]]], width: int, own: str = ""
) -> list[SegmentLine]:
    """A line for each team: its name, a bar of its emotions side by side, and how many it is; the
    own one is marked. Nine counts each, or means of them; none where it is too small."""
    cells = min(12, max((cell_len(name) for name, _ in teams), default=0))
    lines: list[SegmentLine] = []
    for name, nine in teams:
        is_own = bool(own) and name == own
        line = [Segment(f"   {fit(name, cells)} ", pen.strong if is_own else pen.text)]
        people = f"{sum(nine):>5.0f}" if any(nine) else f"  {tr('too few')}"
        sign = f" {OWN if is_own else ' '}" if own else ""
        left = width - line_width(line) - cell_len(people + sign)
        parts = _parts(pen, nine, max(left, 0))
        lines.append([*line, *parts, Segment(people, pen.muted), Segment(sign, pen.strong)])
    return lines


def _parts(pen: Styles, nine: Sequence[float], width: int) -> SegmentLine:
    """A bar in which each emotion has its share, and its glyph where that is wide enough."""
    read = sum(nine[: len(EMOTIONS)])
    if not read:
        return [Segment("─" * width, pen.track)]
    parts: SegmentLine = []
    done, taken = 0.0, 0
    for code in EMOTIONS:
        done += nine[code]
        cells = round(width * done / read) - taken
        taken += cells
        if cells:
            sign = STYLES[code].glyph if cells > 1 else ""
            parts.append(Segment(sign + "━" * (cells - len(sign)), pen.emotion(code)))
    return parts


def _codes_that_fit(numbers: Sequence[float], room: int) -> tuple[Emotion, ...]:
    """All seven, or the largest few in their usual order where the screen is too low."""
    if room >= len(EMOTIONS):
        return EMOTIONS
    largest = sorted(EMOTIONS, key=lambda code: -numbers[code])[: max(room, 0)]
    return tuple(sorted(largest))


def _bar_line(pen: Styles, code: Emotion, shown: Shown, width: int) -> SegmentLine:
    count = shown.numbers[code]
    is_leader = count > 0 and count == max(shown.numbers)
    color = pen.emotion(code)
    text = color + BOLD if is_leader else pen.text if count >= 0.5 else pen.muted
    line = [
        Segment(
            f"{LEADER if is_leader else ' '}{STYLES[code].glyph} ", text if is_leader else color
        ),
        Segment(fit(code.label, label_cells()), text),
    ]
    numbers = _numbers(shown, code, is_short=width < SHORT_BELOW)
    cells = width - 3 - label_cells() - len(numbers)
    if cells >= 3:
        line += _bar(pen, code, shown, cells)
    return [*line, Segment(numbers, text)]


def _bar(pen: Styles, code: Emotion, shown: Shown, cells: int) -> SegmentLine:
    total = sum(shown.numbers) or 1
    share, color = shown.numbers[code] / total, pen.emotion(code)
    if shown.corrected is None or not shown.is_corrected:
        return bar(share, cells, color, pen.track)
    low, high = shown.corrected.low[code] / total, shown.corrected.high[code] / total
    return banded(low, share, high, cells, color, pen.track)


def _numbers(shown: Shown, code: Emotion, *, is_short: bool) -> str:
    """Count and share; of corrected counts the ends of the band, instead of the share where there
    is little room."""
    if not shown.is_known or shown.withheld[0]:
        return ""
    count = shown.numbers[code]
    share = 100 * count / (sum(shown.numbers) or 1)
    if shown.corrected is None or not shown.is_corrected:
        return f"{count:>4}{share:>4.0f}%" if is_short else f"{count:>5} {share:>3.0f} %"
    bands = [
        f"{low:.0f}–{high:.0f}"
        for low, high in zip(shown.corrected.low, shown.corrected.high, strict=True)
    ]
    band = bands[code].rjust(max(map(len, bands)))
    return f"{count:>4.0f} {band}" if is_short else f"{count:>5.0f} {share:>3.0f} %  {band}"


def _tail(pen: Styles, shown: Shown, width: int, spare: int) -> list[SegmentLine]:
    """The lines under the bars: as many as there is room for, and one at least."""
    if not shown.is_known:
        return [[Segment(fit(f"   {tr(NOT_CONNECTED)}", width), pen.muted)]]
    note = fitting(shown.withheld, width - 2) or shown.note(is_short=width < 60)
    notes: list[SegmentLine] = [[Segment(fit(f" {note}", width), pen.warn)]] if note else []
    notes += [_private_line(pen, shown.private, width)] if shown.private else []
    is_crowd = sum(shown.counts) > 1
    together = [resonance_line(pen, shown.resonance, shown.past, width, is_crowd=is_crowd)]
    together = [] if shown.withheld[0] else together
    people, short = _people(pen, shown, width, spare), [_people_short(pen, shown)]
    heads, tails = ([*notes, *people], [*notes, *short]), (together, list[SegmentLine]())
    for tail in ([*head, *last] for last in tails for head in heads):
        if len(tail) <= spare:
            return tail
    if note:
        return [_people_labelled(pen, shown, width)]
    return short if shown.private else people[:1]


def _private_line(pen: Styles, private: PrivateCounts, width: int) -> SegmentLine:
    """Those beside the bars: the most frequent of what they feel, each with half its band."""
    line = [
        Segment(f"   {private.viewers} ", pen.strong),
        Segment(f"{tr('private')} ", pen.muted),
    ]
    if private.lacking:
        return [*line, Segment(fit(tr(private.lacking), width - line_width(line)), pen.muted)]
    for code in sorted(Emotion, key=lambda code: -private.counts[code]):
        half = (private.high[code] - private.low[code]) / 2
        text = f" {STYLES[code].glyph} {max(private.counts[code], 0):.0f}±{half:.0f}"
        if line_width(line) + len(text) > width:
            break
        line.append(Segment(text, pen.emotion(code)))
    return line


def _people_labelled(pen: Styles, shown: Shown, width: int) -> SegmentLine:
    """On one line with what must be known of the numbers; the word for people goes first."""
    if shown.withheld[0]:
        return [Segment(fit(f" {shown.withheld[1]}", width), pen.warn)]
    if shown.corrected is None:
        label = [Segment(f" ~{shown.step}", pen.warn)]
    else:
        word = tr("corrected") if shown.is_corrected else tr("raw")
        label = [Segment(f" {word}", pen.warn)]
    count, word, *states = _people_short(pen, shown)
    line = [count, word, *states, *label]
    if line_width(line) <= width:
        return line
    count, _, *states = _people_short(pen, shown, is_shortest=True)
    return [count, *states, *label]


def _people(pen: Styles, shown: Shown, width: int, spare: int) -> list[SegmentLine]:
    """One line where it fits, two where there is height for them, else without the words."""
    unknown, _ = unknown_words(shown.confirming, shown.is_counting, shown.is_uncounted)
    people = [
        Segment(f"   {shown.viewers} ", pen.strong),
        Segment(_viewer_word(shown.viewers), pen.muted),
        *([Segment(f"   {unknown}", pen.warn)] if unknown else []),
    ]
    if shown.withheld[0]:
        return [people]
    states = [
        Segment(f"   {STYLES[code].glyph} {count} {code.label}", pen.text if count else pen.muted)
        for code, count in ((Emotion.UNSURE, shown.unsure), (Emotion.AWAY, shown.away))
    ]
    if line_width([*people, *states]) <= width:
        return [[*people, *states]]
    return [people, states] if spare >= 2 else [_people_short(pen, shown)]


def _people_short(pen: Styles, shown: Shown, *, is_shortest: bool = False) -> SegmentLine:
    unsure, away = STYLES[Emotion.UNSURE].glyph, STYLES[Emotion.AWAY].glyph
    states = "" if shown.withheld[0] else f" {unsure}{shown.unsure} {away}{shown.away}"
    _, unknown = unknown_words(shown.confirming, shown.is_counting, shown.is_uncounted)
    private, word = shown.private, "" if is_shortest else tr("private")
    return [
        Segment(f"   {shown.viewers} ", pen.strong),
        Segment(_viewer_word(shown.viewers), pen.muted),
        *([Segment(f" {unknown}", pen.warn)] if unknown else []),
        Segment(states, pen.text),
        *([Segment(f" +{private.viewers} {word}".rstrip(), pen.muted)] if private else []),
    ]


def _viewer_word(count: int) -> str:
    return tr_n("viewer", "viewers", count)
