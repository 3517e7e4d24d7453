"""How `evaluate` tells what is to be done now: a line for each task, and a countdown."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import terminal_width
from resonance_tui.texts import tr

if TYPE_CHECKING:
    from resonance_tui.commands.console import StatusLine
    from resonance_tui.evaluation.plan import Moment, Plan


class Announcer:
    """Speaks to whoever sits there (`is_live`); of a film it tells how far it is."""

    def __init__(self, plan: Plan, status: StatusLine, *, is_live: bool) -> None:
        self._plan, self._status, self._is_live = plan, status, is_live
        self._said = 0  # number of the step that was announced last

    def show(self, moment: Moment) -> None:
        """Announce a task once, and count down."""
        if self._is_live and moment.number != self._said:
            self._said = moment.number
            text = f"{self._place(moment)} {tr(moment.step.task.says)}"
            self._status.say(click.wrap_text(text, terminal_width()))
        seconds = math.ceil(moment.left_s)
        if not self._is_live:
            text = tr("reading the film: {task}", task=moment.step.name)
        elif moment.is_on:
            text = tr("now: {task}, {seconds} s left", task=moment.step.name, seconds=seconds)
        else:
            text = tr("{task} in {seconds} s", task=moment.step.name, seconds=seconds)
        self._status.show(f"{self._place(moment)} {text}")

    def notice(self, text: str) -> None:
        """A sentence about engine or camera."""
        if text:
            self._status.say(tr("note: {text}", text=text))

    async def beside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, and wipe the status line in the end."""
        self._status.show(tr("loading: camera and network"))
        try:
            await work()
        finally:
            self._status.close()

    def _place(self, moment: Moment) -> str:
        return f"[{moment.number}/{len(self._plan.steps)}]"
