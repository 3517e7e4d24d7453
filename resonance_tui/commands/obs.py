"""`obs`: when the room moves, OBS keeps it; it sees the room and is not in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import StatusLine
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import Number, Several, Span
from resonance_tui.commands.served import serve_flag
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.emotions import EMOTIONS, REACTIONS, WORDS
from resonance_tui.spans import UNITS

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.obs.desk import DeskPlan, ObsDesk
    from resonance_tui.obs.live_rules import LiveRules
    from resonance_tui.session.core import Session
    from resonance_tui.session.events import SessionEvent, SessionView

KINDS = ("replay", "chapter", "marker")


@click.command("obs", cls=Command)
@click.argument("channel", type=CHANNEL)
@broker_options
@click.option(
    "--moments",
    type=Several(KINDS),
    default=",".join(KINDS),
    show_default=True,
    help="What is done when the room moves.",
)
@click.option(
    "--emotion",
    "emotions",
    multiple=True,
    type=click.Choice(WORDS),
    help="Only where the room shows this (default: all but neutral).",
)
@click.option(
    "--share",
    type=Number(1, 100),
    default=50,
    show_default=True,
    metavar="PERCENT",
    help="At least this much of those who are read.",
)
@click.option(
    "--least",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    metavar="N",
    help="Only where at least N viewers are read.",
)
@click.option(
    "--cool-down",
    type=Span(2, UNITS["d"]),
    default="20s",
    show_default=True,
    metavar="SPAN",
    help="Between two moments.",
)
@click.option("--text", metavar="SOURCE", default="", help="A text source of OBS that says it.")
@click.option("--media", metavar="SOURCE", default="", help="A media source that is played then.")
@click.option("--obs", "address", metavar="HOST:PORT", help="Where OBS is (default: this machine).")
@click.option("--duration", type=Span(0.1), metavar="SPAN", help="Stop after 90, 5m, 2h.")
@click.option("--title", metavar="TEXT", help="What to call the recording of the room.")
@serve_flag
@click.pass_context
def obs(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Record CHANNEL beside OBS, which saves replays and chapters when the room moves.

    In OBS, switch on Tools, WebSocket Server Settings, and for replays Settings, Output, Replay
    Buffer: at least ten seconds longer than what is wanted. Chapters need Hybrid MP4 (OBS 30.2).
    The password is read from RESONANCE_OBS_PASSWORD, or from the keyring after
    `keyring set resonance-tui obs`. A moment is a sudden rise, not a mood that stays.

    Start it before the recording: then each moment has a place in OBS's file within 0.2 s, pauses
    and split files included, and `history CHANNEL --moments` counts from the video's first picture.

    \b
    Examples:
      resonance-tui obs cats-live
      resonance-tui obs cats-live --moments replay --emotion happiness --share 40
      resonance-tui obs cats-live --text Caption --serve 8765
      resonance-tui history cats-live --moments --format json      file and position of each
    """
    flags = {"broker.url": broker_url, "obs.address": options.pop("address")}
    run(load(ctx, flags), channel, **options)


def run(
    config: Config,
    channel: str,
    *,
    duration: float | None,
    title: str | None,
    serve: int | None,
    **asked: Any,
) -> None:
    """One row a second into the database until interrupted, and OBS beside it. OBS may come, go
    and refuse: the room goes on. `asked`: as the options are named."""
    from resonance_tui.commands.observer import observing, run_observer, tell_addresses
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.served import served_room
    from resonance_tui.config import with_setting
    from resonance_tui.obs.desk import ObsDesk
    from resonance_tui.obs.keeper import Keeper
    from resonance_tui.obs.login import password_of, url_of

    url = url_of(config.settings.obs.address)
    config = with_setting(config, "obs", password=password_of(config.settings.obs.password))
    without_camera = with_setting(config, "camera", source="none")
    with served_room(config, serve) as served:
        there = find_destination(without_camera, channel, remembers=True)
        config = there.config
        with observing(config, there, database=config.database, title=title or "") as session:
            screen = StatusLine()
            put_line = _with_clock(screen)
            keeper = Keeper(config.database, there.channel, put_line)
            plan = plan_of(url, config, asked)
            desk = ObsDesk(plan, keeper, put_line)
            if served is not None:
                tell_addresses(served, screen.say, screen.say)
            session.add_listener(Ears(session, desk).take)
            session.add_listener(lambda _: screen.show(status_text(session.view, desk)))
            run_observer(config, session, screen, duration, served, beside=desk)


def plan_of(url: str, config: Config, asked: dict[str, Any]) -> DeskPlan:
    """What is asked of OBS."""
    from resonance_tui.obs.desk import DeskPlan

    return DeskPlan(
        url,
        config.settings.obs.password,
        asked["moments"],
        rules_of(asked),
        asked["text"],
        asked["media"],
    )


def rules_of(asked: dict[str, Any]) -> LiveRules:
    from resonance_tui.obs.live_rules import LiveRules

    known = {code.word: code for code in EMOTIONS}
    emotions = tuple(dict.fromkeys(known[word] for word in asked["emotions"])) or REACTIONS
    return LiveRules(emotions, asked["share"] / 100, asked["least"], asked["cool_down"])


class Ears:
    """Tells the desk of a room that is a fact."""

    def __init__(self, session: Session, desk: ObsDesk) -> None:
        self._session, self._desk = session, desk

    def take(self, event: SessionEvent) -> None:
        from resonance_tui.commands.headless import is_seen
        from resonance_tui.session.events import RoomUpdate

        if self._session.view.outage is not None:
            self._desk.blind()
        elif isinstance(event, RoomUpdate) and is_seen(event.room):
            self._desk.room(event.room.counts, time.monotonic())


def _with_clock(screen: StatusLine) -> Any:
    def put_line(sentence: str) -> None:
        screen.say(f"{time.strftime('%H:%M:%S')}  {sentence}")

    return put_line


def status_text(view: SessionView, desk: ObsDesk) -> str:
    """The room, and what OBS does."""
    from resonance_tui.commands.observer import room_words

    return " · ".join([f"watching {view.channel}", *room_words(view), desk.words])
