"""The app: which screen comes when, and the life of the one session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.theme import Theme
from textual.worker import Worker, WorkerError, WorkerState

from resonance_tui.errors import INTERRUPTED, Problem
from resonance_tui.pipeline.sources import Source
from resonance_tui.terminal import Terminal
from resonance_tui.texts import tr
from resonance_tui.tui.base_app import RESONANCE, BaseApp
from resonance_tui.tui.join_context import DeskLike, JoinContext, SessionLike
from resonance_tui.tui.screens.live import LiveScreen

log = logging.getLogger(__name__)

LEAVE_WITHIN_S = 3.0
SESSION = "session"
WIDTHS = [(0, "-tiny"), (50, "-narrow"), (72, "-medium"), (100, "-wide")]
HEIGHTS = [(0, "-flat"), (10, "-low"), (14, "-short"), (22, "-mid"), (34, "-tall")]

HistoryFactory = Callable[[str], Screen[None]]


class ResonanceApp(BaseApp):
    """Consent, then a channel, then the room. `failure` holds what ended the last session.

    Screens other than the room's are imported when they are shown: the first picture waits for
    every import.
    """

    TITLE = "resonance"
    CSS_PATH = "resonance.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True, show=False),
        Binding("ctrl+c", "interrupt", "Interrupt", priority=True, show=False),
    ]

    def __init__(
        self,
        launch: JoinContext,
        history: HistoryFactory | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        super().__init__(terminal)
        self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS = WIDTHS, HEIGHTS
        self.launch = launch
        self.failure: Problem | None = None
        self.has_declined = False
        self._history = history
        self._place: tuple[str, str] | None = None
        self._worker: Worker[None] | None = None
        self._desk: DeskLike | None = None  # of a room that this machine has a key for
        self._desk_worker: Worker[None] | None = None  # from the first look at the host's screen

    def on_mount(self) -> None:
        if self.launch.theme in self.available_themes:
            self.theme = self.launch.theme
        self.theme_changed_signal.subscribe(self, self._theme_chosen)
        if self.launch.needs_consent:
            from resonance_tui.tui.screens.consent import ConsentScreen

            screen = ConsentScreen(self.launch.told_to, reads_all=self.launch.reads_all)
            self.push_screen(screen, self._consented)
        else:
            self._choose_room()

    def _theme_chosen(self, theme: Theme) -> None:
        if theme.name != (self.launch.theme or RESONANCE.name):
            self.launch.remember_theme(theme.name)

    def _consented(self, yes: bool | None) -> None:
        if yes:
            self.launch.give_consent()
            self._choose_room()
        else:
            self.has_declined = True
            self.exit(return_code=1)

    def _choose_room(self) -> None:
        if self.launch.channel:
            self._join((self.launch.channel, self.launch.nickname))
        else:
            self._set_up()

    def _set_up(self) -> None:
        from resonance_tui.tui.screens.lobby import LobbyScreen

        nickname = self._place[1] if self._place else ""
        self.push_screen(LobbyScreen(self.launch, nickname), self._join)

    def _join(self, place: tuple[str, str] | None) -> None:
        """Show the room at once, and start the session behind the first picture."""
        if place is None:
            self.exit()
            return
        self._place = place
        try:
            session = self.launch.open_session(*place)
        except Problem as error:
            self._fail(error)
            return
        self._end_desk()
        self._desk = self.launch.open_desk(place[0])
        has_history, has_key = self._history is not None, self._desk is not None
        screen = LiveScreen(
            session,
            has_history=has_history,
            has_key=has_key,
            alerts=self.launch.alerts,
            on_alert=self.launch.remember_alert,
        )
        screen.add_class(*_size_classes(self.size), update=False)  # else it is styled once more
        self.push_screen(screen)
        self.call_after_refresh(self._start, session)

    def _start(self, session: SessionLike) -> None:
        if self.is_leaving:
            return
        self.failure = None
        self._worker = self.run_worker(session.run, name=SESSION, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.worker is not self._worker:
            return
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._fail(event.worker.error)
        elif event.state is WorkerState.SUCCESS:
            self.exit()

    def _fail(self, error: BaseException) -> None:
        from resonance_tui.tui.screens.error import ErrorScreen, explain

        self.failure = explain(error)
        log.error("the session ended: %s", self.failure.message, exc_info=error)
        if isinstance(live := self.screen, LiveScreen):
            live.show_now()  # that it is over: it draws nothing more below another screen
        self.push_screen(ErrorScreen(self.failure), self._after_failure)

    async def _after_failure(self, choice: str | None) -> None:
        if choice == "quit" or self._place is None:
            self.exit(return_code=self.failure.exit_code if self.failure else 1)
            return
        await self._close_room()
        if choice == "retry":
            self._join(self._place)
        else:
            self._set_up()

    async def _close_room(self) -> None:
        """The live screen, and whatever was opened over it: history, help."""
        while any(isinstance(screen, LiveScreen) for screen in self.screen_stack):
            await self.pop_screen()

    async def action_quit(self) -> None:
        await self._quit(0)

    async def action_interrupt(self) -> None:
        await self._quit(INTERRUPTED)

    async def _quit(self, return_code: int) -> None:
        """Leave the room, wait up to LEAVE_WITHIN_S for its closing messages, end."""
        await self.screen_is_there()  # a signal may come as early as a key
        if isinstance(self.screen, LiveScreen):
            self.screen.say_leaving()
        await self._leave()
        self.exit(return_code=return_code)

    async def on_unmount(self) -> None:
        """However the app ends, a time limit from outside included."""
        await self._leave()

    async def _leave(self) -> None:
        self._end_desk()
        worker, self._worker = self._worker, None
        if worker is None or worker.is_finished:
            return
        if not worker.is_cancelled:  # a second time would cut its good-bye short
            worker.cancel()
        with suppress(WorkerError, TimeoutError):
            await asyncio.wait_for(worker.wait(), LEAVE_WITHIN_S)

    # Without a restart

    async def action_other_room(self) -> None:
        """Leave the room, and choose another one."""
        if isinstance(self.screen, LiveScreen):
            self.screen.say_leaving()
            await self._leave()
            await self._close_room()
            self._set_up()

    def action_change_nickname(self) -> None:
        from resonance_tui.tui.screens.dialogs import NicknameDialog

        if isinstance(live := self.screen, LiveScreen):
            dialog = NicknameDialog(live.session.view.nickname, self.launch.check_nickname)
            self.push_screen(dialog, partial(self._rename, live.session))

    def _rename(self, session: SessionLike, nickname: str | None) -> None:
        if nickname is not None and self._place is not None:
            session.set_nickname(nickname)
            self._place = (self._place[0], nickname)

    def action_choose_camera(self) -> None:
        if isinstance(live := self.screen, LiveScreen):
            ask = self._ask_for_camera(live.session)  # in a group of its own: the session goes on
            self.run_worker(ask, name="cameras", group="cameras", exclusive=True)

    async def _ask_for_camera(self, session: SessionLike) -> None:
        from resonance_tui.tui.screens.dialogs import ChoiceDialog

        sources = await self.launch.cameras()
        if not (isinstance(live := self.screen, LiveScreen) and live.session is session):
            return  # left, or something else was opened meanwhile
        labels = [source.label for source in sources]
        current = session.view.camera.source
        at = labels.index(current) if current in labels else None
        chosen = partial(self._camera_chosen, session, sources)
        self.push_screen(ChoiceDialog(tr("Camera"), labels, at), chosen)

    def _camera_chosen(
        self, session: SessionLike, sources: list[Source], index: int | None
    ) -> None:
        if index is None:
            return
        use = partial(self._use_camera, session, sources[index])
        if self.launch.needs_consent_for(sources[index]):
            from resonance_tui.tui.screens.consent import ConsentScreen

            reads_all = self.launch.reads_all
            self.push_screen(ConsentScreen(session.view.broker_url, reads_all=reads_all), use)
        else:
            use(None)

    def _use_camera(self, session: SessionLike, source: Source, consents: bool | None) -> None:
        """`consents`: None where nobody had to be asked."""
        if consents:
            self.launch.give_consent()
        if consents is not False:
            self.launch.use_camera(source)
            session.set_source(source)

    def action_moderate(self) -> None:
        if self._desk is None:
            return
        from resonance_tui.tui.screens.moderation import ModerationScreen

        if self._desk_worker is None:
            run = self._desk.run
            self._desk_worker = self.run_worker(run, name="desk", exit_on_error=False)
        self.push_screen(ModerationScreen(self._desk))

    def _end_desk(self) -> None:
        worker, self._desk_worker, self._desk = self._desk_worker, None, None
        if worker is not None:
            worker.cancel()

    def action_wire(self) -> None:
        from resonance_tui.tui.screens.wire import WireScreen

        self.push_screen(WireScreen(self.launch.wire))

    def action_history(self) -> None:
        if self._history is not None and self._place is not None:
            self.push_screen(self._history(self._place[0]))


def _size_classes(size: Size) -> list[str]:
    """Which classes of WIDTHS and HEIGHTS a screen of this size has."""
    tables = ((WIDTHS, size.width), (HEIGHTS, size.height))
    return [[name for least, name in table if cells >= least][-1] for table, cells in tables]
