"""The app around a replay: consent first, where a face is to be read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from resonance_tui.terminal import Terminal
from resonance_tui.texts import tr
from resonance_tui.tui.app import HEIGHTS, WIDTHS
from resonance_tui.tui.base_app import BaseApp
from resonance_tui.tui.screens.replay import Replay, ReplayScreen


class ReplayApp(BaseApp):
    """`on_agreed` is called once the face may be read: at once unless `asks`, else once the person
    says yes. `has_declined` tells of a no, which ends the app."""

    CSS_PATH = "resonance.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", priority=True, show=False),
        Binding("ctrl+c", "interrupt", "Interrupt", priority=True, show=False),
    ]

    def __init__(
        self,
        replay: Replay,
        *,
        asks: bool = False,
        on_agreed: Callable[[], object] = lambda: None,
        terminal: Terminal | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(terminal)
        self.title = tr("resonance replay")
        self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS = WIDTHS, HEIGHTS
        self._replay, self._asks, self._on_agreed = replay, asks, on_agreed
        self._now = now
        self.has_declined = False

    def on_mount(self) -> None:
        if self._asks:
            from resonance_tui.tui.screens.consent import ConsentScreen

            self.push_screen(ConsentScreen("", is_replay=True), self._answered)
        else:
            self._begin()

    def _answered(self, yes: bool | None) -> None:
        self.has_declined = not yes
        if yes:
            self._begin()
        else:
            self.exit(return_code=1)

    def _begin(self) -> None:
        self._on_agreed()
        self.push_screen(ReplayScreen(self._replay, now=self._now))
