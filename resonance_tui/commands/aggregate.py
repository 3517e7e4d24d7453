"""`aggregate`: counts a large room, so that its viewers need not hear each other."""

from __future__ import annotations

import asyncio
import re

from resonance_tui.commands.event_loop import for_seconds, run_loop
from resonance_tui.commands.session_builder import broker_or_default
from resonance_tui.commands.status_line import StatusLine, up
from resonance_tui.config import Config
from resonance_tui.errors import first_problem
from resonance_tui.messaging.aggregator import Aggregator, AggregatorStatus
from resonance_tui.messaging.announcer import RoomAnnouncement, RoomAnnouncer
from resonance_tui.messaging.connection import LinkState, LinkStatus
from resonance_tui.protocol.topics import is_id, normalize_channel, normalize_edge
from resonance_tui.protocol.urls import BrokerUrl

DRAW_EVERY_S = 1.0


def run(
    config: Config, channel: str, *, edge: str = "", announce: bool = False, duration: float | None
) -> None:
    """Count until interrupted, or for `duration` seconds; a status line on stderr.

    `announce`: be the room's host, too. Raises BrokerRefused for a login that may not.
    """
    url = broker_or_default(config)
    edge = normalize_edge(edge) if edge else ""
    channel = normalize_channel(channel)
    agent_id = account_id(url, is_host=announce)
    aggregator = Aggregator(url, channel, agent_id, edge=edge)
    screen = StatusLine()
    host = (
        RoomAnnouncer(url, RoomAnnouncement([channel], screen.say, agent_id)) if announce else None
    )
    screen.say(f"Counting {channel} at {url.public}; Ctrl-C ends it.")
    try:
        run_loop(config, lambda: for_seconds(_count(aggregator, host, screen), duration))
    finally:
        screen.close()
        figures = aggregator.figures
        screen.say(f"{figures.heard} messages heard, {figures.told} told, {up(screen.up_s)}")


def account_id(url: BrokerUrl, *, is_host: bool = False) -> str:
    """Access rules know an aggregator, and a host, by its account: then that is its id; else any
    will do."""
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
    told: LinkStatus | None = None
    while True:
        status = aggregator.status
        if status != told and status.state in (LinkState.CONNECTED, LinkState.LOST):
            told = status
            screen.say(" · ".join(filter(None, (status.state.value, status.detail))))
        screen.show(describe(aggregator.figures, status.state, screen.up_s))
        await asyncio.sleep(DRAW_EVERY_S)


def describe(figures: AggregatorStatus, state: LinkState, up_s: float) -> str:
    """The figures as one line of text."""
    if state is not LinkState.CONNECTED:
        return f"{state.value} · {up(up_s)}"
    role = f"root of {figures.agents}" if figures.is_root else f"one of {figures.agents}"
    edges = f" on {figures.edges} brokers" if figures.edges > 1 else ""
    return (
        f"{figures.room} in the room{edges} · {figures.viewers} of them here, "
        f"{figures.shards} of 64 shards · {role} · {up(up_s)}"
    )
