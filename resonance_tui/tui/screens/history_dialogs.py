"""What opens over the history: the list of sessions, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList, Static

from resonance_tui.charting.ticks import day, exact_clock, length
from resonance_tui.history.samples import SessionSpan
from resonance_tui.texts import mark, tr
from resonance_tui.tui.actions import Action, help_rows
from resonance_tui.tui.patience import PatientDialog
from resonance_tui.tui.styles import fit
from resonance_tui.widths import printable

SIGNS = (
    mark("Lines are means; an upright stroke reaches up to a second that stands out."),
    mark("Shares are means without strokes: short peaks are in the lines."),
    mark("▾ marks a moment; ▸ in the list says that the new mood stayed; ✦ somebody marked."),
)


class _Dialog:
    CSS = """
    {name} {{ align: center middle; }}
    {name} > Vertical, {name} > VerticalScroll {{
        width: auto; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; padding: 0 1; background: $surface;
    }}
    """


class SessionPicker(PatientDialog[int | None]):
    """Answers with the session's number, 1 being the latest, or None."""

    DEFAULT_CSS = (
        _Dialog.CSS.format(name="SessionPicker")
        + """
    SessionPicker > Vertical { padding: 0; width: 56; }
    SessionPicker OptionList, SessionPicker OptionList:focus {
        width: 1fr; height: auto; max-height: 20;
        border: none; background: $surface; padding: 0;
    }
    SessionPicker OptionList > .option-list--option { padding: 0; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,s", "dismiss(None)", "back")]

    def __init__(self, sessions: list[SessionSpan], zone: tzinfo | None) -> None:
        super().__init__()
        self._sessions = sessions
        self._zone = zone

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = tr("Sessions")
            yield OptionList(*(self._line(span) for span in reversed(self._sessions)))

    def _line(self, span: SessionSpan) -> Text:
        start = f"{day(span.start, self._zone)} {exact_clock(span.start, self._zone)}"
        peak = tr("peak {count}", count=span.peak_viewers)
        line = f"{start} {fit(length(span.length_s), 11)} {peak}"
        if span.title:
            line += f"  {printable(span.title)}"
        return Text(line, no_wrap=True, overflow="ellipsis")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index + 1)


class HistoryHelp(PatientDialog[None]):
    """The keys."""

    DEFAULT_CSS = (
        _Dialog.CSS.format(name="HistoryHelp")
        + """
    HistoryHelp > VerticalScroll { width: 76; }
    HistoryHelp Static { width: 1fr; height: auto; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss(None)", "back")
    ]

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        table = Table.grid(padding=(0, 2))
        for keys, sentence in (*help_rows(self._actions), *(("", tr(sign)) for sign in SIGNS)):
            table.add_row(Text(keys, "bold", no_wrap=True), sentence)
        with VerticalScroll() as box:
            box.border_title = tr("Keys")
            yield Static(table)
