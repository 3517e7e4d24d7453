"""The history screen: a recorded session as a chart to pan, zoom and take data from."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from resonance_tui.errors import INTERRUPTED, ResonanceError
from resonance_tui.history import charts
from resonance_tui.history.recording import Recording, Request, export, read
from resonance_tui.history.window import Window
from resonance_tui.tui.screens.history_dialogs import HistoryHelp, SessionPicker
from resonance_tui.tui.signals import leave_on_signals
from resonance_tui.tui.theme import RESONANCE
from resonance_tui.tui.widgets.chart import Chart, ChartView
from resonance_tui.tui.widgets.history_lines import hint_line, legend_lines, moment_line, title_line

__all__ = ["HistoryApp", "HistoryScreen", "Request"]


class HistoryScreen(Screen[None]):
    """Self-contained: reads the database by itself, in a thread, and writes only exports."""

    DEFAULT_CSS = """
    HistoryScreen { layout: vertical; }
    HistoryScreen #title { height: 1; padding: 0 1; background: $boost; }
    HistoryScreen #chart { height: 1fr; }
    HistoryScreen #moment { height: 1; padding: 0 1; display: none; }
    HistoryScreen #legend { height: auto; }
    HistoryScreen #hint { height: 1; padding: 0 1; background: $boost; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "pan(-0.25)", "back"),
        Binding("right", "pan(0.25)", "on"),
        Binding("plus,equals_sign,up", "zoom(2)", "closer"),
        Binding("minus,down", "zoom(0.5)", "wider"),
        Binding("0,home", "whole", "all"),
        Binding("s", "pick", "session"),
        Binding("l", "share", "lines / share"),
        Binding("m", "moment(1)", "next moment"),
        Binding("M", "moment(-1)", "moment before"),
        Binding("e", "export", "CSV"),
        Binding("r", "reload", "reload"),
        Binding("question_mark,f1", "help", "help"),
        Binding("q,escape", "leave", "quit"),
    ]

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request
        self._recording: Recording | None = None
        self._window: Window | None = None
        self._is_share = False
        self._moment: charts.Moment | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Chart(id="chart")
        yield Static(id="moment")
        yield Static(id="legend")
        yield Static(id="hint")

    def on_mount(self) -> None:
        self.query_one(Chart).say("Reading the history ...")
        self._load()

    def on_resize(self) -> None:
        self._redraw()

    # Reading

    @work(exclusive=True, group="history")
    async def _load(self) -> None:
        try:
            recording = await asyncio.to_thread(read, self._request)
        except ResonanceError as error:
            self.query_one(Chart).say(f"\n{error.message}\n{error.hint}")
            return
        self._recording, self._moment = recording, None
        track = recording.track
        self._window = Window.over(track.start, track.end) if len(track) else None
        self._redraw()

    def action_reload(self) -> None:
        self._load()

    def action_pick(self) -> None:
        if self._recording is not None and self._recording.sessions:
            picker = SessionPicker(self._recording.sessions, self._request.zone)
            self.app.push_screen(picker, self._show_session)

    def _show_session(self, number: int | None) -> None:
        if number is not None:
            self._request = replace(self._request, start=None, end=None, session=number)
            self._load()

    # Moving

    def _move(self, window: Window) -> None:
        self._window = window
        self._redraw()

    def action_pan(self, part: float) -> None:
        if self._window is not None:
            self._move(self._window.pan(part))

    def action_zoom(self, factor: float) -> None:
        if self._window is not None:
            self._move(self._window.zoom(factor))

    def action_whole(self) -> None:
        self._moment = None
        if self._window is not None:
            self._move(self._window.whole())

    def on_mouse_scroll_up(self) -> None:
        self.action_zoom(2)

    def on_mouse_scroll_down(self) -> None:
        self.action_zoom(0.5)

    def action_share(self) -> None:
        self._is_share = not self._is_share
        self._redraw()

    def action_moment(self, step: int) -> None:
        if self._recording is None or self._window is None:
            return
        found = self._recording.moments
        if not found:
            self.notify("The room never changed its mind: no moments in this range.")
            return
        if self._moment in found:
            self._moment = found[(found.index(self._moment) + step) % len(found)]
        else:
            self._moment = found[0 if step > 0 else -1]
        self._move(self._window.around(self._moment.t))

    # Leaving

    @work(exclusive=True, group="export")
    async def action_export(self) -> None:
        if self._window is None:
            return
        try:
            path, rows = await asyncio.to_thread(export, self._request, self._window, Path.cwd())
        except (ResonanceError, OSError) as error:  # OSError: the working directory is gone
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(f"{rows:,} rows in {path}", title="Saved", markup=False)

    def action_help(self) -> None:
        self.app.push_screen(HistoryHelp())

    def action_leave(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.dismiss()
        else:
            self.app.exit()

    # Drawing

    def _redraw(self) -> None:
        recording, window, width = self._recording, self._window, max(10, self.size.width - 2)
        self.query_one("#hint", Static).update(hint_line(width))
        if recording is None:
            return
        if window is None:
            self._redraw_nothing(recording)
            return
        part = charts.cut(recording.track, window.start, window.end)
        self.query_one("#title", Static).update(
            title_line(width, self._request.channel, window, part, self._is_share, self._zone)
        )
        self.query_one("#legend", Static).update(
            legend_lines(self.size.width, part, self._is_share, self.app.no_color)
        )
        self._redraw_moment(recording.moments, width)
        self.query_one(Chart).show(
            ChartView(
                recording.track,
                window,
                self._is_share,
                tuple(moment.t for moment in recording.moments),
                self._moment.t if self._moment else None,
                self._zone,
            )
        )

    def _redraw_nothing(self, recording: Recording) -> None:
        others = "Press s to pick a session." if recording.sessions else ""
        self.query_one("#title", Static).update(Text(self._request.channel, "bold"))
        self.query_one(Chart).say(f"\nNothing was recorded in this range.\n{others}")

    def _redraw_moment(self, found: list[charts.Moment], width: int) -> None:
        line = self.query_one("#moment", Static)
        line.display = self._moment is not None
        if self._moment is not None:
            line.update(moment_line(width, self._moment, found, self._zone))

    @property
    def _zone(self) -> tzinfo | None:
        return self._request.zone


class HistoryApp(App[None]):
    """A shell around the one screen."""

    TITLE = "resonance history"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request
        self.register_theme(RESONANCE)
        self.theme = RESONANCE.name

    def on_mount(self) -> None:
        leave_on_signals(self, lambda: self.exit(return_code=INTERRUPTED))

    def get_default_screen(self) -> HistoryScreen:
        return HistoryScreen(self._request)
