"""Which room a host's command is about, at which broker, and with which key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.protocol.urls import BrokerUrl
    from resonance_tui.room_keys import RoomKey, RoomKeys

T = TypeVar("T")

broker_option = click.option(
    "--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://..."
)


@dataclass(frozen=True, slots=True)
class Place:
    """A room, the broker it is at, and this machine's key for it."""

    config: Config
    url: BrokerUrl
    keys: RoomKeys
    key: RoomKey

    @property
    def channel(self) -> str:
        return self.key.channel


def keys_of(config: Config) -> RoomKeys:
    """The keys that lie on this machine."""
    from resonance_tui.room_keys import RoomKeys

    return RoomKeys(config.directories.room_keys_folder)


def find_place(config: Config, text: str | None) -> Place:
    """`text`: a channel, a link, or None for the one room that this machine has a key for.

    Raises InputError, and what redeeming a link raises.
    """
    keys = keys_of(config)
    if text is not None and text.lower().startswith("resonance:"):
        from resonance_tui.commands.redeem_invite import accept_invite

        config, text = accept_invite(config, text)
    channel = _channel(config, keys, text)
    return Place(config, broker_of(config, channel), keys, known_key(keys, channel))


def known_key(keys: RoomKeys, channel: str) -> RoomKey:
    """Raises InputError where there is none."""
    key = keys.find(channel)
    if key is None:
        raise InputError(
            f"This machine has no key for the room {channel}.",
            "The machine that hosts it has one; `room cohost add` there lets you in on it. For a "
            f"room of your own at another broker: resonance-tui room key make {channel}",
        )
    return key


def _channel(config: Config, keys: RoomKeys, text: str | None) -> str:
    from resonance_tui.hosting.running import find_running
    from resonance_tui.protocol.topics import normalize_channel

    if text is not None:
        return normalize_channel(text)
    running = find_running(config.directories.broker_folder)
    found = list(running.channels) if running else []
    found = found if len(found) == 1 else [key.channel for key in keys.all()]
    if len(found) == 1:
        return found[0]
    there = f"Keys are here for: {', '.join(found[:8])}" if found else ""
    raise InputError("Which room? Name its channel.", there)


def broker_of(config: Config, channel: str) -> BrokerUrl:
    """The one that is asked for, else the one that runs here; with the login that fits."""
    from resonance_tui.commands.session_builder import broker_or_default, broker_url, with_login
    from resonance_tui.hosting.running import find_running

    running = find_running(config.directories.broker_folder)
    asked = broker_url(config)
    if running and (asked is None or (asked.place == running.login.place and not asked.username)):
        return running.login
    return with_login(config, asked or broker_or_default(config), channel)


def at_desk(
    place: Place, work: Callable[[Desk], Coroutine[Any, Any, T]], *, sees_viewers: bool = False
) -> T:
    """Connect, do the work, leave. Raises BrokerUnreachable, BrokerRefused, and what it raises."""
    from resonance_tui.commands.event_loop import run_loop

    async def main() -> T:
        async with _opened(place, sees_viewers) as desk:
            return await work(desk)

    return run_loop(place.config, main)


@contextlib.asynccontextmanager
async def _opened(place: Place, sees_viewers: bool) -> AsyncGenerator[Desk]:
    from resonance_tui.hosting.desk import Desk

    desk = Desk(place.url, place.keys, place.key, sees_viewers=sees_viewers)
    running = asyncio.create_task(desk.run(), name="desk")
    ready = asyncio.create_task(desk.until_ready(), name="desk ready")
    try:
        await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        ready.result()
        yield desk
    finally:
        for task in (running, ready):
            task.cancel()
        await asyncio.wait((running, ready))


def with_broker(ctx: click.Context, broker_url: str | None) -> Config:
    """The settings, with the broker of `--broker`."""
    from resonance_tui.commands.settings import load

    return load(ctx, {"broker.url": broker_url})
