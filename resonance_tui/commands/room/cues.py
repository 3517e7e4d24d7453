"""`room cues`: the prompts in a file, shown in the room at their times of the film."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import note, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import FilePath, Span
from resonance_tui.commands.room.ask import check_can_ask
from resonance_tui.commands.room.place import at_desk, find_place, with_broker
from resonance_tui.commands.settings import broker_options
from resonance_tui.errors import BrokerError, InputError
from resonance_tui.protocol.questions import OPEN_MOST_S
from resonance_tui.room.asking import act_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from resonance_tui.history.prompt_file import Prompt
    from resonance_tui.hosting.desk import Desk

AGAIN_S = 2.0  # after a prompt that the broker did not take


@click.command("cues", cls=Command)
@click.argument("file", type=FilePath(path_type=Path))
@click.argument("channel", required=False)
@click.option(
    "--from",
    "position",
    type=Span(0.0),
    default=0.0,
    metavar="T",
    help="Where the film is now: 90, 1m30s (default: at its beginning).",
)
@broker_options
@click.pass_context
def cues(
    ctx: click.Context, file: Path, channel: str | None, position: float, broker_url: str | None
) -> None:
    """Show the prompts in FILE in the room, at their times of a film.

    The film plays from now on. FILE is WebVTT, or CSV with the columns start, end, text; a text as
    `? Which map? | Dust | Mirage` is asked, and open for as long as it would be shown. It ends with
    the last prompt, or by Ctrl-C, which takes the present one back.

    \b
    Examples:
      resonance-tui room cues film.vtt cats-live
      resonance-tui room cues film.csv --from 5m
    """
    prompts = read_prompts(file)
    place = find_place(with_broker(ctx, broker_url), channel)

    async def work(desk: Desk) -> None:
        if any(each.question for each in prompts):
            check_can_ask(desk)
        say(f"{len(prompts)} cues for {place.channel}; Ctrl-C ends them.")
        await show_prompts(desk, prompts, position)

    at_desk(place, work)


def read_prompts(file: Path) -> tuple[Prompt, ...]:
    """Raises InputError for a file that cannot be read, or has no cues."""
    from resonance_tui.history.prompt_file import BYTES_MOST, parse_prompts

    try:
        with file.open("rb") as opened:
            data = opened.read(BYTES_MOST + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from None
    return parse_prompts(data, file.name)


async def show_prompts(
    desk: Desk,
    prompts: tuple[Prompt, ...],
    position: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Until the last one is over. What the broker does not take is tried again while it is due."""
    from resonance_tui.history.prompt_file import next_change, prompt_at

    began, shown = clock() - position, ""
    asked: Prompt | None = None
    try:
        while True:
            now = clock() - began
            due = prompt_at(prompts, now)
            words = due.words if due and not due.question else ""
            is_taken = words == shown or await _is_shown(desk, words)
            shown = words if is_taken else shown
            if due and due.question and due is not asked:
                asked = due if await _is_asked(desk, due, now) else asked
                is_taken &= asked is due
            change = next_change(prompts, now)
            if math.isinf(change) and is_taken:
                return
            wait_s = max(0.0, change + began - clock())
            await asyncio.sleep(wait_s if is_taken else min(wait_s, AGAIN_S))
    finally:
        if shown:
            await _is_shown(desk, "")
        if asked is not None and clock() - began < asked.end:
            await _take_back(desk, asked)


async def _is_asked(desk: Desk, prompt: Prompt, now: float) -> bool:
    """It stays open for as long as the prompt would be shown."""
    question, *answers = prompt.question
    open_s = min(max(1.0, prompt.end - now), OPEN_MOST_S)
    value = act_value(question, answers, at=time.time(), open_s=open_s)
    try:
        await desk.act("ask", value, whom=question)
    except BrokerError as error:
        note(f"not asked: {error.message}")
        return False
    say(f"{time.strftime('%H:%M:%S')}  {prompt.words}")
    return True


async def _take_back(desk: Desk, prompt: Prompt) -> None:
    """Unless somebody has asked another question since."""
    present = desk.rules.question
    if present is None or present.text != prompt.question[0]:
        return
    try:
        await desk.act("close-question", f"{time.time():.0f}", whom="")
    except BrokerError as error:
        note(f"{prompt.question[0]} stays open: {error.message}")


async def _is_shown(desk: Desk, words: str) -> bool:
    try:
        await desk.act("prompt", words, is_noted=False)
    except BrokerError as error:
        note(f"not shown: {error.message}")
        return False
    if words:
        say(f"{time.strftime('%H:%M:%S')}  {words}")
    return True
