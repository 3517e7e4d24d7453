"""The host's question with its answers, each with a digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from resonance_tui.protocol.asides import CHOICES_MOST
from resonance_tui.protocol.questions import Question
from resonance_tui.texts import mark, tr
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.widths import printable

LOOK_EVERY_S = 0.25
PRIVATE = mark(
    "Your answer is randomised on this machine before it is sent: nobody can tell what you said."
)


class AnswerDialog(PatientDialog[int | None]):
    """Dismissed with the number of an answer, 0 to take it back, or None; by itself once the
    question is over."""

    DEFAULT_CSS = """
    AnswerDialog { align: center middle; }
    AnswerDialog > Vertical {
        width: 56; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface;
    }
    AnswerDialog Static { padding: 0 1; }
    AnswerDialog OptionList, AnswerDialog OptionList:focus {
        width: 1fr; height: auto; max-height: 8;
        border: none; background: $surface; padding: 0;
    }
    AnswerDialog OptionList > .option-list--option { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,a", "dismiss(None)", "back"),
        *(Binding(str(digit), f"choose({digit})", show=False) for digit in range(CHOICES_MOST + 1)),
    ]

    def __init__(self, question: Question, is_asked: Callable[[], bool]) -> None:
        """`is_asked`: whether that question may still be answered."""
        super().__init__()
        self._question, self._is_asked = question, is_asked

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = tr("The host asks")
            yield Static(printable(self._question.text), markup=False)
            yield OptionList(*self._options())
            if self._question.is_private:
                yield Static(tr(PRIVATE), markup=False, classes="note")
            yield Static(tr("a digit answers  0 takes it back  esc back"), classes="keys")

    def _options(self) -> list[Option]:
        return [
            Option(Text(f"{number} {printable(word)}", no_wrap=True, overflow="ellipsis"))
            for number, word in enumerate(self._question.choices, start=1)
        ]

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        if not self._is_asked():
            self.dismiss(None)

    def action_choose(self, number: int) -> None:
        if number <= len(self._question.choices):
            self.dismiss(number)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index + 1)
