"""What `resonance-tui history` prints: rows, moments, sessions and pictures in their formats."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from resonance_tui.charting.ticks import day, exact_clock, length
from resonance_tui.commands.console import say
from resonance_tui.config import Config
from resonance_tui.errors import InputError
from resonance_tui.files import save_bytes, save_text
from resonance_tui.history import export, research, runs
from resonance_tui.history.about import about
from resonance_tui.history.cues.registry import BY_SUFFIX
from resonance_tui.history.cues.registry import FORMATS as CUE_FORMATS
from resonance_tui.history.loading import Request
from resonance_tui.history.marks import session_marks
from resonance_tui.history.reactions import reaction_seconds
from resonance_tui.history.samples import LATE_S, Gap, Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.teams import kept_teams
from resonance_tui.history.video_clock import video_start
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.secret import describe, shown
from resonance_tui.texts import mark, tr_n

if TYPE_CHECKING:
    from resonance_tui.history.recording import Floats

What = Literal["rows", "moments", "marks", "reactions", "questions", "teams", "sessions"]

FORMATS: dict[What, tuple[str, ...]] = {
    "rows": ("csv", "json", "jsonl", "svg", "png", *research.FORMATS),
    "moments": ("json", "jsonl", "csv", *CUE_FORMATS),
    "marks": ("json", "jsonl", "csv", *CUE_FORMATS),
    "reactions": ("csv", "json", "jsonl"),
    "questions": ("json", "jsonl", "csv", *CUE_FORMATS),
    "teams": ("csv", "json", "jsonl"),
    "sessions": ("text", "json", "jsonl", "csv"),
}
PICTURES = ("svg", "png")
TITLE_LIMIT = 100
_ENDLESS = 1 << 62  # epoch seconds
NOTE_SHOWN = 60  # characters of it, in a list for people
SESSION_COLUMNS = (
    *("session", "start", "end", "length_s", "rows", "missing_s", "why"),
    *("peak_viewers", "title", "local_time", "video_start", "stream_delay_s", "marks", "note"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A session of a list."""

    number: int  # counted back from the last one
    span: SessionSpan
    gaps: Sequence[Gap]
    video: float | None  # when its video began, epoch s
    delay_s: float | None  # of its stream
    marks: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line of `history`, as it was typed."""

    channel: str | None  # None: every channel, of which only the sessions are listed
    start: str | None = None
    end: str | None = None
    session: int | None = None  # counts back, 1 being the last
    format: str | None = None
    out: Path | None = None
    source: str = "local"  # or the name of a sink
    recorder: str | None = None  # None: all of them
    corrected: bool = False
    what: What = "rows"
    view: str | None = None  # of a picture; the first of the table when None
    groups: bool = False
    size: str | None = None
    emotions: tuple[str, ...] = ()  # of moments; all but calm when empty
    top: int | None = None
    apart: float | None = None  # s, as the next two
    clip: float | None = None
    lead_in: float | None = None
    rate: str | None = None
    video_start: str | None = None
    offset: str | None = None
    file: str | None = None  # of OBS's, whose positions are asked for
    stream_delay: str | None = None


def choose_format(format: str | None, out: Path | None, what: What, *, is_terminal: bool) -> str:
    """As asked for; else what the file's name says; else the chart "screen" in a terminal, and
    CSV, or text where there is such. Raises InputError."""
    known = FORMATS[what]
    told = format if format is not None else _suffix(out)
    wanted = told if told in known else BY_SUFFIX.get(told, told)
    wanted = research.SUFFIXES.get(f".{wanted}", wanted)
    if wanted in known:
        return wanted
    if wanted:  # a file that is not what its name says would be found out late
        of = "" if what == "rows" else f" for --{what}"
        more = _where_known(wanted, what)
        more += "" if format else " Name it with --format where the file's name does not."
        raise InputError(
            mark("No such format{of}: {told}.", of=of, told=told),
            mark("Choose one of {known}.{more}", known=", ".join(known), more=more),
        )
    if what == "rows" and out is None and is_terminal:
        return "screen"
    return "csv" if what in ("rows", "reactions", "teams") else "text"


def _suffix(out: Path | None) -> str:
    """The ending of a file's name; "" where it has none."""
    return out.suffix.lstrip(".").lower() if out else ""


def _where_known(wanted: str, what: What) -> str:
    """A word about what else is written in that format; "" where nothing is."""
    name = wanted.capitalize()
    if wanted in FORMATS["rows"]:
        return f" {name} is written without --{what}."
    flags = [f"--{other}" for other, names in FORMATS.items() if wanted in names]
    return f" {name} is for {', '.join(flags)}." if flags else ""


