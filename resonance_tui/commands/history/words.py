"""`history title`, `note` and `mark`: what a person says of a session."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import click

from resonance_tui.charting.ticks import clock, day
from resonance_tui.commands.console import say
from resonance_tui.commands.history.show import unknown_channel
from resonance_tui.config import Config
from resonance_tui.errors import InputError
from resonance_tui.history.about import keep_note, keep_title
from resonance_tui.history.marks import add_mark, marks, remove_mark
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_time
from resonance_tui.history.words import checked
from resonance_tui.protocol.links import find_channel
from resonance_tui.texts import mark, tr_n

OVER_AFTER_S = 60  # a recording whose last second is older than this is over, or its link is down


@dataclass(frozen=True, slots=True)
class _Said:
    """One of the things that are said of a session."""

    read: Callable[[SessionSpan], str]
    keep: Callable[[Store, str, SessionSpan, str], None]  # of a channel; "" takes it away
    kept: str  # `{when}`: the session
    cleared: str


_SAID = {
    "title": _Said(
        lambda span: span.title,
        keep_title,
        "The session of {when} is named.",
        "The session has no title now.",
    ),
    "note": _Said(
        lambda span: span.note,
        keep_note,
        "Noted with the session of {when}.",
        "The note is taken away.",
    ),
}


def run_said(
    config: Config, what: str, channel: str, text: str, *, session: int, clear: bool
) -> None:
    """`what`: title or note. Raises InputError (unknown channel or session, a secret) and
    StoreError."""
    said, channel = _SAID[what], find_channel(channel)
    with Store(config.database, read_only=True) as store:
        span = _session(store, channel, session)
    if not text and not clear:
        click.echo(said.read(span))
        return
    _check(text, clear)
    with Store(config.database) as store:
        said.keep(store, channel, span, text)
    say(said.cleared if clear else said.kept.format(when=_when(span)))


def run_mark(config: Config, channel: str, text: str, *, at: str | None, remove: bool) -> None:
    """Raises InputError where nothing is recorded then, and StoreError."""
    channel, now = find_channel(channel), time.time()
    t = now if at is None else float(parse_time(at, now))
    if remove and (at is None or text):
        raise InputError(
            mark("Take away which mark?"), mark("Say when it is: --at 20:15:03 --remove")
        )
    _check(text, clear=False)
    with Store(config.database, read_only=True) as store:
        _check_recorded(store, channel, t)
    with Store(config.database) as store:
        if remove:
            _remove(store, channel, int(t))
            return
        add_mark(store, channel, t, text)
    say(f"Marked at {clock(t, seconds=True)}.")


def _remove(store: Store, channel: str, t: int) -> None:
    found = marks(store, channel, t, t)
    if not found:
        raise InputError(
            mark("Nothing is marked at {t}.", t=clock(t, seconds=True)),
            mark(
                "All marks: resonance-tui history {channel} --marks --format csv", channel=channel
            ),
        )
    for each in found:
        remove_mark(store, each.id)
    say(tr_n("{count} mark is taken away.", "{count} marks are taken away.", len(found)))


def _check(text: str, clear: bool) -> None:
    if text and clear:
        raise InputError(mark("TEXT and --clear exclude each other."), mark("Give one of them."))
    checked(text)


def _check_recorded(store: Store, channel: str, t: float) -> None:
    spans = store.sessions(channel)
    if not spans:
        raise unknown_channel(channel, store.channels())
    if not any(span.start <= t <= span.end + OVER_AFTER_S for span in spans):
        last = spans[-1]
        raise InputError(
            mark(
                "Nothing of {channel} is recorded at {t}.",
                channel=channel,
                t=clock(t, seconds=True),
            ),
            mark(
                "The last session: {start}, {start2} to {end}.",
                start=day(last.start),
                start2=clock(last.start),
                end=clock(last.end),
            ),
        )


def _session(store: Store, channel: str, number: int) -> SessionSpan:
    spans = store.sessions(channel)
    if not spans:
        raise unknown_channel(channel, store.channels())
    if number > len(spans):
        raise InputError(
            mark("There is no session {number} of {channel}.", number=number, channel=channel),
            mark("All of them: resonance-tui history {channel} --sessions", channel=channel),
        )
    return spans[-number]


def _when(span: SessionSpan) -> str:
    return f"{day(span.start)}, {clock(span.start)}"
