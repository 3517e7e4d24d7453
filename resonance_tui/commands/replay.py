"""`replay`: a recorded room runs again beside its video, and late reactions are exchanged."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.engine_flags import engine_flags
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.settings import load, terminal_of
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.errors import InputError, NotATerminal, ResonanceError
from resonance_tui.texts import mark

if TYPE_CHECKING:
    import asyncio

    from resonance_tui.commands.join_context import CommandLineContext
    from resonance_tui.commands.replayed_session import ReplayedSession
    from resonance_tui.commands.session_builder import Intent
    from resonance_tui.config import Config
    from resonance_tui.session.late_viewer import LateViewer
    from resonance_tui.tui.replay_app import ReplayApp


@click.command("replay", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.option("--session", type=click.IntRange(min=1), help="The Nth last session (1 = last).")
@click.option(
    "--offset", metavar="S", help="The video began so much later, as -26s; it is kept. Or none."
)
@click.option(
    "--camera",
    "--source",
    "camera",
    metavar="SRC",
    help="Device index, video file, stream URL, demo or none (default: 0).",
)
@engine_flags
@click.option("--allow-untrained", is_flag=True, help="Run a network that has no weights here.")
@click.option("--new-layer", is_flag=True, help="Somebody else watches: a layer of its own.")
@click.option(
    "--export", type=FilePath(path_type=Path), help="Write the layers to this file, for others."
)
@click.option("--with-room", is_flag=True, help="With --export: the recorded room, too.")
@click.option(
    "--import",
    "imports",
    multiple=True,
    type=FilePath(path_type=Path),
    help="Take the layers in this file; it may be given again.",
)
@click.option(
    "--cues",
    type=FilePath(path_type=Path),
    help="Show the prompts in this WebVTT or CSV file at their times of the video.",
)
@click.option("--forget", is_flag=True, help="Delete your own layers of the session.")
@click.pass_context
def replay(ctx: click.Context, **options: Any) -> int:
    """Watch a recording of CHANNEL again: the room runs beside your video, and you react to it.

    What is read of you is sent nowhere. It becomes a layer on this machine, apart from the live
    room; layers of five people or more are shown as counts.

    \b
    Examples:
      resonance-tui replay cats-live
      resonance-tui replay cats-live --session 2 --offset -26s
      resonance-tui replay cats-live --camera none          react by key
      resonance-tui replay cats-live --cues film.vtt        the host's prompts, too
      resonance-tui replay cats-live --export mine.json     for who collects them
      resonance-tui replay cats-live --import mia.json --import all.json
      resonance-tui replay cats-live --export all.json --with-room
    """
    config = load(
        ctx,
        {
            "camera.source": options.pop("camera"),
            "engine.name": options.pop("engine"),
            "engine.device": options.pop("device"),
        },
    )
    return run(config, **options)


def run(
    config: Config,
    channel: str,
    *,
    session: int | None,
    offset: str | None = None,
    allow_untrained: bool = False,
    new_layer: bool = False,
    export: Path | None = None,
    with_room: bool = False,
    imports: tuple[Path, ...] = (),
    forget: bool = False,
    cues: Path | None = None,
) -> int:
    """Exchange or delete layers, or show the replay until it is left: the exit code.

    Raises InputError (nothing recorded, no such session, a file of layers that is another's or
    damaged, a file of no cues, no terminal), StoreError, and what `check_intent` raises.
    """
    from resonance_tui.commands import layer_exchange, replayed_session
    from resonance_tui.commands.room.cues import read_prompts
    from resonance_tui.protocol.links import find_channel

    _check(export=export, with_room=with_room, imports=imports, forget=forget)
    name = find_channel(channel)
    if imports:
        layer_exchange.take(config.database, name, session, imports)
        return 0
    replayed = replayed_session.find(config.database, name, session)
    replayed = replayed_session.with_offset(replayed, offset)
    if cues is not None:
        replayed = replace(replayed, prompts=read_prompts(cues))
    if export is not None:
        layer_exchange.give(replayed, export, with_room=with_room)
    elif forget:
        layer_exchange.forget(replayed)
    else:
        return _show(config, replayed, allow_untrained=allow_untrained, is_new=new_layer)
    return 0


def _check(
    *, export: Path | None, with_room: bool, imports: tuple[Path, ...], forget: bool
) -> None:
    if sum((export is not None, bool(imports), forget)) > 1:
        raise InputError(
            mark("--export, --import and --forget exclude each other."), mark("Give one of them.")
        )
    if with_room and export is None:
        raise InputError(mark("--with-room belongs to --export."), mark("Give both, or neither."))


def _show(config: Config, replayed: ReplayedSession, *, allow_untrained: bool, is_new: bool) -> int:
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.commands.join_context import CommandLineContext
    from resonance_tui.commands.session_builder import check_intent

    asked = check_intent(config, allow_untrained=allow_untrained)
    intent = replace(asked, people=1)  # a layer is one person
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotATerminal(
            mark("There is no terminal to draw on."),
            mark("Layers are exchanged without one: see --help."),
        )
    context = CommandLineContext(config, intent)
    try:
        app = run_loop(config, lambda: _watch(config, context, intent, replayed, is_new))
    finally:
        context.profile.release()
    if app.has_declined:
        raise ResonanceError(
            mark("Without your consent nothing is read."), mark("--camera none needs none.")
        )
    return app.return_code or 0


async def _watch(
    config: Config,
    context: CommandLineContext,
    intent: Intent,
    replayed: ReplayedSession,
    is_new: bool,
) -> ReplayApp:
    """The screen, and beside it the face path and what keeps the own layer."""
    import asyncio

    from resonance_tui.commands.replayed_session import prepare
    from resonance_tui.commands.session_builder import face_plan
    from resonance_tui.session.late_viewer import LateViewer
    from resonance_tui.session.own_layer import OwnLayer
    from resonance_tui.tui.replay_app import ReplayApp
    from resonance_tui.tui.screens.replay import Replay

    name, room, clock = prepare(replayed, is_new=is_new)
    viewer = LateViewer(replayed.channel, face_plan(config, intent))
    keeper = OwnLayer(replayed.database, replayed.channel, name)
    agreed = asyncio.Event()
    app = ReplayApp(
        Replay(
            *(replayed.channel, room, clock, viewer, keeper),
            video=replayed.begins,
            title=replayed.span.title,
            prompts=replayed.prompts,
        ),
        asks=context.needs_consent,
        on_agreed=partial(_agree, context, agreed),
        terminal=terminal_of(config),
    )
    await _run_screen(app, _read(viewer, agreed), keeper.run())
    return app


def _agree(context: CommandLineContext, agreed: asyncio.Event) -> None:
    if context.needs_consent:
        context.give_consent()
    agreed.set()


async def _read(viewer: LateViewer, agreed: asyncio.Event) -> None:
    """The face path, which nobody starts before it is agreed to."""
    await agreed.wait()
    await viewer.run()


async def _run_screen(
    app: ReplayApp, face: Coroutine[Any, Any, None], keeping: Coroutine[Any, Any, None]
) -> None:
    """Until it is left. What runs beside it ends with it, or ends it by an error of its own."""
    import asyncio

    from resonance_tui.errors import first_problem

    with first_problem():
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(face, name="face"),
                tasks.create_task(keeping, name="own layer"),
            ]
            await app.run_async()
            for task in beside:
                task.cancel()
