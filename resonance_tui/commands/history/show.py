"""`resonance-tui history CHANNEL`: the chart in a terminal, data and pictures everywhere else."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from resonance_tui.charting.ticks import day, exact_clock
from resonance_tui.commands.console import say
from resonance_tui.commands.history import moments, output
from resonance_tui.commands.history.output import Asked
from resonance_tui.commands.settings import terminal_of
from resonance_tui.config import Config
from resonance_tui.errors import INTERRUPTED, InputError, InvalidChannel, ResonanceError
from resonance_tui.history.about import keep_delay
from resonance_tui.history.loading import Request, read
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.stream_delay import estimate, parse_delay
from resonance_tui.history.times import parse_range
from resonance_tui.history.video_clock import keep_video_start, parse_offset, parse_start
from resonance_tui.protocol.links import find_channel
from resonance_tui.secret import describe
from resonance_tui.sinks import registry
from resonance_tui.terminal import Terminal
from resonance_tui.texts import mark, tr


def run(config: Config, asked: Asked) -> None:
    """Shows or prints one range of a channel: the last session when none is named.

    Raises InputError (unknown channel, session, time or format, nothing in that range) and
    StoreError (nothing recorded yet, damaged database); from a sink whatever it raises.
    """
    if asked.channel is None:
        _list_all(config, asked)
        return
    channel = find_channel(asked.channel)
    if asked.session is not None and (asked.start or asked.end):
        raise InputError(
            mark("--session and --from/--to exclude each other."), mark("Give one of them.")
        )
    first, last = parse_range(asked.start, asked.end, time.time())
    format = output.choose_format(asked.format, asked.out, asked.what, is_terminal=_is_terminal())
    moments.check(asked)
    if asked.video_start and asked.offset:
        raise InputError(
            mark("--video-start and --offset exclude each other."), mark("Give one of them.")
        )
    confusion = output.confusion(config, format, is_corrected=asked.corrected, what=asked.what)
    with _database(config, channel, asked.source, first, last) as path:
        request = Request(
            path,
            channel,
            first,
            last,
            source=asked.recorder,
            confusion=confusion,
            is_corrected=asked.corrected,
            is_copy=asked.source != "local",
        )
        with Store(path, read_only=True) as store:
            _check_channel(channel, store.channels(), asked.source)
            sessions = store.sessions(channel, source=asked.recorder)
            if not store.has_rows(channel, first, last, asked.recorder):
                raise _nothing(channel, sessions, asked.recorder)
        span = _session(sessions, first, last, asked.session)
        _keep_video(path, channel, span, asked)
        _keep_delay(replace(request, session=asked.session or 1), span, asked)
        if asked.what == "sessions":
            output.write_sessions(request, sessions, format, asked.out)
            return
        if asked.start is None and asked.end is None:
            request = replace(request, session=check_session(channel, sessions, asked.session))
        if format == "screen":
            _show(request, terminal_of(config))
        else:
            output.write_history(request, sessions, asked, format)


def _list_all(config: Config, asked: Asked) -> None:
    """The sessions of every channel. Raises InputError where something else was asked for."""
    if asked.what != "sessions" or asked.source != "local":
        raise InputError(
            mark("CHANNEL is missing."),
            mark("Every channel's sessions: resonance-tui history --sessions"),
        )
    first, last = parse_range(asked.start, asked.end, time.time())
    format = output.choose_format(asked.format, asked.out, asked.what, is_terminal=_is_terminal())
    with Store(config.database, read_only=True) as store:
        channels = store.channels()
    requests = [
        Request(config.database, channel, first, last, source=asked.recorder)
        for channel in channels
    ]
    output.write_all_sessions(requests, format, asked.out)


def _session(
    sessions: list[SessionSpan], first: int | None, last: int | None, number: int | None
) -> SessionSpan | None:
    """The one that is meant: by its number, or the first that the range touches."""
    if first is not None or last is not None:
        return next((span for span in sessions if span.end >= (first or 0)), None)
    return sessions[-(number or 1)] if len(sessions) >= (number or 1) else None


def _keep_video(path: Path, channel: str, span: SessionSpan | None, asked: Asked) -> None:
    """Store when the session's video began, where that was told; "none" forgets it."""
    told = asked.video_start or asked.offset
    if not told or span is None:
        return
    if told == "none":
        start = None
    elif asked.video_start:
        start = parse_start(asked.video_start, span)
    else:
        start = parse_offset(told, span)
    with Store(path) as store:
        keep_video_start(store, channel, span, start)
    if start is None:
        say("When the session's video began is forgotten.")
    else:
        say(f"The session's video began on {day(start)} at {exact_clock(start, seconds=True)}.")


