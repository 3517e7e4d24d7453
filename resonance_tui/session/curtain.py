"""Pure: what of a room one may see by its host's rules. Every reader of a room comes past here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from resonance_tui.protocol.asides import Aside
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.small_rooms import SmallRoom
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot, ViewerRow

_NO_EMOTIONS = (0,) * len(EMPTY_ROOM.counts)


class Curtain:
    """Snapshots of everything that is known in, of what may be shown out.

    Two rules draw it: in a small room there are counts from so many viewers on, and never who
    feels what (`SmallRoom`); in a blind room there are counts once one has reacted oneself.
    """

    def __init__(self) -> None:
        self._small = SmallRoom()
        self._reacted_at: float | None = None
        self._shown = EMPTY_ROOM

    def react(self, now: float, *, is_reaction: bool, is_sharing: bool) -> None:
        """What one does oneself. Who stops sharing has not reacted any more."""
        if not is_sharing:
            self._reacted_at = None
        elif is_reaction and self._reacted_at is None:
            self._reacted_at = now

    def sees(self, conduct: Conduct, now: float) -> bool:
        """Whether one has reacted, and that was long enough ago."""
        if conduct.blind_s is None:
            return True
        return self._reacted_at is not None and now - self._reacted_at >= conduct.blind_s

    def show(
        self, room: RoomSnapshot, own: ViewerRow | None, conduct: Conduct, now: float
    ) -> RoomSnapshot:
        """Of `room`, whose `least` says that its counts are a table already."""
        if conduct.least or room.least:
            shown = self._in_small_room(room, own, conduct)
        else:
            self._small = SmallRoom()
            shown = room
        if not self.sees(conduct, now):
            shown = _blind(shown, own)
        before, self._shown = self._shown, shown
        if shown is not room:
            self._shown = _compared(before, shown)
        elif before.least or before.is_withheld:
            self._shown = replace(room, changed=_ids(room), gone=_ids(before) - _ids(room))
        return self._shown

    def _in_small_room(
        self, room: RoomSnapshot, own: ViewerRow | None, conduct: Conduct
    ) -> RoomSnapshot:
        least = conduct.least
        rows = (own,) if own is not None else ()
        if room.least:
            shown = replace(room, rows=rows, missing=_missing(room, least))
            return _without_counts(shown) if shown.missing else shown
        nine = RoomCounts(room.counts, room.unsure, room.away).nine
        table = self._small.table(nine, least, sum(room.private))
        aside = Aside(room.private, room.answers, room.reactions, room.teams)
        aside = self._small.aside(aside, table, least, conduct.question)
        emotions, unsure, away = RoomCounts.from_nine(table.counts)
        return replace(
            room,
            viewers=table.viewers,
            counts=emotions,
            unsure=unsure,
            away=away,
            rows=rows,
            least=least,
            missing=table.missing,
            private=aside.private,
            answers=aside.answers,
            reactions=aside.reactions,
            teams=aside.teams,
        )


def _blind(room: RoomSnapshot, own: ViewerRow | None) -> RoomSnapshot:
    rows = (own,) if own is not None else ()
    return replace(_without_counts(room), rows=rows, is_blind=True)


def _missing(room: RoomSnapshot, least: int) -> int:
    """By a total's own rule only where it has no counts: its viewers are those of its table, which
    is kept while a few come and go. By the host's where that has become stricter since."""
    has_counts = any(room.counts) or room.unsure or room.away
    needed = 0 if has_counts else room.least
    return max(0, needed - room.people, (least if least > room.least else 0) - room.people)


def _without_counts(room: RoomSnapshot) -> RoomSnapshot:
    """Not those beside them either, whose messages come a little sooner or later."""
    nothing: dict[str, Any] = {"private": (), "answers": None, "reactions": (), "teams": {}}
    people = room.people  # is no secret
    return replace(room, viewers=people, counts=_NO_EMOTIONS, unsure=0, away=0, **nothing)


def _compared(before: RoomSnapshot, now: RoomSnapshot) -> RoomSnapshot:
    """`now`, with what changed since the snapshot that was shown last."""
    is_same = before.rows == now.rows
    here = _ids(now)
    return replace(
        now,
        rows=before.rows if is_same else now.rows,
        changed=frozenset() if is_same else here,
        gone=_ids(before) - here,
    )


def _ids(room: RoomSnapshot) -> frozenset[str]:
    return frozenset(row.viewer_id for row in room.rows)
