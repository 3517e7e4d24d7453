"""Something ended the session: what it was, what to do about it, and the ways on."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from resonance_tui.errors import Problem, ResonanceError, is_group
from resonance_tui.texts import mark, tr
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.widths import printable

UNKNOWN = mark("This should not have happened.")
UNKNOWN_HINT = mark(
    "The details are in the log file; `resonance-tui config path` says where it is."
)


def explain(error: BaseException) -> Problem:
    """The failure as a Problem; of an exception group, the first one."""
    if isinstance(error, Problem):
        return error
    if is_group(error):
        known = [explain(inner) for inner in error.exceptions]
        return next((inner for inner in known if inner.message != tr(UNKNOWN)), known[0])
    unknown = ResonanceError(tr(UNKNOWN), f"{type(error).__name__}: {error}\n{tr(UNKNOWN_HINT)}")
    unknown.__cause__ = error
    return unknown


class ErrorScreen(PatientDialog[str]):
    """Dismissed with "retry", "channel" or "quit"; there is no retry of what is final."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,enter", "choose('retry')", "Try again"),
        Binding("n", "choose('channel')", "Another channel"),
        Binding("q,escape", "choose('quit')", "Quit"),
    ]

    def __init__(self, error: Problem) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        with Vertical(classes="card problem"):
            yield Static(Content(f"✕ {tr(self.error.title)}"), classes="card-title")
            with VerticalScroll():
                yield Static(Content(_lines(tr(self.error.message))), id="message")
                yield Static(Content(_lines(tr(self.error.hint))), id="hint", classes="answer")
            with Horizontal(classes="buttons"):
                if not self.error.is_final:
                    yield Button(tr("r  Try again"), id="retry", variant="primary", compact=True)
                yield Button(tr("n  Another channel"), id="channel", compact=True)
                yield Button(tr("q  Quit"), id="quit", compact=True)

    def action_choose(self, choice: str) -> None:
        if choice != "retry" or not self.error.is_final:
            self.dismiss(choice)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id or "quit")


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())