def _keep_delay(request: Request, span: SessionSpan | None, asked: Asked) -> None:
    """Store how late the session's stream was, where that was told; "none" forgets it."""
    told = asked.stream_delay
    if not told or span is None:
        return
    if told == "none":
        delay_s, words = None, "The stream's delay is forgotten."
    elif told == "estimate":
        loaded = read(request)
        found = estimate(loaded.track, [each.t for each in loaded.marks])
        delay_s = found.delay_s
        words = (
            f"The room reacted {delay_s:.1f} s after {found.marks} marks (90 %: {found.low_s:.1f} "
            f"to {found.high_s:.1f} s); positions in the video are that much earlier from now on."
        )
    else:
        delay_s = parse_delay(told)
        words = f"Viewers saw the stream {delay_s:.1f} s late."
    with Store(request.db_path) as store:
        keep_delay(store, request.channel, span, delay_s)
    say(words)


@contextmanager
def _database(
    config: Config, channel: str, source: str, first: int | None, last: int | None
) -> Generator[Path]:
    """Where the rows are: this machine's database, or a copy of what a sink holds."""
    if source == "local":
        yield config.database
        return
    import tempfile

    say(tr("Reading the {noun} ...", noun=tr(registry.SINKS[source].noun)))
    rows = registry.load(source).read(config, channel, first, last, say)
    with tempfile.TemporaryDirectory(prefix="resonance-") as folder:
        path = Path(folder) / "rows.sqlite"
        with Store(path) as store:
            store.append(rows)
        yield path


def _check_channel(channel: str, known: list[str], source: str) -> None:
    if channel in known:
        return
    if source != "local":
        raise InputError(
            mark(
                "{subject} holds nothing of {channel!r} in that range.",
                subject=registry.SINKS[source].subject,
                channel=channel,
            ),
            "What is left to be sent goes there with: "
            + registry.load(source).resume_command(channel),
        )
    raise unknown_channel(channel, known)


def unknown_channel(channel: str, known: list[str]) -> InvalidChannel:
    """With the names that are nearest to it."""
    near = difflib.get_close_matches(channel, known, 3) or known[:8]
    names = ", ".join(near) or "none yet"
    more = f" and {len(known) - len(near)} more" if len(known) > len(near) else ""
    return InvalidChannel(
        mark("Nothing was ever recorded in {channel!r}.", channel=channel),
        mark(
            "Recorded channels: {names}{more}. To record: resonance-tui join {channel} "
            "--record, or resonance-tui log {channel}.",
            names=names,
            more=more,
            channel=channel,
        ),
    )


def check_session(channel: str, sessions: list[SessionSpan], number: int | None) -> int:
    """The number of a session that is there, 1 being the last. Raises InputError."""
    wanted = number or 1
    if sessions and wanted > len(sessions):
        count = "one session" if len(sessions) == 1 else f"{len(sessions)} sessions"
        raise InputError(
            mark(
                "There is no session {wanted}: {channel} has {count}.",
                wanted=wanted,
                channel=channel,
                count=count,
            ),
            mark(
                "1 is the last one. All of them: resonance-tui history {channel} --sessions",
                channel=channel,
            ),
        )
    return wanted


def _nothing(channel: str, sessions: list[SessionSpan], recorder: str | None) -> InputError:
    if not sessions:
        return InputError(
            mark(
                "Nothing was recorded in {channel} by {recorder}.",
                channel=channel,
                recorder=describe(recorder),
            ),
            mark("Leave --recorder out."),
        )
    span = sessions[-1]
    clocks = f"{exact_clock(span.start)} to {exact_clock(span.end)}"
    return InputError(
        mark("Nothing was recorded in {channel} in that range.", channel=channel),
        mark("The last session: {start}, {clocks}.", start=day(span.start), clocks=clocks),
    )


def _is_terminal() -> bool:
    return sys.stdout.isatty() and sys.stdin.isatty()


def _show(request: Request, drawn_with: Terminal) -> None:
    from resonance_tui.tui.screens.history import HistoryApp

    app = HistoryApp(request, drawn_with)
    app.run()
    if app.return_code == INTERRUPTED:
        raise KeyboardInterrupt
    if app.return_code:
        raise ResonanceError(mark("The history screen ended with an error."))
