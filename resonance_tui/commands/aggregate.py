"""`aggregate`: counts a large room, so that its viewers need not hear each other."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import StatusLine, uptime
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import Span
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.errors import first_problem
from resonance_tui.shutdown import for_seconds

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.messaging.aggregator import Aggregator, AggregatorStatus
    from resonance_tui.messaging.announcer import RoomAnnouncer
    from resonance_tui.messaging.link_status import LinkState
    from resonance_tui.protocol.urls import BrokerUrl

DRAW_EVERY_S = 1.0


@click.command("aggregate", cls=Command)
@click.argument("channel", type=CHANNEL)
@broker_options
@click.option(
    "--edge", default="", metavar="NAME", help="The broker's name, in a room on several brokers."
)
@click.option("--announce", is_flag=True, help="Be the room's host, too (an account of that role).")
@click.option(
    "--totals", is_flag=True, help="With --announce: the broker lets viewers read totals alone."
)
@click.option("--duration", type=Span(0.1), metavar="SPAN", help="Stop after 90, 5m, 2h.")
@click.pass_context
def aggregate(
    ctx: click.Context,
    channel: str,
    broker_url: str | None,
    edge: str,
    announce: bool,
    totals: bool,
    duration: float | None,
) -> None:
    """Count CHANNEL for its viewers, so that a large room costs each of them next to nothing.

    `broker --channel` does this by itself. More of them share the work, and any may fail. Where
    the broker asks for names, use an account that begins with agg-.

    \b
    Examples:
      resonance-tui aggregate cats-live
      resonance-tui aggregate cats-live --broker mqtts://agg-1@stream.example
      resonance-tui aggregate cats-live --edge berlin --broker mqtt://berlin.example
    """
    if totals and not announce:
        raise click.UsageError("--totals is announced: add --announce.", ctx)
    config = load(ctx, {"broker.url": broker_url})
    run(config, channel, edge=edge, announce=announce, totals=totals, duration=duration)


def run(
    config: Config,
    channel: str,
    *,
    edge: str = "",
    announce: bool = False,
    totals: bool = False,
    duration: float | None,
) -> None:
    """Count until interrupted, or for `duration` seconds; a status line on stderr.

    `announce`: be the room's host, too; `totals`: of one whose viewers may read totals alone.
    Raises BrokerRefused for a login that may not.
    """
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.commands.session_builder import broker_or_default, known_authority
    from resonance_tui.messaging.aggregator import Aggregator
    from resonance_tui.messaging.announcer import RoomAnnouncement, RoomAnnouncer
    from resonance_tui.protocol.topics import normalize_channel, normalize_edge

    url = broker_or_default(config)
    edge = normalize_edge(edge) if edge else ""
    channel = normalize_channel(channel)
    agent_id = account_id(url, is_host=announce)
    authority = known_authority(config, url, channel)
    if totals:  # nor can anybody else show a key: the first total obeys the room's rules
        authority.trust_first()
    aggregator = Aggregator(url, channel, agent_id, edge=edge, authority=authority)
    screen = StatusLine()
    announcement = RoomAnnouncement([channel], screen.say, agent_id)
    announcement.tell_totals([channel] if totals else [])
    host = RoomAnnouncer(url, announcement) if announce else None
    screen.say(f"Counting {channel} at {url.public}; Ctrl-C ends it.")
    try:
        run_loop(config, lambda: for_seconds(_count(aggregator, host, screen), duration))
    finally:
        screen.close()
        figures = aggregator.figures
        screen.say(f"{figures.heard} messages heard, {figures.told} told, {uptime(screen.up_s)}")


def account_id(url: BrokerUrl, *, is_host: bool = False) -> str:
    """The agent's id: its account's name where access rules know it by that, else "" for any."""
    from resonance_tui.protocol.topics import is_id

    name = url.username or ""
    if is_host and is_id(name):
        return name
    return name if re.fullmatch(r"agg-[a-z0-9_-]{1,28}", name) else ""


async def _count(aggregator: Aggregator, host: RoomAnnouncer | None, screen: StatusLine) -> None:
    with first_problem():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_draw(aggregator, screen), name="status line")
            if host is not None:
                tasks.create_task(host.run(), name="host")
            await aggregator.run()


async def _draw(aggregator: Aggregator, screen: StatusLine) -> None:
    from resonance_tui.messaging.link_status import LinkState

    reported = ""
    while True:
        status = aggregator.status
        text = " · ".join(filter(None, (status.state.value, status.detail)))
        if text != reported and status.state in (LinkState.CONNECTED, LinkState.LOST):
            reported = text
            screen.say(text)
        screen.show(status_line(aggregator.figures, status.state, screen.up_s))
        await asyncio.sleep(DRAW_EVERY_S)


def status_line(figures: AggregatorStatus, state: LinkState, up_s: float) -> str:
    """The figures as one line of text."""
    from resonance_tui.messaging.link_status import LinkState

    if state is not LinkState.CONNECTED:
        return f"{state.value} · {uptime(up_s)}"
    role = f"root of {figures.agents}" if figures.is_root else f"one of {figures.agents}"
    edges = f" on {figures.edges} brokers" if figures.edges > 1 else ""
    if not figures.is_whole:
        return f"counting ... · {figures.shards} of 64 shards · {role} · {uptime(up_s)}"
    return (
        f"{figures.room} in the room{edges} · {figures.viewers} of them here, "
        f"{figures.shards} of 64 shards · {role} · {uptime(up_s)}"
    )
