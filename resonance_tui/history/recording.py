"""One range of one channel, read for the screen, and written out as the screen shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from resonance_tui.history.charts import Moment, Track, moments, to_track
from resonance_tui.history.export import to_csv
from resonance_tui.history.rows import SessionSpan
from resonance_tui.history.saving import free_name, save
from resonance_tui.history.store import Store
from resonance_tui.history.window import Window


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


@dataclass(frozen=True, slots=True)
class Recording:
    """What was found."""

    sessions: list[SessionSpan]  # all of the channel, oldest first
    track: Track
    moments: list[Moment]


def read(request: Request) -> Recording:
    """Blocks while SQLite reads: a day takes about a second. Raises StoreError."""
    with Store(request.db_path, read_only=True) as store:
        sessions = store.sessions(request.channel, source=request.source)
        start, end = request.start, request.end
        if start is None and end is None and 0 < request.session <= len(sessions):
            span = sessions[-request.session]
            start, end = span.start, span.end
        rows = store.read(request.channel, start, end, request.source)
    track = to_track(rows)
    return Recording(sessions, track, moments(track))


def export(request: Request, window: Window, folder: Path) -> tuple[Path, int]:
    """The visible range as a new CSV file in `folder`: its path and how many rows it holds.

    Raises StoreError and CannotSave.
    """
    with Store(request.db_path, read_only=True) as store:
        rows = store.read(request.channel, int(window.start), int(window.end), request.source)
    stamp = datetime.fromtimestamp(window.start, request.zone).strftime("%Y%m%d-%H%M%S")
    path = free_name(folder / f"{request.channel}-{stamp}.csv")
    save(path, to_csv(rows))
    return path, len(rows)
