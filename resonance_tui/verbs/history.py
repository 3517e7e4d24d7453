"""`resonance-tui history`: the chart in a terminal, data everywhere else."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

import click

from resonance_tui.errors import INTERRUPTED, InputError, InvalidChannel, ResonanceError
from resonance_tui.history.axes import clock, day
from resonance_tui.history.export import FORMATS
from resonance_tui.history.recording import Request
from resonance_tui.history.rows import SessionSpan
from resonance_tui.history.saving import save
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_range
from resonance_tui.messaging.wire import normalize_channel


def run(
    channel: str,
    *,
    start: str | None,
    end: str | None,
    session: int | None,
    format: str | None,
    out: Path | None,
    db_path: Path,
    source: str | None = None,
) -> None:
    """Shows or prints one range of a channel: the last session when none is named.

    `session` counts back, 1 being the last. Raises InputError (unknown channel, session, time or
    format) and StoreError (nothing recorded yet, damaged database).
    """
    channel = normalize_channel(channel)
    if session is not None and (start or end):
        raise InputError("--session and --from/--to exclude each other.", "Give one of them.")
    first, last = parse_range(start, end, time.time())
    with Store(db_path, read_only=True) as store:
        _check_channel(channel, store.channels())
        sessions = store.sessions(channel, source=source)
        if start is None and end is None:
            first, last = _session_range(channel, sessions, session or 1)
        is_empty = not _overlaps(sessions, first, last)
        if is_empty:
            click.echo(_nothing(channel, sessions), err=True)
        if format is None and out is None and _is_terminal():
            store.close()
            if not is_empty:
                if start is None and end is None:  # the session itself, so that it can grow
                    _show(Request(db_path, channel, session=session or 1, source=source))
                else:
                    _show(Request(db_path, channel, first, last, source=source))
            return
        rows = [] if is_empty else store.read(channel, first, last, source)
    _write(FORMATS[_format(format, out)](rows), out)


def _check_channel(channel: str, known: list[str]) -> None:
    if channel in known:
        return
    near = difflib.get_close_matches(channel, known, 3) or known[:8]
    names = ", ".join(near) or "none yet"
    more = f" and {len(known) - len(near)} more" if len(known) > len(near) else ""
    raise InvalidChannel(
        f"Nothing was ever recorded in {channel!r}.",
        f"Recorded channels: {names}{more}. "
        f"To record: resonance-tui join {channel} --record, or resonance-tui log {channel}.",
    )


def _session_range(
    channel: str, sessions: list[SessionSpan], number: int
) -> tuple[int | None, int | None]:
    if not sessions:
        return None, None
    if not 1 <= number <= len(sessions):
        count = "one session" if len(sessions) == 1 else f"{len(sessions)} sessions"
        raise InputError(
            f"There is no session {number}: {channel} has {count}.", "1 is the last one."
        )
    span = sessions[-number]
    return span.start, span.end


def _overlaps(sessions: list[SessionSpan], first: int | None, last: int | None) -> bool:
    return any(
        (last is None or span.start <= last) and (first is None or span.end >= first)
        for span in sessions
    )


def _nothing(channel: str, sessions: list[SessionSpan]) -> str:
    if not sessions:
        return f"Nothing was recorded in {channel} by that source."
    span = sessions[-1]
    return (
        f"Nothing was recorded in {channel} in that range. The last session: "
        f"{day(span.start)}, {clock(span.start)} to {clock(span.end)}."
    )


def _is_terminal() -> bool:
    return sys.stdout.isatty() and sys.stdin.isatty()


def _format(format: str | None, out: Path | None) -> str:
    """As asked for; else what the file's name says; else CSV."""
    name = format or (out.suffix.lstrip(".").lower() if out else "")
    if format is not None and name not in FORMATS:
        raise InputError(f"No such format: {format}.", f"Choose one of {', '.join(FORMATS)}.")
    return name if name in FORMATS else "csv"


def _write(lines: Iterable[str], out: Path | None) -> None:
    if out is not None and str(out) != "-":
        save(out, lines)
        return
    parts = iter(lines)
    for head in parts:  # a thousand lines at a time: one write a line is slow
        click.echo("".join(chain((head,), islice(parts, 999))), nl=False)


def _show(request: Request) -> None:
    from resonance_tui.tui.screens.history import HistoryApp

    app = HistoryApp(request)
    app.run()
    if app.return_code == INTERRUPTED:
        raise KeyboardInterrupt
    if app.return_code:
        raise ResonanceError("The history screen ended with an error.")
