"""The history screen: a recorded session as a chart to read, zoom, pan and take data from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.lines import is_too_small
from resonance_tui.charting.ticks import clock
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import neighbour
from resonance_tui.errors import ResonanceError
from resonance_tui.history.about import keep_note, keep_title
from resonance_tui.history.loading import Request, export_csv
from resonance_tui.history.marks import Mark, add_mark, remove_mark, rename_mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.playback import FOLLOW_S, Playback
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.words import MARK_LIMIT, NOTE_LIMIT, TITLE_LIMIT, checked
from resonance_tui.terminal import Terminal
from resonance_tui.texts import mark, tr
from resonance_tui.tui.actions import (
    CONFUSION,
    OWN_HISTORY,
    Action,
    ActionScreen,
    history_actions,
)
from resonance_tui.tui.base_app import BaseApp
from resonance_tui.tui.screens.dialogs import TextDialog
from resonance_tui.tui.screens.history_dialogs import HistoryHelp, SessionPicker
from resonance_tui.tui.widgets.chart import ChartWidget
from resonance_tui.tui.widgets.history_panes import HistoryPanes

Change = Callable[[Store], object]


class HistoryScreen(ActionScreen):
    """Self-contained: reads the database by itself, in threads; writes exports, marks and words."""

    PREFIX = "history"

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._playback = Playback(request)
        self._state: ViewState | None = None  # None while there is nothing to look at
        self._moment: Moment | Mark | None = None  # the one that was jumped to

    def compose(self) -> ComposeResult:
        yield HistoryPanes(self.actions)

    @classmethod
    def table(cls) -> Sequence[Action]:
        return history_actions()

    @property
    def has(self) -> frozenset[str]:
        request = self._playback.request
        there = {CONFUSION: request.confusion is not None, OWN_HISTORY: not request.is_copy}
        return frozenset(name for name, is_there in there.items() if is_there)

    def on_mount(self) -> None:
        self._panes.say(self._playback.request.channel, tr("Reading the history ..."))
        self._load()
        self.set_interval(FOLLOW_S, self._follow)

    # Reading

    @work(exclusive=True, group="load")
    async def _load(self) -> None:
        playback = self._playback
        try:
            await playback.load()
        except ResonanceError as error:
            self._state = None
            self._panes.say(playback.request.channel, f"\n{tr(error.message)}\n{tr(error.hint)}")
            return
        self._moment = None
        if playback.recorded is None:
            self._state = None
            others = tr("Press s to pick a session.") if self._has_sessions else ""
            words = tr("Nothing was recorded in this range.")
            self._panes.say(playback.request.channel, f"\n{words}\n{others}")
            return
        track = playback.recorded.track
        window = Viewport.over(track.start, track.end)
        if self._state is None:
            self._state = ViewState(window, is_corrected=playback.request.is_corrected)
        else:  # another session, or the same one again: seen in the same way
            self._state = replace(self._state, window=window, cursor=None)
        self._redraw()
        self._study()

    @work(exclusive=True, group="study")
    async def _study(self) -> None:
        await self._playback.study()
        self._redraw()

    @work(group="follow")
    async def _follow(self) -> None:
        if not await self._playback.follow() or self._state is None:
            return
        if (recorded := self._playback.recorded) is not None:
            self._state = self._state.grown(recorded.track.start, recorded.track.end)
        self._redraw()
        if self._playback.is_due:
            self._study()

    def action_reload(self) -> None:
        self._load()

    @property
    def _has_sessions(self) -> bool:
        return self._playback.recording is not None and bool(self._playback.recording.sessions)

    def action_pick(self) -> None:
        if self._playback.recording is not None and self._has_sessions:
            sessions, zone = self._playback.recording.sessions, self._playback.request.zone
            self.app.push_screen(SessionPicker(sessions, zone), self._show_session)

    def _show_session(self, number: int | None) -> None:
        if number is not None:
            self._playback.choose(number)
            self._load()

    # Looking

    def _go(self, change: Callable[[ViewState], ViewState]) -> None:
        if self._state is None:
            return
        before, self._state = self._state.cursor, change(self._state)
        if self._state.cursor != before:
            self._moment = None
        self._redraw()

    def action_step(self, by: int) -> None:
        self._go(lambda state: state.step(by, self._panes.bins))

    @on(ChartWidget.Pointed)
    def _point(self, event: ChartWidget.Pointed) -> None:
        self._go(lambda state: state.point(event.t))

    def action_pan(self, part: float) -> None:
        self._go(lambda state: state.on(state.window.pan(part)))

    def action_zoom(self, factor: float) -> None:
        self._go(lambda state: state.zoom(factor))

    def action_whole(self) -> None:
        self._go(lambda state: replace(state, window=state.window.whole(), cursor=None))

    def action_latest(self) -> None:
        self._go(lambda state: state.on(state.window.latest()))

    def on_mouse_scroll_up(self) -> None:
        self.action_zoom(2)

    def on_mouse_scroll_down(self) -> None:
        self.action_zoom(0.5)

    def action_view(self, by: int) -> None:
        self._go(lambda state: replace(state, view=neighbour(state.view, by)))

    def action_group(self) -> None:
        self._go(lambda state: replace(state, is_grouped=not state.is_grouped))

    def action_correct(self) -> None:
        recorded = self._playback.recorded
        if recorded is None or self._state is None:
            return
        if recorded.confusion is None:
            self.notify(
                tr("Nobody published how often this engine is mistaken: nothing to correct.")
            )
        elif is_too_small(recorded.track) and not self._state.is_corrected:
            self.notify(tr("Never 50 viewers showed an emotion: too few to correct."))
        else:
            self._go(lambda state: replace(state, is_corrected=not state.is_corrected))

    def action_moment(self, step: int) -> None:
        request = self._chart_request
        if request is None:
            return
        found = request.points
        if not found:
            self.notify(tr("The room never changed its mind: no moments in this range."))
            return
        if self._moment in found:
            moment = found[(found.index(self._moment) + step) % len(found)]
        else:
            moment = found[0 if step > 0 else -1]
        self._go(lambda state: state.around(moment.t))
        self._moment = moment
        self._redraw()

    # Saying

    def action_mark(self) -> None:
        """Where one was jumped to, that one is changed; else one is made under the cursor."""
        state, chosen = self._state, self._moment
        if state is None or not self._may_write():
            return
        if state.cursor is None:
            self.notify(tr("Put the cursor where the mark is to be: ← and →, or a click."))
            return
        known = chosen if isinstance(chosen, Mark) else Mark(state.cursor)
        when = clock(known.t, self._playback.request.zone, seconds=True)
        words = mark("Mark at {time}  (empty: none)") if known.id else mark("Mark at {time}")
        dialog = TextDialog(tr(words, time=when), known.text, checked, limit=MARK_LIMIT)
        self.app.push_screen(dialog, partial(self._keep_mark, known))

    def _keep_mark(self, known: Mark, text: str | None) -> None:
        channel = self._playback.request.channel
        if text is None:
            return
        if not known.id:
            self._write(lambda store: add_mark(store, channel, known.t, text))
        elif text:
            self._write(lambda store: rename_mark(store, known.id, text))
        else:
            self._write(lambda store: remove_mark(store, known.id))

    def action_title(self) -> None:
        if (span := self._span) is not None and self._may_write():
            check = partial(checked, limit=TITLE_LIMIT)
            dialog = TextDialog(tr("Title of the session"), span.title, check, limit=TITLE_LIMIT)
            self.app.push_screen(dialog, partial(self._keep_words, keep_title, span))

    def action_note(self) -> None:
        if (span := self._span) is not None and self._may_write():
            check = partial(checked, limit=NOTE_LIMIT)
            dialog = TextDialog(tr("Note to the session"), span.note, check, limit=NOTE_LIMIT)
            self.app.push_screen(dialog, partial(self._keep_words, keep_note, span))

    def _keep_words(
        self,
        keep: Callable[[Store, str, SessionSpan, str], None],
        span: SessionSpan,
        text: str | None,
    ) -> None:
        channel = self._playback.request.channel
        if text is not None:
            self._write(lambda store: keep(store, channel, span, text))

    def _may_write(self) -> bool:
        if not self._playback.request.is_copy:
            return True
        self.notify(tr("This is a copy of what is elsewhere: nothing can be kept with it."))
        return False

    def _write(self, change: Change) -> None:
        self._change(change)

    @work(group="write")
    async def _change(self, change: Change) -> None:
        def write() -> None:
            with Store(self._playback.request.db_path) as store:
                change(store)

        try:
            await asyncio.to_thread(write)
        except ResonanceError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        await self._playback.read_words()
        self._redraw()

    @property
    def _span(self) -> SessionSpan | None:
        return self._playback.recording.span if self._playback.recording is not None else None

    # Leaving

    @work(exclusive=True, group="export")
    async def action_export(self) -> None:
        if self._state is None:
            return
        window = self._state.window
        try:
            path, rows = await asyncio.to_thread(
                export_csv, self._playback.request, window.start, window.end, Path.cwd()
            )
        except (ResonanceError, OSError) as error:  # OSError: the working directory is gone
            self.notify(str(error), severity="error", markup=False)
            return
        words = tr("{rows:,} rows in {path}", rows=rows, path=path)
        self.notify(words, title=tr("Saved"), markup=False)

    @work(exclusive=True, group="picture")
    async def action_picture(self) -> None:
        if (request := self._chart_request) is None:
            return
        from resonance_tui.charting.image import save_picture

        request = replace(request, state=replace(request.state, cursor=None))
        try:
            path = await asyncio.to_thread(save_picture, request, Path.cwd())
        except (ResonanceError, OSError) as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(str(path), title=tr("Saved"), markup=False)

    def action_help(self) -> None:
        self.app.push_screen(HistoryHelp(self.table()))

    def action_back(self) -> None:
        if self._state is not None and self._state.cursor is not None:
            self._go(lambda state: replace(state, cursor=None))
        else:
            self.action_leave()

    def action_leave(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.dismiss()
        else:
            self.app.exit()

    # Drawing

    @property
    def _panes(self) -> HistoryPanes:
        return self.query_one(HistoryPanes)

    @property
    def _chart_request(self) -> ChartRequest | None:
        """What is to be seen; None where there is nothing."""
        playback = self._playback
        if playback.recorded is None or self._state is None:
            return None
        channel, zone = playback.request.channel, playback.request.zone
        recording, recorded = playback.recording, playback.recorded
        request = ChartRequest(channel, recorded, self._state, playback.moments, zone)
        if recording is None:
            return request
        return replace(
            request,
            video=recording.video,
            delay_s=recording.delay_s or 0.0,
            marks=playback.marks,
            title=recording.span.title if recording.span is not None else "",
            questions=recording.questions,
            reactions=recording.reactions,
            teams=recording.teams,
        )

    def _redraw(self) -> None:
        if (request := self._chart_request) is not None:
            moment = self._moment if self._moment in request.points else None
            self._panes.show(request, moment, is_live=self._playback.is_live)


class HistoryApp(BaseApp):
    """A shell around the one screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Interrupt", priority=True, show=False)
    ]

    def __init__(self, request: Request, terminal: Terminal | None = None) -> None:
        super().__init__(terminal)
        self.title = tr("resonance history")
        self._request = request

    def get_default_screen(self) -> HistoryScreen:
        return HistoryScreen(self._request)
