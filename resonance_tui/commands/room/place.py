"""Which room a host's command is about, at which broker, and with which key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from resonance_tui.commands.own_keys import own_keys
from resonance_tui.errors import BrokerError, InputError

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.protocol.urls import BrokerUrl
    from resonance_tui.room_keys import RoomKey, RoomKeys

T = TypeVar("T")


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


class BrokerUnknown(BrokerError):
    """Nothing says at which broker the room is."""

    exit_code = 2


def find_place(config: Config, text: str | None) -> Place:
    """`text`: what `join` takes, or None for the one room that this machine has a key for.

    Raises InputError, BrokerUnknown, StoreError, and what redeeming a link raises.
    """
    keys = own_keys(config.directories)
    if text is not None:
        from resonance_tui.commands.room_argument import find_destination

        there = find_destination(config, text)
        config, text = there.config, there.channel
    channel = channel_of(config, text)
    key = known_key(keys, channel)
    return Place(config, broker_of(config, channel), keys, key)


def names_room(word: str, known: Collection[str]) -> bool:
    """Whether a first word is a room: a link, or a channel that is known, and not the first of the
    words that are meant for the room."""
    return "://" in word or word in known


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


def channel_of(config: Config, text: str | None) -> str:
    """The one that is named, else the only one of this machine. Raises InputError, StoreError."""
    from resonance_tui.hosting.running import all_running
    from resonance_tui.protocol.topics import normalize_channel

    if text is not None:
        return normalize_channel(text)
    running = all_running(config.directories.broker_folder)
    found = sorted({channel for each in running for channel in each.channels})
    found = (
        found if len(found) == 1 else [key.channel for key in own_keys(config.directories).all()]
    )
    if len(found) == 1:
        return found[0]
    there = f"Keys are here for: {', '.join(found[:8])}" if found else ""
    raise InputError("Which room? Name its channel.", there)


def broker_of(config: Config, channel: str) -> BrokerUrl:
    """The one that is asked for; else the one here that announces the channel; else where the
    room was last; else one here that announces none. With the login that fits.

    Raises BrokerUnknown where there is none of them: what happens to listen on this machine may be
    anybody's.
    """
    from resonance_tui.commands.destination import settings_as_it_was
    from resonance_tui.commands.session_builder import broker_or_default, broker_url, with_login
    from resonance_tui.hosting.running import all_running, running_with
    from resonance_tui.profile import Profile

    folder = config.directories.broker_folder
    running = all_running(folder)
    if (asked := broker_url(config)) is not None:
        url = with_login(config, asked, channel)
        ours = [each.login for each in running if each.login.place == url.place]
        return ours[0] if ours and asked.username is None else url  # a guest's login rules less
    if (here := running_with(folder, channel)) is not None:
        return here.login
    room = Profile(config.directories.profile_file).room(channel)
    if room.last_at:
        return with_login(config, broker_or_default(settings_as_it_was(config, room)), channel)
    for each in running:
        if not each.channels:
            return each.login
    raise BrokerUnknown(
        f"At which broker is {channel}? None that runs here announces it, and nobody here has "
        "joined it.",
        f"Name it: --broker URL. Or start one: resonance-tui broker --channel {channel}",
    )


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