def confusion(config: Config, format: str, *, is_corrected: bool, what: What) -> Floats | None:
    """How often the configured engine errs. Raises InputError where it was asked for in vain."""
    if not is_corrected and format != "screen":
        return None
    if is_corrected and what != "rows":
        raise InputError(
            mark("--{what} and --corrected exclude each other.", what=what),
            mark("Give one of them."),
        )
    from resonance_tui.engines.registry import confusion_of

    engine = config.settings.engine.name
    found = confusion_of(engine)
    if found is None and is_corrected:
        raise InputError(
            mark(
                "Nobody has published how often {engine} errs: its counts cannot be corrected.",
                engine=engine,
            ),
            mark("Leave --corrected out, or set another engine."),
        )
    return found


def write_history(request: Request, sessions: list[SessionSpan], asked: Asked, format: str) -> None:
    """The rows, the moments or the picture of what was asked for."""
    if asked.what in ("moments", "marks"):
        from resonance_tui.commands.history.moments import write_moments

        write_moments(request, asked, format)
    elif asked.what == "reactions":
        _write_reactions(request, sessions, format, asked.out)
    elif asked.what == "teams":
        _write_teams(request, sessions, format, asked.out)
    elif asked.what == "questions":
        from resonance_tui.commands.history.questions import write_questions

        write_questions(request, asked, format)
    elif format in PICTURES:
        _write_picture(request, asked, format)
    elif format in research.FORMATS:
        _write_research(request, format, asked.out)
    else:
        _write_rows(request, sessions, format, asked.out)


def write_sessions(
    request: Request, sessions: list[SessionSpan], format: str, out: Path | None
) -> None:
    """The sessions that touch the range, the last one first, with what is missing from each."""
    with Store(request.db_path, read_only=True) as store:
        found = list(_touching(store, request, sessions))
    if format == "text":
        put_text(map(_session_text, found), out)
    else:
        records = map(_session, found)
        put_data(export.FORMATS[format](records, SESSION_COLUMNS), out)


def write_all_sessions(requests: list[Request], format: str, out: Path | None) -> None:
    """Those of several channels, one after the other: as a text under the channel's name, as data
    with a column for it."""
    found: list[tuple[str, Listed]] = []
    for request in requests:
        with Store(request.db_path, read_only=True) as store:
            sessions = store.sessions(request.channel, source=request.source)
            found += [(request.channel, each) for each in _touching(store, request, sessions)]
    if format == "text":
        put_text((f"{channel}  {_session_text(each)}" for channel, each in found), out)
    else:
        records = ((channel, *_session(each)) for channel, each in found)
        put_data(export.FORMATS[format](records, ("channel", *SESSION_COLUMNS)), out)


def _touching(store: Store, request: Request, sessions: list[SessionSpan]) -> Iterator[Listed]:
    for number, span in enumerate(reversed(sessions), start=1):
        is_before = request.end is not None and span.start > request.end
        if not is_before and (request.start is None or span.end >= request.start):
            place = request.channel, span.start, span.end
            yield Listed(
                number,
                span,
                runs.gaps(store, *place),
                video_start(store, *place),
                about(store, *place).delay_s,
                len(session_marks(store, *place)),
            )


def _session(listed: Listed) -> export.Record:
    span, video = listed.span, listed.video
    return (
        listed.number,
        export.in_utc(span.start),
        export.in_utc(span.end),
        span.length_s,
        span.rows,
        span.length_s - span.rows,
        _reasons(listed.gaps),
        span.peak_viewers,
        span.title,
        export.in_zone(span.start),
        None if video is None else export.in_utc(video),
        listed.delay_s,
        listed.marks,
        span.note,
    )


def _session_text(listed: Listed) -> str:
    span, video, delay_s = listed.span, listed.video, listed.delay_s
    missing, start, end = span.length_s - span.rows, exact_clock(span.start), exact_clock(span.end)
    parts = [
        f"{listed.number:>3}  {day(span.start)} {start} - {end}",
        f"{length(span.length_s):>12}",
        f"peak {span.peak_viewers}",
        safe_text(span.title, TITLE_LIMIT),
        "" if video is None else f"video from {exact_clock(video, seconds=True)}",
        "" if delay_s is None else f"stream {delay_s:.1f} s late",
        tr_n("{count} mark", "{count} marks", listed.marks) if listed.marks else "",
        f"({length(missing)} missing)" if missing else "",
        safe_text(_reasons(listed.gaps), 200),
        safe_text(span.note, NOTE_SHOWN),
    ]
    return "  ".join(part for part in parts if part) + "\n"


def _reasons(gaps: Sequence[Gap]) -> str:
    return "; ".join(dict.fromkeys(gap.why for gap in gaps))


def _write_rows(
    request: Request, sessions: list[SessionSpan], format: str, out: Path | None
) -> None:
    first, last = _range(request, sessions)
    with Store(request.db_path, read_only=True) as store:
        rows = store.read(request.channel, first, last, request.source) if sessions else []
    columns, more = export.COLUMNS, None
    if request.confusion is not None and request.is_corrected:
        columns, more = (*columns, *export.CORRECTED), _corrections(rows, request.confusion)
    put_data(export.FORMATS[format](export.records(rows, request.zone, more), columns), out)


