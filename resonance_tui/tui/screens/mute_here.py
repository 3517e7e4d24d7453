"""Whom one does not want to see: the list of viewers, to mute them on this screen alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from resonance_tui.texts import tr
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.widths import printable


class MuteHere(PatientDialog[str | None]):
    """Answers with the id of the chosen viewer, or None."""

    DEFAULT_CSS = """
    MuteHere { align: center middle; }
    MuteHere > Vertical {
        width: 44; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface;
    }
    MuteHere OptionList, MuteHere OptionList:focus {
        width: 1fr; height: auto; max-height: 20;
        border: none; background: $surface; padding: 0;
    }
    MuteHere OptionList > .option-list--option { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,u", "dismiss(None)", "back")]

    def __init__(self, names: Mapping[str, str], muted: Mapping[str, str]) -> None:
        """Ids and names: of those who are shown, and of those who are muted here."""
        super().__init__()
        self._names, self._muted = names, muted

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = tr("Mute for you alone")
            yield OptionList(*self._options())

    def _options(self) -> list[Option]:
        shown = [Option(_line(name), id=each) for each, name in self._names.items()]
        muted = [
            Option(_line(tr("{name} · muted: show again", name=name)), id=each)
            for each, name in self._muted.items()
        ]
        return [*muted, *shown] or [Option(tr("Nobody else is here."), disabled=True)]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)


def _line(text: str) -> Text:
    return Text(printable(text), no_wrap=True, overflow="ellipsis")
