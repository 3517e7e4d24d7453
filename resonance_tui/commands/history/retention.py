"""`history forget` and `history vacuum`: what is kept, and how much room it takes."""

from __future__ import annotations

import sys
import time

import click

from resonance_tui.charting.ticks import day, exact_clock
from resonance_tui.commands.console import say
from resonance_tui.commands.history.show import check_session, unknown_channel
from resonance_tui.config import Config
from resonance_tui.errors import InputError, InvalidTime
from resonance_tui.history.retention import channels as kept_channels
from resonance_tui.history.retention import count, count_beside, forget, forget_session, vacuum
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_time
from resonance_tui.protocol.links import find_channel
from resonance_tui.secret import describe
from resonance_tui.sinks import registry
from resonance_tui.texts import mark


def run_forget(
    config: Config,
    channel: str | None,
    *,
    older_than: str | None,
    yes: bool,
    session: int | None = None,
) -> None:
    """Deletes a channel, one session of it, or what is older, after a question; gives the space
    back.

    Raises InputError where nothing was named or no terminal is there to confirm, and StoreError.
    """
    if session is not None:
        _forget_session(config, channel, session, older_than, yes=yes)
        return
    if channel is None and older_than is None:
        raise InputError(
            mark("Forget what?"), mark("Name a channel, or --older-than 90d, or both; see --help.")
        )
    before = None if older_than is None else _before(older_than, time.time())
    with Store(config.database, read_only=True) as reading:
        channels = _channels(kept_channels(reading), channel)
        rows = count(reading, channels, before)
        is_empty = not rows and not count_beside(reading, channels, before)
    what = _what(channel, before)
    if is_empty:
        say(f"Nothing to forget: no rows {what}.")
        return
    if not yes and not _agrees(rows, what):
        say("Nothing was deleted.")
        return
    with Store(config.database) as store:
        deleted = forget(store, channels, before)
        say(f"Deleted {deleted} rows {what}.")
        _give_back(store)
        _say_what_stays(store, channels)


def _forget_session(
    config: Config, channel: str | None, number: int, older_than: str | None, *, yes: bool
) -> None:
    if channel is None or older_than is not None:
        raise InputError(
            mark("A session is of one channel, and goes whole."),
            "resonance-tui history forget CHANNEL --session 1",
        )
    with Store(config.database, read_only=True) as reading:
        [name] = _channels(reading.channels(), channel)
        sessions = reading.sessions(name)
        span = sessions[-check_session(name, sessions, number)]
    what = f"of {name} from {day(span.start)}, {exact_clock(span.start)} to {exact_clock(span.end)}"
    if not yes and not _agrees(span.rows, what):
        say("Nothing was deleted.")
        return
    with Store(config.database) as store:
        say(f"Deleted {forget_session(store, name, span)} rows {what}.")
        _give_back(store)
        _say_what_stays(store, [name])


def run_vacuum(config: Config) -> None:
    """Gives back the space of what was deleted. Raises StoreError."""
    Store(config.database, read_only=True).close()  # there is one, and it is ours
    with Store(config.database) as store:
        _give_back(store)


def _say_what_stays(store: Store, channels: list[str]) -> None:
    for sink, entry in registry.SINKS.items():
        sent = [name for name in channels if registry.load(sink).sent(store, name)]
        if sent:
            say(f"What was sent to a {entry.title} stays there: {', '.join(sent)}.")


def _give_back(store: Store) -> None:
    say(f"Writing {store.path} anew ...")
    before, after = vacuum(store)
    say(f"{store.path}: {_bytes(before)} before, {_bytes(after)} now.")


def _before(older_than: str, now: float) -> int:
    try:
        return parse_time(f"-{older_than.strip()}", now)
    except InvalidTime:
        raise InputError(
            mark("{older_than} is no age.", older_than=describe(older_than)),
            mark("For example 90d, 12h or 30m."),
        ) from None


def _channels(known: list[str], channel: str | None) -> list[str]:
    if channel is None:
        return known
    wanted = find_channel(channel)
    if wanted not in known:
        raise unknown_channel(wanted, known)
    return [wanted]


def _what(channel: str | None, before: int | None) -> str:
    of = f"of {find_channel(channel)}" if channel else "of all channels"
    return of if before is None else f"{of} from before {day(before)}, {exact_clock(before)}"


def _agrees(rows: int, what: str) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            mark("{rows} rows {what} would be deleted for good.", rows=rows, what=what),
            mark("Say so with --yes."),
        )
    return click.confirm(f"Delete {rows} rows {what} for good?", err=True)


def _bytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.0f} kB"