def _write_reactions(
    request: Request, sessions: list[SessionSpan], format: str, out: Path | None
) -> None:
    first, last = _range(request, sessions)
    with Store(request.db_path, read_only=True) as store:
        ends = _ENDLESS if last is None else last + (LATE_S if request.end is None else 0)
        found = reaction_seconds(store, request.channel, first or 0, ends)
    records = export.reaction_records(found, request.zone)
    put_data(export.FORMATS[format](records, export.REACTION_COLUMNS), out)


def _write_teams(
    request: Request, sessions: list[SessionSpan], format: str, out: Path | None
) -> None:
    first, last = _range(request, sessions)
    with Store(request.db_path, read_only=True) as store:
        found = kept_teams(store, request.channel, first or 0, _ENDLESS if last is None else last)
    if not found:
        say("No team was large enough for its counts to be shown.")
    records = export.team_records(found, request.zone)
    put_data(export.FORMATS[format](records, export.TEAM_COLUMNS), out)


def _corrections(rows: Sequence[Sample], confusion: Floats) -> Iterator[export.Record]:
    import numpy as np

    from resonance_tui.room.correction import LEAST_VIEWERS, correct_counts

    counts = np.array([row.counts for row in rows], np.float64).reshape(-1, 7)
    found = correct_counts(counts, confusion)
    small = int((counts.sum(axis=1) < LEAST_VIEWERS).sum())
    if small:
        few = f"fewer than {LEAST_VIEWERS} viewers read"
        say(f"{small} of {len(rows)} rows have {few}: not corrected.")
    for line in np.hstack([found.counts, found.low, found.high]).tolist():
        yield tuple(None if math.isnan(number) else round(number, 1) for number in line)


def _write_research(request: Request, format: str, out: Path | None) -> None:
    """For BIDS, with the file that explains its columns, where there is a name for it."""
    from resonance_tui.history.loading import moments_in, read

    if request.is_corrected:
        raise InputError(
            mark("--format {format} has what was counted, without corrections.", format=format),
            mark("Leave --corrected out, or take csv or json."),
        )
    loaded = read(request)
    found = moments_in(request, loaded.track)
    exported = research.Exported(request.channel, loaded.track, found, loaded.marks)
    if format == "bids" and out is not None and str(out) != "-":
        save_text(out.with_suffix(".json"), [research.bids_columns(request.channel)])
    put_data(research.FORMATS[format](exported), out)


def _write_picture(request: Request, asked: Asked, format: str) -> None:
    from resonance_tui.charting.image import SIZE, draw_request
    from resonance_tui.charting.views import FIRST_VIEW, VIEWS

    size = _parse_size(asked.size) if asked.size else SIZE
    if asked.out is None and sys.stdout.isatty():
        raise InputError(
            mark("A picture is nothing for a terminal."), mark("Name a file: --out room.svg")
        )
    view = VIEWS[asked.view] if asked.view else FIRST_VIEW
    picture = draw_request(request, format, view=view, is_grouped=asked.groups, size=size)
    if asked.out is not None and str(asked.out) != "-":
        save_bytes(asked.out, [picture])
        say(f"{shown(asked.out)}: {len(picture)} bytes")
    else:
        click.echo(picture, nl=False)


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip().lower())
    if match is None:
        raise InputError(
            mark("{text} is no size in pixels.", text=describe(text)),
            mark("For example --size 1920x1080"),
        )
    return int(match[1]), int(match[2])


def _range(request: Request, sessions: list[SessionSpan]) -> tuple[int | None, int | None]:
    """What is meant, in epoch seconds: the session, where no times are named."""
    if request.start is None and request.end is None and sessions:
        span = sessions[-request.session]
        return span.start, span.end
    if request.start is None and sessions:
        return sessions[0].start, request.end
    return request.start, request.end


def put_text(lines: Iterable[str], out: Path | None) -> None:
    """Text for a person: on stdout in the stream's own encoding, as far as that goes."""
    if out is not None and str(out) != "-":
        save_text(out, lines)
        return
    for text in _in_large_parts(lines):
        click.echo(text, nl=False)


def put_data(lines: Iterable[str], out: Path | None) -> None:
    """Text for programs: UTF-8 everywhere, so that stdout gets the bytes that a file would. A "?"
    for a sign that a pipe's encoding lacks would be damage that goes unnoticed."""
    if out is not None and str(out) != "-":
        save_text(out, lines)
        return
    for text in _in_large_parts(lines):
        click.echo(text.encode(), nl=False)


def _in_large_parts(lines: Iterable[str]) -> Iterator[str]:
    """A thousand lines at a time: one write a line is slow."""
    parts = iter(lines)
    for head in parts:
        yield "".join(chain((head,), islice(parts, 999)))
