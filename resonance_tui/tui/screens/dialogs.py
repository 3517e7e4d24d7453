"""Short questions over another screen: one of a list, a nickname, yes or no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static

from resonance_tui.errors import InputError
from resonance_tui.texts import mark, tr
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.widths import printable

CHOOSE = mark("enter choose  esc back")


class ChoiceDialog(PatientDialog[int | None]):
    """Dismissed with the index of the choice, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "back")]

    def __init__(self, title: str, choices: Sequence[str], current: int | None = None) -> None:
        super().__init__()
        self._title, self._choices, self._current = title, choices, current

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(Content(self._title), classes="card-title")
            yield OptionList(*map(printable, self._choices), compact=True, markup=False)
            yield Static(tr(CHOOSE), classes="keys")

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = self._current or 0

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)


class TextDialog(PatientDialog[str | None]):
    """A line to type. Dismissed with what `check` makes of it, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "back")]

    def __init__(
        self,
        title: str,
        text: str,
        check: Callable[[str], str],
        *,
        keys: str = mark("enter keep  esc back"),
        limit: int = 64,
    ) -> None:
        """`check` raises InputError for what cannot be taken; `keys` is a message id."""
        super().__init__()
        self._title, self._text, self._check = title, text, check
        self._keys, self._limit = keys, limit

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(Content(self._title), classes="card-title")
            yield Input(self._text, compact=True, max_length=self._limit)
            yield Static("", classes="error", markup=False)
            yield Static(tr(self._keys), classes="keys")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._check(event.value))
        except InputError as error:
            label = self.query_one(".error", Static)
            label.update(Content(printable(f"{tr(error.message)} {tr(error.hint)}")))
            label.display = True


class NicknameDialog(TextDialog):
    """Dismissed with the nickname as it will be used ("" for none), or None."""

    def __init__(self, nickname: str, check: Callable[[str], str]) -> None:
        keys = mark("enter change  esc back")
        super().__init__(tr("Nickname  (empty = anonymous)"), nickname, check, keys=keys)


class TrustDialog(PatientDialog[bool]):
    """Whether to trust who announces a room on this network."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "dismiss(True)", "Trust"),
        Binding("n,escape,q", "dismiss(False)", "Do not"),
    ]

    def __init__(self, channel: str, host: str, fingerprint: str, *, last_at: str = "") -> None:
        """`last_at`: the broker at which the channel was joined before, as somebody else's."""
        super().__init__()
        self._channel, self._host, self._fingerprint = channel, host, fingerprint
        self._last_at = last_at

    def compose(self) -> ComposeResult:
        room = {"channel": self._channel, "host": self._host}
        with Vertical(classes="card"):
            yield Static(
                Content(tr("Trust #{channel}?", channel=self._channel)), classes="card-title"
            )
            if self._last_at:
                words = mark("Until now it was at {broker}, or under another fingerprint.")
                said = printable(tr(words, broker=self._last_at))
                yield Static(Content(said), id="changed", classes="changed")
            if self._fingerprint:
                words = mark("{host} announces it here with this fingerprint:")
                yield Static(Content(printable(tr(words, **room))))
                yield Static(Content(_in_fours(self._fingerprint)), id="print", classes="answer")
                yield Static(tr("The host sees the same. You are asked this once."))
            else:
                words = mark("{host} announces it here, without a fingerprint.")
                yield Static(Content(printable(tr(words, **room))), classes="answer")
                yield Static(tr("Anybody on this network could do so in its name."))
            with Horizontal(classes="buttons"):
                yield Button(tr("y  Trust and join"), id="yes", variant="primary", compact=True)
                yield Button(tr("n  Do not"), id="no", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


def _in_fours(fingerprint: str) -> str:
    """In groups that can be read out, at most eight on a line."""
    groups = [fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4)]
    return "\n".join(" ".join(groups[at : at + 8]) for at in range(0, len(groups), 8))
