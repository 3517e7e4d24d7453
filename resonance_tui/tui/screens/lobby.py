"""The start screen: a nickname, and the room to join."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import Worker, WorkerState

from resonance_tui.errors import InvalidNickname, Problem, ResonanceError
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.texts import mark, tr, tr_n
from resonance_tui.tui.join_context import JoinContext, ListedRoom, RecentRoom, RoomChoice
from resonance_tui.tui.patience import PatientScreen
from resonance_tui.tui.screens.dialogs import TrustDialog
from resonance_tui.tui.styles import fit
from resonance_tui.tui.widgets.place_input import PlaceInput
from resonance_tui.widths import cut, printable

LOOKING = mark("looking for channels …")
KEYS = mark("enter join  tab next  ctrl+r other name  f5 refresh  esc quit")
NAME_CELLS = (8, 26)  # of a channel in the list, at least and at most
SENTENCE_ENDS = (".", "?", "!", "\u3002", "\uff1f")


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
        self._offered = nickname or launch.nickname or launch.suggest_nickname()
        self._listed: list[ListedRoom] = []
        self._nearby: list[NearbyRoom] = []
        self._choices: list[RoomChoice] = []  # as the list shows them
        self._reaching: Worker[str] | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(tr("Join a room"), classes="card-title")
            yield Static(tr("Nickname  (empty = anonymous)"), classes="question")
            yield Input(self._offered, id="nickname", compact=True, max_length=64)
            yield Static("", id="nickname-error", classes="error", markup=False)
            yield Static(tr("Channel, link, or from the list"), classes="question")
            yield PlaceInput(placeholder=tr("movie-night  or  resonance://…"), id="channel")
            yield Static("", id="channel-error", classes="error", markup=False)
            yield Static(tr(LOOKING), id="found", markup=False)
            yield OptionList(id="channels", compact=True, markup=False)
            yield Static(tr(KEYS), classes="keys", markup=False)

    def on_mount(self) -> None:
        self._list()
        self.action_look()
        self.run_worker(self._follow_nearby, name="nearby", exit_on_error=False)

    # What there is to choose from

    def action_look(self) -> None:
        """Ask the broker for its channels, beside everything else."""
        if self._reaching is None:
            self._say("found", tr(LOOKING))
        look = self._launch.channels
        self.run_worker(
            look, name="channels", group="channels", exclusive=True, exit_on_error=False
        )

    async def _follow_nearby(self) -> None:
        try:
            await self._launch.follow_nearby(self._nearby_are)
        except ResonanceError as error:
            self.log(error.message)  # no network: nobody misses what it would have told

    def _nearby_are(self, rooms: list[NearbyRoom]) -> None:
        self._nearby = rooms
        self._list()

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.worker.name == "channels":
            self._looked(event)
        elif event.worker is self._reaching:
            self._reached(event)

    def _looked(self, event: Worker.StateChanged) -> None:
        url, error = self._launch.broker_url, event.worker.error
        if event.state is WorkerState.SUCCESS:
            self._listed = cast("list[ListedRoom]", event.worker.result or [])
            text = mark("On {broker}:") if self._listed else mark("No channel yet on {broker}.")
            self._say("found", tr(text, broker=url))
        elif event.state is WorkerState.ERROR:
            self._listed = []
            known = isinstance(error, Problem)
            unknown = tr("Could not ask {broker}: {error}", broker=url, error=error)
            self._say("found", _sentence(error) if known else unknown)
        if event.state in (WorkerState.SUCCESS, WorkerState.ERROR):
            self._list()

    def _list(self) -> None:
        """Rooms of the broker, rooms nearby, then recent ones; the line one is on stays."""
        here = {room.channel for room in self._listed}
        recent = [
            room
            for room in self._launch.recent_rooms
            if room.channel not in here or room.broker not in ("", self._launch.broker_url)
        ]
        options = self.query_one("#channels", OptionList)
        at = options.highlighted
        before = self._choices[at] if at is not None and at < len(self._choices) else None
        self._choices = [*self._listed, *self._nearby, *recent]
        options.clear_options()
        options.add_options(Option(self._entry(choice)) for choice in self._choices)
        options.display = bool(self._choices)
        if before in self._choices:
            options.highlighted = self._choices.index(before)

    def _entry(self, choice: RoomChoice) -> Content:
        room = max(self.size.width - 20, NAME_CELLS[0])
        cells = min(max(room // 2, NAME_CELLS[0]), NAME_CELLS[1])
        note = cut(printable(_note(choice)), max(room - cells, 10))
        return Content.assemble(fit(f"#{choice.channel}", cells), " ", (note, "dim"))

    # The nickname

    def action_reroll(self) -> None:
        self._offer(self._launch.random_nickname())
        self._say("nickname-error", "")

    def _offer(self, nickname: str) -> None:
        self._offered = self.query_one("#nickname", Input).value = nickname

    def _offer_for(self, channel: str) -> None:
        """The one that one had there, unless somebody has typed another."""
        known = self._launch.nickname_in(channel)
        if known and self.query_one("#nickname", Input).value == self._offered:
            self._offer(known)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self.query_one("#channels").has_focus and event.option_index < len(self._choices):
            self._offer_for(self._choices[event.option_index].channel)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._say(f"{event.input.id}-error", "")
        if event.input.id == "channel":
            self._offer_for(event.value.strip().lower())

    def _checked_nickname(self) -> str | None:
        """The nickname, or None after saying what is wrong with it."""
        field = self.query_one("#nickname", Input)
        try:
            return self._launch.check_nickname(field.value)
        except InvalidNickname as error:
            self._say("nickname-error", _sentence(error))
            field.focus()
            return None

    # Joining

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "channel":
            self._reach(event.value)
        elif self._checked_nickname() is not None:
            self.query_one("#channel").focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        choice = self._choices[event.option_index]
        if isinstance(choice, NearbyRoom) and not self._launch.is_trusted(choice):
            host = choice.host or choice.url.authority
            question = TrustDialog(
                choice.channel, host, choice.fingerprint, last_at=self._last_at(choice.channel)
            )
            self.app.push_screen(question, partial(self._trusted, choice))
        else:
            self._reach(choice)

    def _last_at(self, channel: str) -> str:
        """The broker of a channel that was joined before; "" for this machine's own."""
        rooms = [each for each in self._launch.recent_rooms if each.channel == channel]
        return next((each.broker.partition("://")[2] for each in rooms), "")

    def _trusted(self, choice: NearbyRoom, yes: bool | None) -> None:
        if yes:
            self._reach(choice)

    def _reach(self, choice: str | RoomChoice) -> None:
        """Find the way there beside everything else: an invite takes a while to redeem."""
        if self._reaching is None and self._checked_nickname() is not None:
            self._say("channel-error", "")
            work = partial(self._launch.reach, choice, partial(self._say, "found"))
            self._reaching = self.run_worker(work, name="reach", exit_on_error=False)

    def _reached(self, event: Worker.StateChanged) -> None:
        if not event.worker.is_finished:
            return
        self._reaching = None
        error, nickname = event.worker.error, self._checked_nickname()
        if event.state is WorkerState.SUCCESS and nickname is not None:
            self.dismiss((cast("str", event.worker.result), nickname))
        elif event.state is WorkerState.ERROR:
            unknown = tr("This should not have happened.")
            self._say("channel-error", _sentence(error) if isinstance(error, Problem) else unknown)
            self.query_one("#channel").focus()
            self.action_look()

    def action_leave(self) -> None:
        """An invite that is being redeemed is given up first."""
        if self._reaching is not None:
            self._reaching.cancel()
            self.action_look()
        else:
            self.dismiss(None)

    def _say(self, id: str, text: str) -> None:
        label = self.query_one(f"#{id}", Static)
        label.update(Content(printable(text)))
        label.display = bool(text)


def _sentence(error: BaseException | None) -> str:
    message, hint = str(error), getattr(error, "hint", "")
    if isinstance(error, Problem):
        message, hint = tr(error.message), tr(error.hint)
    if not hint or message.endswith(SENTENCE_ENDS):
        return f"{message} {hint}".strip()
    return tr("{what}. {hint}", what=message, hint=hint)


def _note(choice: RoomChoice) -> str:
    match choice:
        case ListedRoom(is_sure=False):
            return tr_n("about {count} viewer", "about {count} viewers", choice.viewers)
        case ListedRoom():
            return tr_n("{count} viewer", "{count} viewers", choice.viewers)
        case NearbyRoom():
            where = tr("nearby, at {host}", host=choice.host or choice.url.host)
            return " · ".join(filter(None, (where, choice.title)))
        case RecentRoom():
            broker = choice.broker.partition("://")[2]
            where = tr("recent, at {broker}", broker=broker) if broker else tr("recent")
            return " · ".join(filter(None, (where, choice.title)))
