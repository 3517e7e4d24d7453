"""A session that sees a room and is not in it, for `log` and `serve`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from resonance_tui.commands.destination import Destination
from resonance_tui.commands.session_builder import check_intent, plan_session
from resonance_tui.config import Config
from resonance_tui.errors import Problem, in_words
from resonance_tui.profile import Profile

if TYPE_CHECKING:
    from resonance_tui.commands.console import StatusLine
    from resonance_tui.commands.served import ServedRoom
    from resonance_tui.protocol.urls import BrokerUrl
    from resonance_tui.session.core import Session
    from resonance_tui.session.events import SessionView


class Companion(Protocol):
    """What does something of its own while a room is seen."""

    async def beside(self, work: Coroutine[Any, Any, None]) -> None: ...


@contextlib.contextmanager
def observing(
    config: Config,
    there: Destination,
    *,
    database: Path | None = None,
    title: str = "",
    broker: BrokerUrl | None = None,
) -> Generator[Session]:
    """A session that was not started yet. `config`: with its camera switched off; `database`:
    where to record, if at all; `broker`: in place of the one of the settings."""
    from resonance_tui.session.core import Session

    profile = Profile(config.directories.profile_file)
    intent = replace(check_intent(config), host_print=there.host_print)
    plan = plan_session(
        config,
        intent if broker is None else replace(intent, broker=broker),
        profile,
        there.channel,
        "",
        database=database,
        title=title,
        remark=there.remark,
        observe_only=True,
    )
    try:
        yield Session(plan)
    finally:
        profile.release()


def run_observer(
    config: Config,
    session: Session,
    screen: StatusLine,
    duration: float | None,
    served: ServedRoom | None,
    *,
    beside: Companion | None = None,
) -> None:
    """Print what happens until it ends, and serve it meanwhile where that is asked for; `beside`
    runs meanwhile, too."""
    from resonance_tui.commands import headless
    from resonance_tui.commands.event_loop import run_loop

    async def live() -> None:
        work = headless.run(session, as_json=False, duration=duration, observes=True, status=screen)
        for each in (served, beside):
            work = work if each is None else each.beside(work)
        await work

    if served is not None:
        served.attach(session)
    run_loop(config, live)


async def serve_beside(
    session: Session,
    served: ServedRoom,
    work: Coroutine[Any, Any, None],
    say: Callable[[str], object],
) -> None:
    """Serve what the session sees while `work` runs, which goes on without it."""

    async def see() -> None:
        try:
            await session.run()
        except Problem as error:
            say(f"The room is no longer served: {in_words(error)}")

    served.attach(session)
    seeing = asyncio.get_running_loop().create_task(see(), name="served session")
    try:
        await served.beside(work)
    finally:
        seeing.cancel()
        await asyncio.wait([seeing])


def room_words(view: SessionView) -> list[str]:
    """How many are there, for a status line."""
    from resonance_tui.commands.headless import unknown_text, withheld_text

    if view.outage is not None:
        return ["not connected"]
    unknown = unknown_text(view.room)
    people = f"{view.room.viewers} {'person' if view.room.viewers == 1 else 'people'}"
    figures = [people] if view.room.viewers or not unknown else []
    return [*figures, *filter(None, (unknown, withheld_text(view.room)))]


def tell_addresses(
    served: ServedRoom, put: Callable[[str], object], say: Callable[[str], object]
) -> None:
    """Data by `put`, one `name  address` a line; sentences for a person by `say`."""
    for name, address in served.lines():
        put(f"{name}  {address}")
    if served.remark:
        say(served.remark)
