"""Loads one range of one channel, and exports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from resonance_tui.emotions import REACTIONS, Emotion
from resonance_tui.files import free_name, save_text
from resonance_tui.history.about import about
from resonance_tui.history.export import records, to_csv
from resonance_tui.history.live_marks import LiveMark, live_marks
from resonance_tui.history.marks import Mark, marks, session_marks
from resonance_tui.history.moments import Moment
from resonance_tui.history.peaks import APART_S, AROUND_S, peaks
from resonance_tui.history.questions import KeptQuestion, questions
from resonance_tui.history.reactions import ReactionSecond, reaction_seconds
from resonance_tui.history.recording import Floats, Recording, extend, from_table
from resonance_tui.history.runs import gaps
from resonance_tui.history.samples import LATE_S, Gap, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.teams import TeamTrack, kept_teams, team_tracks
from resonance_tui.history.video_clock import video_start
from resonance_tui.history.video_parts import VideoPart, video_parts

BEHIND_S = 5  # another recorder may write a second this much after the first one did


@dataclass(frozen=True, slots=True)
class Request:
    """What to show. Times are epoch seconds, both included; None is open.

    With neither `start` nor `end`: session number `session`, 1 being the latest.
    """

    db_path: Path
    channel: str
    start: int | None = None
    end: int | None = None
    session: int = 1
    source: str | None = None
    zone: tzinfo | None = None  # for clock times on screen; the machine's own when None
    confusion: Floats | None = field(default=None, compare=False)  # of the engine, [7, 7]
    is_corrected: bool = False
    is_copy: bool = False  # of what a sink holds: nothing that is written to it stays


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """What was found."""

    sessions: list[SessionSpan]  # all of the channel, oldest first
    track: Recording
    gaps: tuple[Gap, ...] = ()  # seconds that were seen and could not be kept
    video: float | None = None  # when the first picture of its video was, epoch s, if that is known
    marks: tuple[Mark, ...] = ()  # of the range, oldest first
    span: SessionSpan | None = None  # the session that the range begins in
    parts: tuple[VideoPart, ...] = ()  # what OBS wrote meanwhile
    live: tuple[LiveMark, ...] = ()  # found while it happened, oldest first
    questions: tuple[KeptQuestion, ...] = ()  # that the host asked, oldest first
    delay_s: float | None = None  # how much later viewers saw its stream, if that is known
    reactions: tuple[ReactionSecond, ...] = ()  # sent with keys, oldest first
    teams: tuple[TeamTrack, ...] = ()  # as they could be shown


def read(request: Request) -> LoadedSession:
    """Blocks while SQLite reads: a tenth of a second for twelve hours. Raises StoreError."""
    with Store(request.db_path, read_only=True) as store:
        sessions = store.sessions(request.channel, source=request.source)
        start, end = request.start, request.end
        if start is None and end is None and 0 < request.session <= len(sessions):
            span = sessions[-request.session]
            start, end = span.start, span.end
        track = from_table(store.table(request.channel, start, end, request.source))
        lost = gaps(store, request.channel, track.start, track.end) if len(track) else []
        span = next((each for each in sessions if len(track) and track.start <= each.end), None)
        if span is None:
            return LoadedSession(sessions, track, tuple(lost))
        place = request.channel, span.start, span.end
        video, said = video_start(store, *place), about(store, *place)
        until = track.end if request.end is not None else track.end + LATE_S
        marked = tuple(marks(store, request.channel, track.start, until))
        written = tuple(video_parts(store, request.channel, span.start, span.end))
        live = tuple(live_marks(store, request.channel, track.start, track.end + 1))
        asked = tuple(questions(store, request.channel, track.start, track.end + 1))
        sent = _reactions(store, request, track.start, track.end)
        teams = _teams(store, request, track.start, track.end)
    return LoadedSession(
        *(sessions, track, tuple(lost), video, marked, span, written, live, asked, said.delay_s),
        *(sent, teams),
    )


def _reactions(
    store: Store, request: Request, start: float, end: float
) -> tuple[ReactionSecond, ...]:
    until = end if request.end is not None else end + LATE_S
    return tuple(reaction_seconds(store, request.channel, start, until))


def _teams(store: Store, request: Request, start: float, end: float) -> tuple[TeamTrack, ...]:
    return team_tracks(kept_teams(store, request.channel, start, end))


def read_marks(request: Request, start: int, end: int) -> tuple[Mark, ...]:
    """Those of a recording from `start` to `end` (epoch s, both included). Raises StoreError."""
    with Store(request.db_path, read_only=True) as store:
        return tuple(session_marks(store, request.channel, start, end))


def read_together(
    request: Request, start: int, end: int
) -> tuple[tuple[KeptQuestion, ...], tuple[ReactionSecond, ...], tuple[TeamTrack, ...]]:
    """What was asked, sent and felt by teams in a recording from `start` to `end`. Raises
    StoreError."""
    with Store(request.db_path, read_only=True) as store:
        asked = tuple(questions(store, request.channel, start, end + 1))
        sent = _reactions(store, request, start, end)
        return asked, sent, _teams(store, request, start, end)


def read_span(request: Request, span: SessionSpan) -> SessionSpan:
    """The same session as it is called now. Raises StoreError."""
    with Store(request.db_path, read_only=True) as store:
        sessions = store.sessions(request.channel, source=request.source)
    return next((each for each in sessions if each.end >= span.start), span)


def moments_in(
    request: Request,
    track: Recording,
    codes: Sequence[Emotion] = REACTIONS,
    *,
    top: int | None = None,
    apart_s: int = APART_S,
) -> list[Moment]:
    """The moments of `track`, which is what `request` has read: the same ones that a longer range
    has there, since what is usual is learnt from what lies around it, too. Raises StoreError."""
    if not len(track):
        return []
    within = track.start, track.end
    return peaks(_around(request, track), codes, top=top, apart_s=apart_s, within=within)


def _around(request: Request, track: Recording) -> Recording:
    """`track` with ten minutes more where the range cut a recording."""
    if request.start is None and request.end is None:
        return track
    start = None if request.start is None else request.start - 2 * AROUND_S
    end = None if request.end is None else request.end + 2 * AROUND_S
    with Store(request.db_path, read_only=True) as store:
        return from_table(store.table(request.channel, start, end, request.source))


def can_grow(request: Request) -> bool:
    """Whether rows that are recorded from now on belong to what was asked for."""
    return request.end is None and (request.start is not None or request.session == 1)


def read_on(request: Request, track: Recording) -> Recording:
    """`track` with what was recorded since; the same object when nothing was. Raises StoreError."""
    with Store(request.db_path, read_only=True) as store:
        table = store.table(request.channel, track.end - BEHIND_S, source=request.source)
    more = from_table(table)
    return extend(track, more) if len(more) and more.end > track.end else track


def export_csv(request: Request, start: float, end: float, folder: Path) -> tuple[Path, int]:
    """The rows from `start` to `end` (epoch s) as a new CSV file in `folder`: its path and how
    many rows it holds.

    Raises StoreError and CannotSave.
    """
    with Store(request.db_path, read_only=True) as store:
        rows = store.read(request.channel, int(start), int(end), request.source)
    stamp = datetime.fromtimestamp(start, request.zone).strftime("%Y%m%d-%H%M%S")
    path = free_name(folder / f"{request.channel}-{stamp}.csv")
    save_text(path, to_csv(records(rows, request.zone)))
    return path, len(rows)
