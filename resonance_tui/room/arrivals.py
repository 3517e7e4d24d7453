"""Who came and who went, by name, in a room small enough to care.

Times are seconds on any clock that grows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from resonance_tui.room.state import RoomSnapshot, ViewerRow

SMALL_ROOM = 30  # viewers; in larger ones nobody is announced
COLLECT_S = 1.5  # who comes within this time is announced together; a name may follow its report
RETURN_S = 3.0  # who is back so soon was never gone: a connection that was made anew
GAP_S = 5.0  # between two announcements of a kind; meanwhile more are collected


@dataclass(slots=True)
class _Waiting:
    """Those who came, or those who went, and are not announced yet: id to (name, since)."""

    people: dict[str, tuple[str, float]]
    patience_s: float
    told_at: float = -math.inf

    def due(self, now: float, unnamed: frozenset[str]) -> tuple[str, ...]:
        """The names to announce now; all that wait, once the first has waited long enough."""
        since = min((at for _, at in self.people.values()), default=math.inf)
        if now - since < self.patience_s or now - self.told_at < GAP_S:
            return ()
        waiting = self.people.items()
        names = [name for who, (name, _) in waiting if name and who not in unnamed]
        self.people.clear()
        if names:
            self.told_at = now
        return tuple(sorted(names, key=str.casefold))


class Arrivals:
    """Snapshots in, names out. Nobody is announced who was there when one came oneself."""

    def __init__(self) -> None:
        self._known: dict[str, str] | None = None  # id to name, "" for none
        self._came = _Waiting({}, COLLECT_S)
        self._went = _Waiting({}, RETURN_S)

    def take(
        self, room: RoomSnapshot, now: float, *, own_id: str, hidden: Iterable[str] = ()
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of those who came, and of those who went. `room` must be a fact: of a room that is
        cut off nothing is known. `hidden`: ids whose nickname is not to be shown."""
        if room.is_total or room.least or room.viewers > SMALL_ROOM:  # rows are not everybody
            self._known = None
            self._came.people.clear()
            self._went.people.clear()
            return (), ()
        unnamed = frozenset(hidden)
        here = {row.viewer_id: _name(row, unnamed) for row in room.rows}
        here.pop(own_id, None)
        if self._known is not None:
            self._compare(self._known, here, now)
        self._known = here
        return self._came.due(now, unnamed), self._went.due(now, unnamed)

    def _compare(self, before: dict[str, str], here: dict[str, str], now: float) -> None:
        for viewer_id in here.keys() - before.keys():
            if self._went.people.pop(viewer_id, None) is None:
                self._came.people[viewer_id] = (here[viewer_id], now)
        for viewer_id in self._came.people.keys() & here.keys():  # a name follows its report
            self._came.people[viewer_id] = (here[viewer_id], self._came.people[viewer_id][1])
        for viewer_id in before.keys() - here.keys():
            if self._came.people.pop(viewer_id, None) is None:
                self._went.people[viewer_id] = (before[viewer_id], now)


def _name(row: ViewerRow, unnamed: frozenset[str]) -> str:
    return "" if row.viewer_id in unnamed else row.nickname
