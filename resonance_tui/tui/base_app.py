"""What both apps share: theme, driver, system commands, and signals that end a screen as a key
would: the room is left, the terminal is restored."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console
from textual.app import SystemCommand
from textual.driver import Driver
from textual.events import CursorPosition
from textual.filter import ANSIToTruecolor, DimFilter, LineFilter
from textual.screen import Screen
from textual.theme import Theme

from resonance_tui import palette
from resonance_tui.emotions import draw_letters
from resonance_tui.errors import INTERRUPTED
from resonance_tui.terminal import Colours, Terminal
from resonance_tui.tui.actions import palette_commands
from resonance_tui.tui.asked import are_single, asking, wipe
from resonance_tui.tui.hangup import HangupWatch
from resonance_tui.tui.patience import PatientApp
from resonance_tui.tui.placed import placing
from resonance_tui.tui.reduced import FewerColours, PlainDriver, plainly

log = logging.getLogger(__name__)

# Dark and quiet, so that the emotions carry the colour.
RESONANCE = Theme(
    name="resonance",
    primary=palette.PRIMARY,
    secondary=palette.SECONDARY,
    accent=palette.ACCENT,
    success=palette.SUCCESS,
    warning=palette.WARNING,
    error=palette.ERROR,
    foreground=palette.TEXT,
    background=palette.BACKGROUND,
    surface=palette.SURFACE,
    panel=palette.PANEL,
    dark=True,
    variables={
        "line": palette.LINE,
        "quiet": palette.QUIET,
        "track": palette.LINE,
        "border-blurred": palette.LINE,
        "input-selection-background": f"{palette.PRIMARY} 35%",
        "footer-key-foreground": palette.ACCENT,
    },
)


class BaseApp(PatientApp):
    """An app in the theme RESONANCE; `action_interrupt` ends it, for Ctrl-C and for signals.

    `terminal`: what is drawn with; None: as Textual finds it.
    """

    def __init__(self, terminal: Terminal | None = None) -> None:
        self._terminal = terminal
        self._reducing: list[LineFilter] = []
        _heed_no_color()
        super().__init__()
        if terminal is not None:
            self._draw_with(terminal)
        self.register_theme(RESONANCE)
        self.theme = RESONANCE.name
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:
        """Textual asks for it once before there is a screen, and parses everything twice."""
        if self.screen_stack:
            super().refresh_css(animate)

    def _draw_with(self, terminal: Terminal) -> None:
        if terminal.is_plain:
            draw_letters()
        self.no_color = self.no_color or terminal.colours is Colours.NONE
        if terminal.colours is not Colours.TRUECOLOR:
            self._reducing = [FewerColours(terminal.colours)]
        # Whatever Rich makes of the environment: the filter has the last word.
        self.console = Console(
            color_system="truecolor", force_terminal=True, highlight=False, emoji=False,
            legacy_windows=False, safe_box=False, file=self.console.file,
        )  # fmt: skip

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = super().get_line_filters()
        if self._reducing:  # a colour that is blended darker is another one of sixteen
            filters = [
                each for each in filters if not isinstance(each, ANSIToTruecolor | DimFilter)
            ]
        return [*filters, *self._reducing]

    def get_driver_class(self) -> type[Driver]:
        driver = placing(super().get_driver_class())
        if self._terminal is None:
            return driver
        driver = plainly(driver, is_plain=self._terminal.is_plain)
        return asking(driver) if self._terminal.is_guess else driver

    def on_cursor_position(self, answer: CursorPosition) -> None:
        """What the terminal says to the question of `asked`."""
        driver = self._driver
        if driver is not None and isinstance(driver, PlainDriver) and not are_single(answer):
            log.info("%r", answer)
            driver.is_plain = True
            draw_letters()
            wipe(driver)
            for widget in self.screen.walk_children(with_self=True):
                widget.notify_style_update()
                widget.refresh(layout=True)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        return palette_commands(super().get_system_commands(screen), screen)

    def _handle_exception(self, error: Exception) -> None:
        """What a screen that is left half built stumbles over is for the log alone."""
        if not self._running:  # cancelled, or at its end
            log.info("%s", type(error).__name__, exc_info=error)
        else:
            super()._handle_exception(error)

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):  # not every system and thread can handle them
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                number = getattr(signal, name)
                loop.add_signal_handler(number, self.call_later, self.action_interrupt)

        def interrupt() -> None:
            loop.call_soon_threadsafe(lambda: self.call_later(self.action_interrupt))

        self._hangup_watch = HangupWatch(interrupt)
        if not self.is_headless:
            self._hangup_watch.start()

    async def on_unmount(self) -> None:
        self._hangup_watch.stop()

    def action_interrupt(self) -> Awaitable[None] | None:
        """End the app with the exit code of an interrupt."""
        self.exit(return_code=INTERRUPTED)


def _heed_no_color() -> None:
    """By convention an empty NO_COLOR is none; Textual counts it, and reads it in App()."""
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]
