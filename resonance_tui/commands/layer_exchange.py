"""`replay --export`, `--import` and `--forget`: layers that are given, taken and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resonance_tui.charting.ticks import clock, day
from resonance_tui.commands.console import say
from resonance_tui.commands.history.show import check_session, unknown_channel
from resonance_tui.commands.replayed_session import ReplayedSession
from resonance_tui.errors import InputError
from resonance_tui.files import CannotSave, save_text
from resonance_tui.history import layer_file, layer_store
from resonance_tui.history.layer_file import LayerFile
from resonance_tui.history.layers import (
    LEAST_LAYERS,
    Layer,
    counted,
    for_others,
    members_of,
    people_in,
)
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.texts import mark


def give(replayed: ReplayedSession, path: Path, *, with_room: bool) -> None:
    """Write the layers of a session to a file for others. Raises InputError where there is nothing
    to write, CannotSave and StoreError."""
    channel, span = replayed.channel, replayed.span
    with Store(replayed.database, read_only=True) as store:
        held = layer_store.layers(store, channel, span)
        room = layer_store.room_rows(store, channel, span) if with_room else None
    given = for_others(held)
    left = people_in(counted(held)) - people_in(given)
    if not given and not with_room:
        raise InputError(
            mark(
                "There is no layer of that session of {channel} to export.{left}",
                channel=channel,
                left=_too_few(left),
            ),
            mark("Watch it: resonance-tui replay {channel}", channel=channel),
        )
    try:
        save_text(path, layer_file.encode(channel, span, given, room))
    except CannotSave as error:
        raise CannotSave(error.message, mark("Name another file.")) from error
    seconds = "" if room is None else f", and {len(room)} s of the live room"
    say(f"{path}: {_layers(people_in(given))}{seconds}.{_too_few(left)}")


def take(database: Path, channel: str, number: int | None, paths: Sequence[Path]) -> None:
    """Take the layers in files, and their rooms where they have one. All files are read and
    checked before anything is stored. Raises InputError, StoreError."""
    files = [(path, layer_file.read_file(path)) for path in paths]
    for path, file in files:
        _check_channel(path, file, channel)
    sessions = _sessions(database, channel)
    if number is not None:
        _check_number(sessions, channel, number, files)
    for path, file in files:
        _check_room(sessions, path, file)
    with Store(database) as store:
        for path, file in files:
            _take(store, path, file)


def forget(replayed: ReplayedSession) -> None:
    """Delete the own layers of a session."""
    with Store(replayed.database) as store:
        seconds = layer_store.forget_own(store, replayed.channel, replayed.span)
    what = f"{seconds} s of your own layers" if seconds else "Nothing: no layer was made here"
    say(f"Deleted of {_when(replayed.span)}: {what}." if seconds else f"{what}.")


def _check_channel(path: Path, file: LayerFile, channel: str) -> None:
    if file.channel != channel:
        raise InputError(
            mark(
                "{path} is of the channel {channel}, not of {channel2}.",
                path=path,
                channel=file.channel,
                channel2=channel,
            ),
            mark("resonance-tui replay {channel} --import {path}", channel=file.channel, path=path),
        )


def _sessions(database: Path, channel: str) -> list[SessionSpan]:
    """None where nothing was ever recorded, which a file with a room may change."""
    if not database.exists():
        return []
    with Store(database, read_only=True) as store:
        return store.sessions(channel)


def _check_number(
    sessions: list[SessionSpan],
    channel: str,
    number: int,
    files: Sequence[tuple[Path, LayerFile]],
) -> None:
    if not sessions:
        raise unknown_channel(channel, [])
    wanted = sessions[-check_session(channel, sessions, number)]
    for path, file in files:
        if file.is_of(wanted):
            continue
        own = [index for index, span in enumerate(reversed(sessions), 1) if file.is_of(span)]
        hint = (
            mark("It is of session {own}: --session {own}", own=own[0])
            if own
            else mark("Leave --session out.")
        )
        raise InputError(
            mark(
                "{path} is of another session of {channel}, {file}.",
                path=path,
                channel=channel,
                file=_when(file),
            ),
            hint,
        )


def _check_room(sessions: list[SessionSpan], path: Path, file: LayerFile) -> None:
    if not any(map(file.is_of, sessions)) and not len(file.room):
        raise InputError(
            mark(
                "{path} is of {file}, when nothing was recorded here in {channel}.",
                path=path,
                file=_when(file),
                channel=file.channel,
            ),
            mark("Ask for a file with the room in it: replay --export FILE --with-room"),
        )


def _take(store: Store, path: Path, file: LayerFile) -> None:
    is_here = any(map(file.is_of, store.sessions(file.channel)))  # what was seen here holds
    seconds = 0 if is_here else layer_store.keep_room(store, file.channel, file.room)
    span = SessionSpan(file.start, file.end, 0, 0)
    before = layer_store.layers(store, file.channel, span)
    layer_store.take(store, file.channel, file.layers)
    held = layer_store.layers(store, file.channel, span)
    new = people_in(file.layers) - len(members_of(file.layers) & members_of(before))
    say(f"{path}: {_layers(people_in(file.layers))}, {new} new; {_sum(held)}.{_room(seconds)}")


def _sum(held: Sequence[Layer]) -> str:
    """How many count now, and why not all of them are counted or shown."""
    known, here = people_in(counted(held)), people_in(held)
    words = f"{known} in all"
    if here > known:
        words += f" ({here - known} came only within counts that overlap with larger ones)"
    return words if known >= LEAST_LAYERS else f"{words}, shown from {LEAST_LAYERS} on"


def _room(seconds: int) -> str:
    return f" {seconds} s of the live room are new here." if seconds else ""


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count} layers"


def _too_few(left: int) -> str:
    if left <= 0:
        return ""
    return (
        f" {_layers(left)} of others stay here: counts of fewer than {LEAST_LAYERS} would say "
        "how one person reacted."
    )


def _when(of: SessionSpan | LayerFile) -> str:
    return f"{day(of.start)}, {clock(of.start)}"
