"""Every key and every sign, generated from the table of actions and the styles of emotions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from resonance_tui.emotions import STYLES
from resonance_tui.texts import mark, tr
from resonance_tui.tui.actions import Action, by_group, key_name
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.tui.styles import fit
from resonance_tui.widths import printable

DETAILS_EVERY_S = 1.0
PALETTE_KEY = "ctrl+p"  # of an action without a key of its own
SIGNS = (
    (mark("you"), mark("your own line")),
    (mark("key"), mark("said with a key, not read from a face")),
    (mark("sim"), mark("simulated: there is no person behind it")),
    ("…", mark("not heard from for a while")),
)


class HelpScreen(PatientDialog[None]):
    """Any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss_help", "Close")
    ]

    def __init__(
        self,
        actions: Sequence[Action],
        details: Callable[[], list[tuple[str, str]]] = list,
    ) -> None:
        """`details`: (label, value) of how things are now; asked once a second."""
        super().__init__()
        self._actions, self._details = actions, details

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(tr("Help"), classes="card-title")
            with VerticalScroll():
                for group, actions in by_group(self._actions).items():
                    yield Static(Content(tr(group)), classes="question")
                    yield Static(_keys(actions), classes="answer")
                yield Static(tr("Signs"), classes="question")
                yield Static(_signs(), classes="answer")
                if self._details():
                    yield Static(tr("Details"), classes="question")
                    yield Static(_facts(self._details()), id="details", classes="answer")
            yield Static(tr("esc closes · ctrl+p finds any of these by name"), classes="keys")

    def on_mount(self) -> None:
        if self._details():
            self.set_interval(DETAILS_EVERY_S, self._show_details)

    def _show_details(self) -> None:
        self.query_one("#details", Static).update(_facts(self._details()))

    def action_dismiss_help(self) -> None:
        self.dismiss(None)


def _facts(details: list[tuple[str, str]]) -> Content:
    lines = [
        Content.assemble((fit(label, 12), "bold"), printable(value)) for label, value in details
    ]
    return Content("\n").join(lines)


def _keys(actions: list[Action]) -> Content:
    lines = [
        Content.assemble(
            (f"{' '.join(map(key_name, action.keys)) or PALETTE_KEY:<9}", "bold"),
            tr("{title}. ", title=tr(action.title)),
            (tr(action.help), "dim"),
        )
        for action in actions
    ]
    return Content("\n").join(lines)


def _signs() -> Content:
    looks = [
        Content.assemble((look.glyph, f"bold {look.color}"), f" {code.label}   ")
        for code, look in STYLES.items()
    ]
    signs = [Content.assemble((fit(tr(sign), 9), "bold"), tr(meaning)) for sign, meaning in SIGNS]
    return Content("\n").join([Content("").join(looks), *signs])
