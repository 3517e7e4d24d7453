"""What the teams of a room felt, stored by the second beside the rows of a session.

Only what could be shown is here: a team that was too small then has no counts in that second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.history.store import Store

# Two programs may record one room into one database: what one of them has kept stays.
_KEEP = "INSERT INTO team VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_READ = """
SELECT t, name, counts FROM team WHERE channel = ? AND t BETWEEN ? AND ? ORDER BY t, name
"""


@dataclass(frozen=True, slots=True)
class TeamSecond:
    """One team in the second `t` (epoch s)."""

    t: int
    name: str
    counts: tuple[int, ...]  # nine, in the order of `Emotion`


@dataclass(frozen=True, slots=True, eq=False)
class TeamTrack:
    """What one team felt, in the seconds in which that could be shown."""

    name: str
    times: NDArray[np.int64]  # (N,) epoch s, rising
    counts: NDArray[np.int64]  # (N, 9) in the order of `Emotion`

    def mean(self, start: float, end: float) -> tuple[float, ...]:
        """Nine counts, the mean of those seconds from `start` to `end` (epoch s, both included);
        () where it never could be shown."""
        first, last = np.searchsorted(self.times, [start, np.nextafter(end, np.inf)])
        if first == last:
            return ()
        return tuple(self.counts[first:last].mean(axis=0).tolist())


def team_tracks(seconds: Iterable[TeamSecond]) -> tuple[TeamTrack, ...]:
    """Of seconds in order of time, by name."""
    by_name = sorted(seconds, key=lambda each: each.name)
    return tuple(_track(name, list(found)) for name, found in groupby(by_name, lambda s: s.name))


def _track(name: str, seconds: Sequence[TeamSecond]) -> TeamTrack:
    times = np.array([each.t for each in seconds], np.int64)
    return TeamTrack(name, times, np.array([each.counts for each in seconds], np.int64))


def team_seconds(
    t: int, names: Sequence[str], teams: Mapping[int, Sequence[int]]
) -> tuple[TeamSecond, ...]:
    """Of a room's teams, by number, those that show somebody. `names`: the host's list."""
    return tuple(
        TeamSecond(t, names[number - 1], tuple(nine))
        for number, nine in sorted(teams.items())
        if 1 <= number <= len(names) and any(nine)
    )


def keep_teams(store: Store, channel: str, seconds: Iterable[TeamSecond]) -> None:
    """Store them; again does no harm. Raises StoreError."""
    rows = [(channel, each.t, each.name, json.dumps(each.counts)) for each in seconds]
    with store.transaction() as db:
        db.executemany(_KEEP, rows)


def kept_teams(store: Store, channel: str, first: float, last: float) -> list[TeamSecond]:
    """Those of a range (epoch s, both included), the oldest first. Raises StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last)).fetchall()
    found = (TeamSecond(t, name, tuple(json.loads(counts))) for t, name, counts in rows)
    return [each for each in found if len(each.counts) == len(Emotion)]
