"""Pure: which of the faces in view are read, and as whom: a few numbered seats."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import hypot
from typing import TYPE_CHECKING

from resonance_tui.errors import InputError
from resonance_tui.secret import shown

if TYPE_CHECKING:
    from resonance_tui.pipeline.tracker import Face

MOST_SEATS = 4  # people that one camera reads; each costs a run of the network a frame
PEOPLE = {"one": 1, "all": MOST_SEATS}  # by the setting camera.people


def people_named(setting: str) -> int:
    """How many faces are read at most. Raises InputError for what is neither one nor all."""
    if setting not in PEOPLE:
        text = f"{shown(setting, 20)!r} people cannot be read."
        raise InputError(text, "camera.people: one, all")
    return PEOPLE[setting]


class Seats:
    """Gives the largest faces a seat each, which they keep for as long as their track lasts.

    An empty seat is taken again by who comes nearest to where its last person was; one that was
    never used comes after those. So on a couch everybody has the same seat again who was out of
    sight for a while, and nobody changes places while they are in view.
    """

    def __init__(self, count: int = 1) -> None:
        if not 1 <= count <= MOST_SEATS:
            raise ValueError(f"1 to {MOST_SEATS} seats")
        self._count = count
        self._last: dict[int, Face] = {}  # by seat: the newest face, also of who has gone

    def keep_first(self, count: int) -> None:
        """Only the first `count` seats are left, with whoever has them."""
        self._count = min(count, self._count)
        self._last = {seat: face for seat, face in self._last.items() if seat < self._count}

    def update(self, faces: Sequence[Face], kept: Collection[int]) -> dict[int, Face]:
        """The seated faces of one frame by the number of their seat, 0 being the first.

        `kept`: the tracks that last, those of faces that are out of sight for a moment included.
        While somebody seated is out of sight, a new face may be theirs: it is seated only where
        there are more faces than people.
        """
        taken = {face.track: seat for seat, face in self._last.items() if face.track in kept}
        seated = {taken[face.track]: face for face in faces if face.track in taken}
        waiting = [face for face in faces if face.track not in taken]
        waiting.sort(key=lambda face: face.side, reverse=True)
        room = min(len(faces), self._count) - len(taken)
        for face in waiting[: max(room, 0)]:
            seat = self._nearest({*taken.values(), *seated}, face)
            seated[seat] = face
        self._last |= seated
        return seated

    def _nearest(self, taken: Collection[int], face: Face) -> int:
        """The empty seat whose last person was nearest; else the first that was never used."""
        empty = [seat for seat in range(self._count) if seat not in taken]
        used = [seat for seat in empty if seat in self._last]
        return min(used, key=lambda seat: _distance(self._last[seat], face), default=empty[0])


def _distance(one: Face, other: Face) -> float:
    return hypot(one.cx - other.cx, one.cy - other.cy)
