"""The start screen: a nickname, and the channel to join."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from resonance_tui.errors import InvalidChannel, InvalidNickname, Problem
from resonance_tui.texts import mark, tr, tr_n
from resonance_tui.tui.join_context import JoinContext
from resonance_tui.tui.patience import PatientScreen
from resonance_tui.tui.styles import fit
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from resonance_tui.messaging.discovery import ChannelInfo

LOOKING = mark("looking for channels …")
KEYS = mark("enter join  tab next  ctrl+r other name  f5 refresh  esc quit")


class LobbyScreen(PatientScreen[tuple[str, str] | None]):
    """Dismissed with (channel, nickname), or None to leave."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "reroll", "Another nickname", priority=True),
        Binding("f5", "look", "Look again"),
        Binding("escape", "leave", "Quit"),
    ]
    AUTO_FOCUS = "#channel"

    def __init__(self, launch: JoinContext, nickname: str = "") -> None:
        super().__init__()
        self._launch = launch
        self._nickname = nickname or launch.nickname or launch.suggest_nickname()

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(tr("Join a room"), classes="card-title")
            yield Static(tr("Nickname  (empty = anonymous)"), classes="question")
            yield Input(self._nickname, id="nickname", compact=True, max_length=64)
            yield Static("", id="nickname-error", classes="error", markup=False)
            yield Static(tr("Channel  (new, or from the list)"), classes="question")
            yield Input(placeholder="movie-night", id="channel", compact=True, max_length=128)
            yield Static("", id="channel-error", classes="error", markup=False)
            yield Static(tr(LOOKING), id="found", markup=False)
            yield OptionList(id="channels", compact=True, markup=False)
            yield Static(tr(KEYS), classes="keys", markup=False)

    def on_mount(self) -> None:
        self.action_look()

    def action_look(self) -> None:
        """Ask the broker for its channels, beside everything else."""
        self._say("found", tr(LOOKING))
        self.run_worker(self._launch.channels, name="channels", exclusive=True, exit_on_error=False)

    @on(Worker.StateChanged)
    def _looked(self, event: Worker.StateChanged) -> None:
        url, error = self._launch.broker_url, event.worker.error
        if event.state is WorkerState.SUCCESS:
            found = cast("list[ChannelInfo]", event.worker.result or [])
            text = mark("On {broker}:") if found else mark("No channel yet on {broker}.")
            self._say("found", tr(text, broker=url))
            self._list([(info.channel, _viewers(info.viewers)) for info in found])
        elif event.state is WorkerState.ERROR:
            known = isinstance(error, Problem)
            unknown = tr("Could not ask {broker}: {error}", broker=url, error=error)
            self._say("found", _sentence(error) if known else unknown)
            self._list([])

    def _list(self, found: list[tuple[str, str]]) -> None:
        """Channels that the broker knows, then recent ones."""
        known = {channel for channel, _ in found}
        names = [name for name in self._launch.recent_channels if name not in known]
        recent = [(name, tr("recent")) for name in names]
        options = self.query_one("#channels", OptionList)
        options.clear_options()
        cells = max(min(self.size.width - 20, 34), 8)
        options.add_options(
            Option(_entry(channel, note, cells), id=channel) for channel, note in [*found, *recent]
        )
        options.display = bool(found or recent)

    def action_reroll(self) -> None:
        self.query_one("#nickname", Input).value = self._launch.suggest_nickname()
        self._say("nickname-error", "")

    def action_leave(self) -> None:
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "nickname":
            if self._checked_nickname() is not None:
                self.query_one("#channel").focus()
        else:
            self._join(event.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._say(f"{event.input.id}-error", "")

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._join(event.option.id or "")

    def _join(self, channel: str) -> None:
        nickname = self._checked_nickname()
        try:
            channel = self._launch.check_channel(channel)
        except InvalidChannel as error:
            self._say("channel-error", _sentence(error))
            self.query_one("#channel").focus()
            return
        if nickname is not None:
            self.dismiss((channel, nickname))

    def _checked_nickname(self) -> str | None:
        """The nickname, or None after saying what is wrong with it."""
        field = self.query_one("#nickname", Input)
        try:
            return self._launch.check_nickname(field.value)
        except InvalidNickname as error:
            self._say("nickname-error", _sentence(error))
            field.focus()
            return None

    def _say(self, id: str, text: str) -> None:
        label = self.query_one(f"#{id}", Static)
        label.update(Content(printable(text)))
        label.display = bool(text)


def _sentence(error: BaseException | None) -> str:
    hint = getattr(error, "hint", "")
    return f"{error} {hint}".strip()


def _viewers(count: int) -> str:
    return tr_n("{count} viewer", "{count} viewers", count)


def _entry(channel: str, note: str, cells: int) -> Content:
    return Content.assemble(fit(f"#{channel}", cells), " ", (note, "dim"))
