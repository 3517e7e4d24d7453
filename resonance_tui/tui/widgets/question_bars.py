"""The host's question, and a bar for each answer; on a low screen all of it in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.room.shown_answers import (
    AnswerCount,
    heard_answers,
    shown_answers,
    step_of,
)
from resonance_tui.texts import tr, tr_n
from resonance_tui.tui.styles import SegmentLine, Styles, bar, fit
from resonance_tui.tui.widgets.bars import OWN
from resonance_tui.tui.widgets.line_widget import LineWidget

if TYPE_CHECKING:
    from resonance_tui.protocol.questions import Question
    from resonance_tui.session import SessionView

SIGN = "?"
UNKNOWN = "–"
TALL, FEW = 24, 3  # rows of a screen that has room for bars of so many answers


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a screen shows it. `left_s`: 0 once it is over. `counts`: as they were heard;
    None where the host's rules keep them back. `step`: they are shown in multiples of it."""

    question: Question
    counts: tuple[int, ...] | None
    left_s: int
    own: int = 0  # the own answer, from 1; 0: none
    step: int = 0

    @property
    def shown(self) -> list[AnswerCount] | None:
        return shown_answers(self.question, self.counts, self.step)

    @property
    def numbers(self) -> list[str]:
        """How many chose each answer; of private ones an estimate and its 95 % margin."""
        if self.shown is None:
            return [UNKNOWN] * len(self.question.choices)
        return [
            f"{each.count:.0f}" + ("" if each.margin is None else f" ±{each.margin:.0f}")
            for each in self.shown
        ]

    @property
    def shares(self) -> list[float]:
        found = [each.count for each in self.shown or ()] or [0.0] * len(self.question.choices)
        total = sum(found)
        return [each / total if total else 0.0 for each in found]

    def state(self) -> str:
        """How many have answered, and what is left of the time."""
        count = sum(self.counts or ())
        count = count // self.step * self.step if self.step else count
        answers = tr_n("{count} answer", "{count} answers", count)
        answers = tr("answers are hidden") if self.shown is None else answers
        if not self.left_s:
            return f"{answers} · {tr('over')}"
        left = tr("{seconds} s left", seconds=self.left_s)
        return f"{answers} · {left}" if self.own else f"{answers} · {left} · {tr('a answers')}"


def asked(view: SessionView, at: float) -> Asked | None:
    """What is asked in the room, or was a moment ago. `at`: epoch seconds."""
    question = view.rules.question if view.rules else None
    if question is None or not question.is_shown(at):
        return None
    counts, own = heard_answers(question, view.room), view.choice
    choice = own.choice if own is not None and own.question == question.id else 0
    left_s = max(0, round(question.closes_at - at))
    return Asked(question, counts, left_s, choice, step_of(view.room))


def rows_of(choices: int, screen_height: int) -> int:
    """A row for each answer where that leaves the room its own bars, else one for all."""
    return 1 + choices if screen_height >= TALL + max(0, choices - FEW) else 1


class QuestionBars(LineWidget):
    """Takes no room while nothing is asked."""

    DEFAULT_CSS = "QuestionBars { display: none; height: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._asked: Asked | None = None

    def show(self, shown: Asked | None, screen_height: int) -> None:
        if shown is not None:
            rows = rows_of(len(shown.question.choices), screen_height)
            if self.styles.height is None or self.styles.height.value != rows:
                self.styles.height = rows
        if shown != self._asked:
            self._asked = shown
            self.display = shown is not None
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        if self._asked is None:
            return []
        if height == 1:
            return [_in_one_line(pen, self._asked, width)]
        return [_head(pen, self._asked, width), *_bars(pen, self._asked, width)]


def _head(pen: Styles, shown: Asked, width: int) -> SegmentLine:
    state = f"  {shown.state()} "
    room = max(width - cell_len(state) - 3, 0)
    return [
        Segment(f" {SIGN} ", pen.accent),
        Segment(fit(shown.question.text, room), pen.strong),
        Segment(fit(state, width - 3 - room), pen.warn if shown.left_s else pen.muted),
    ]


def _bars(pen: Styles, shown: Asked, width: int) -> list[SegmentLine]:
    numbers, words = shown.numbers, shown.question.choices
    label = min(max(map(cell_len, words)) + 1, max(width // 3, 8))
    figure = max(map(len, numbers))
    cells = max(width - label - figure - 8, 0)
    lines: list[SegmentLine] = []
    for index, (word, number, share) in enumerate(zip(words, numbers, shown.shares, strict=True)):
        is_own = shown.own == index + 1
        style = pen.strong if is_own else pen.text
        lines.append(
            [
                Segment(f" {index + 1} ", pen.accent),
                Segment(fit(word, label), style),
                Segment(" ", pen.text),
                *bar(share, cells, pen.accent, pen.track),
                Segment(f" {number:>{figure}} {OWN if is_own else ' '}", style),
            ]
        )
    return lines


def _figures(shown: Asked, cells: int) -> str:
    """Each answer with its number, in so many cells at most; the own one is marked."""
    pairs: list[str] = []
    for index, (word, number) in enumerate(zip(shown.question.choices, shown.numbers, strict=True)):
        short = fit(word, min(cells, cell_len(word))).rstrip()
        own = OWN if shown.own == index + 1 else ""
        pairs.append(" ".join(filter(None, (str(index + 1), short, number + own))))
    return "  " + "  ".join(pairs)


def _in_one_line(pen: Styles, shown: Asked, width: int) -> SegmentLine:
    """The figures stay; of the question and its answers as much as there is room for."""
    most = max(map(cell_len, shown.question.choices))
    tried = (_figures(shown, cells) for cells in range(most, -1, -1))
    figures = next((each for each in tried if cell_len(each) <= width - 15), _figures(shown, 0))
    room = max(width - 3 - cell_len(figures), 0)
    text = fit(shown.question.text, min(room, cell_len(shown.question.text)))
    rest = width - 3 - cell_len(text)
    return [
        Segment(f" {SIGN} ", pen.accent),
        Segment(text, pen.strong),
        Segment(fit(figures, rest), pen.text),
    ]
