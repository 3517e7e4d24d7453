"""Input that comes early or late: keys typed ahead of a screen, and answers of one that is left.

Textual delivers a key to whatever screen is on top, be it there already or not, and once more to
the app, which runs the action that it is bound to. So a screen may be asked for something before
its widgets exist, an app after it has said that it ends, and one screen for two answers. And while
a screen takes its widgets down it handles no message, but its workers would still go on drawing.
"""

from __future__ import annotations

from typing import TypeVar

from rich.console import RenderableType
from textual import on
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.events import Event, InputEvent
from textual.messages import Prune
from textual.screen import ModalScreen, Screen
from textual.widget import AwaitMount

from resonance_tui.texts import tr

Answer = TypeVar("Answer")


class PatientApp(App[None]):
    """Input waits for the screen that it is meant for; after `exit` there is none."""

    is_leaving = False

    async def on_event(self, event: Event) -> None:
        if isinstance(event, InputEvent):
            if self.is_leaving:
                return
            await self.screen_is_there()
        await super().on_event(event)

    async def screen_is_there(self) -> None:
        """Return once the widgets of the top screen are mounted."""
        screen = self.screen
        if not screen.is_mounted:
            await AwaitMount(screen, [screen])

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(PatientPalette())  # without an id: another may lie below

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        self.is_leaving = True
        super().exit(result, return_code, message)


class PatientScreen(Screen[Answer]):
    """Answers once, and only while it is on top: a second answer would close what lies below.

    Its workers end before its widgets do.
    """

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        return super().dismiss(result) if is_on_top(self) else AwaitComplete.nothing()

    @on(Prune)
    def _end_workers(self) -> None:
        self.workers.cancel_node(self)


class PatientDialog(ModalScreen[Answer]):
    """The same for a dialog."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        return super().dismiss(result) if is_on_top(self) else AwaitComplete.nothing()

    @on(Prune)
    def _end_workers(self) -> None:
        self.workers.cancel_node(self)


class PatientPalette(CommandPalette):
    """Textual's command palette, which else searches on while its list is taken down."""

    def __init__(self) -> None:
        super().__init__(placeholder=tr("Search for commands…"))

    @on(Prune)
    def _end_workers(self) -> None:
        self.workers.cancel_node(self)


def is_on_top(screen: Screen[Answer]) -> bool:
    """`Screen.is_current` holds of screens behind a dialog, too."""
    return screen.app.screen_stack[-1:] == [screen]
