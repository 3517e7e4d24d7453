"""What a session asks the person meanwhile: one question, yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Static

from resonance_tui.texts import tr
from resonance_tui.tui.join_context import SessionLike
from resonance_tui.tui.patience import PatientDialog, is_on_top

LOOK_EVERY_S = 0.25


def ask_what_is_asked(screen: Screen[None], session: SessionLike) -> None:
    """Shows the session's question over the screen, once."""
    if session.view.question and is_on_top(screen):
        screen.app.push_screen(QuestionDialog(session))


class QuestionDialog(PatientDialog[None]):
    """Hands the answer to the session; closes by itself once it is no longer asked for."""

    DEFAULT_CSS = "QuestionDialog { align: center middle; background: $background 70%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    def __init__(self, session: SessionLike) -> None:
        super().__init__()
        self._session = session
        self._asked = session.view.question

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            with VerticalScroll():
                yield Static(self._asked or "", classes="answer", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(tr("y  Yes"), id="yes", variant="success", compact=True)
                yield Button(tr("n  No"), id="no", compact=True)

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        if self._session.view.question != self._asked:
            self.dismiss()

    def action_answer(self, yes: bool) -> None:
        self._session.answer(yes)
        self.dismiss()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id == "yes")
