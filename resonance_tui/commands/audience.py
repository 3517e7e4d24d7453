"""`audience`: simulated viewers for demos and load, every one of them marked as simulated."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

import click

from resonance_tui.commands.event_loop import for_seconds, run_loop
from resonance_tui.commands.session_builder import broker_or_default
from resonance_tui.config import Config
from resonance_tui.emotions import WORDS, Emotion
from resonance_tui.errors import BrokerError, InputError
from resonance_tui.messaging.permissions import check_audience
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.simulation.crowd import SimulatedCrowd
from resonance_tui.simulation.observer import RoomObserver, RoomView
from resonance_tui.simulation.simulated_connection import find_route

SETTLE_S = 3.0  # reports that are on their way arrive, a total has its tick
_OTHER_FILES = 64  # open files of this program beside the crowd's connections
_STRANGERS = 5000  # viewers beside the crowd whom the count of the room has space for
_JSON_EVERY_S, _LINE_EVERY_S = 1.0, 5.0


@dataclass(frozen=True, slots=True)
class Show:
    """What was asked for."""

    channel: str
    viewers: int
    connections: int
    seed: int
    stay_s: float
    duration: float | None  # seconds; None: until interrupted
    as_json: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What the crowd sent, and what the room says of it."""

    alive: int  # simulated viewers in the room
    sent: int  # reports
    lost: int  # connections that broke
    turned_away: int  # connections that were refused or timed out
    room: RoomView
    mismatch: int  # viewers of the crowd whom the room does not count as what they last sent

    @property
    def is_complete(self) -> bool:
        """Everything that was sent has come round."""
        heard_all = self.room.source != "mesh" or self.room.heard >= self.sent
        return heard_all and not self.mismatch

    def as_json(self, kind: str) -> str:
        counts = dict(zip(WORDS, self.room.counts, strict=False))
        told = {
            "type": kind,
            "t": round(time.time(), 3),
            "alive": self.alive,
            "sent": self.sent,
            "heard": self.room.heard,
            "lost_connections": self.lost,
            "turned_away": self.turned_away,
            "room": {
                "source": self.room.source,
                "viewers": self.room.viewers,
                "counts": counts,
                "unsure": self.room.counts[Emotion.UNSURE],
                "away": self.room.counts[Emotion.AWAY],
            },
            "mismatch": self.mismatch,
        }
        return json.dumps(told, separators=(",", ":"))

    def as_text(self) -> str:
        heard = f", {self.room.heard} heard" if self.room.source == "mesh" else ""
        broken = f", {self.lost} connections lost" if self.lost else ""
        broken += f", {self.turned_away} turned away" if self.turned_away else ""
        room = f"the room ({self.room.source}) counts {self.room.viewers}"
        return (
            f"{self.alive} viewers alive, {self.sent} reports sent{heard}; "
            f"{room}, {self.mismatch} of ours not as they are{broken}"
        )


def run(
    config: Config,
    channel: str,
    *,
    viewers: int,
    connections: int | None = None,
    duration: float | None = None,
    stay: float = 20.0,
    seed: int = 0,
    as_json: bool = False,
) -> None:
    """Fill the room until interrupted or `duration` seconds have passed; say what was sent and
    what the room said. `stay`: minutes. Raises InputError, BrokerRefused, BrokerUnreachable."""
    lines = min(viewers, connections or viewers)
    show = Show(normalize_channel(channel), viewers, lines, seed, 60 * stay, duration, as_json)
    url = broker_or_default(config)
    make_room_for(lines)
    over = f" over {lines} connections" if lines < viewers else ""
    click.echo(f"{viewers} simulated viewers enter {show.channel} at {url.public}{over}", err=True)
    run_loop(config, lambda: _play(show, url))


def make_room_for(connections: int) -> None:
    """Raise this process's own limit of open files if need be. Raises InputError when the
    shell does not allow as many as there are connections."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            f"{connections} connections need {needed} open files, and ulimit -n allows {hard}",
            f"Type: ulimit -n {needed} (as root where it is refused), "
            f"or let viewers share: --connections {max(1, hard - _OTHER_FILES)}",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _play(show: Show, url: BrokerUrl) -> None:
    version = await negotiate_version(url)
    await check_audience(url, show.channel)
    route = await find_route(url, version)
    crowd = SimulatedCrowd(
        route, show.channel, show.viewers, show.seed, lines=show.connections, stay_s=show.stay_s
    )
    bystander = RoomObserver(url, show.channel, show.viewers + _STRANGERS)
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(bystander.run(version), name="audience bystander"),
                tasks.create_task(_tell(show, crowd, bystander), name="audience telling"),
            ]
            await bystander.listens.wait()
            await _perform(show, crowd, bystander)
            for task in others:
                task.cancel()
    except* BrokerError as group:
        failure = group.exceptions[0]
    if failure is not None:
        raise failure


async def _perform(show: Show, crowd: SimulatedCrowd, bystander: RoomObserver) -> None:
    """However it ends, the crowd leaves, and what it did is said."""
    try:
        await for_seconds(crowd.run(), show.duration)
        await _settle(crowd, bystander)
    finally:
        last = _standing(crowd, bystander)
        await crowd.leave()
        if show.as_json:
            click.echo(last.as_json("end"))
        click.echo(last.as_text(), err=True)


async def _settle(crowd: SimulatedCrowd, bystander: RoomObserver) -> None:
    """Nobody speaks any more: what is still missing after this was lost."""
    ends = time.monotonic() + SETTLE_S
    while time.monotonic() < ends and not _standing(crowd, bystander).is_complete:
        await asyncio.sleep(0.1)


async def _tell(show: Show, crowd: SimulatedCrowd, bystander: RoomObserver) -> None:
    while True:
        await asyncio.sleep(_JSON_EVERY_S if show.as_json else _LINE_EVERY_S)
        if not crowd.is_leaving:
            standing = _standing(crowd, bystander)
            click.echo(standing.as_json("audience") if show.as_json else standing.as_text())


def _standing(crowd: SimulatedCrowd, bystander: RoomObserver) -> Standing:
    room = bystander.view()
    return Standing(
        crowd.alive,
        crowd.sent,
        crowd.lost,
        crowd.turned_away,
        room,
        mismatch_of(crowd.shown, room.counts),
    )


def mismatch_of(ours: list[int], counted: tuple[int, ...]) -> int:
    """How many of ours the room cannot have counted; others in the room may hide some."""
    return sum(max(0, mine - there) for mine, there in zip(ours, counted, strict=True))
