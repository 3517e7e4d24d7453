"""What the host's screen asks: whether it is meant, and with which words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from resonance_tui.texts import tr
from resonance_tui.tui.patience import PatientDialog

WORDS_MOST = 400  # the longest is a question with its answers
_LOOK_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: 64; max-width: 100%; height: auto; max-height: 100%;
    border: round $primary; padding: 0 1; background: $surface;
}}
"""


class Confirm(PatientDialog[bool]):
    """Answers whether it is meant."""

    DEFAULT_CSS = _LOOK_CSS.format(name="Confirm")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "yes"),
        Binding("n,escape,q", "dismiss(False)", "no"),
    ]

    def __init__(self, question: str, facts: Sequence[str] = ()) -> None:
        """`facts`: what the host should see before, a line each."""
        super().__init__()
        self._question, self._facts = question, facts

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled(self._question, "bold"))
            for fact in self._facts:
                yield Static(Content(fact))
            yield Static(Content.styled(tr("y yes · n no"), "dim"))


class Ask(PatientDialog[str]):
    """Answers with what was typed; None where it was left."""

    DEFAULT_CSS = _LOOK_CSS.format(name="Ask")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Content.styled(self._question, "bold"))
            yield Input(self._value, compact=True, max_length=WORDS_MOST)
            yield Static(Content.styled(tr("Enter does it · Esc leaves it"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)
