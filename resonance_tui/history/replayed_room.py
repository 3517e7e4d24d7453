"""Pure: a recorded room as it is replayed: who felt what live, and who did later, second by second.

Live and late counts are never added up. All positions are epoch seconds of the live room.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor
from typing import NamedTuple

import numpy as np

from resonance_tui.emotions import Emotion
from resonance_tui.history.layers import (
    LEAST_LAYERS,
    Layer,
    Table,
    as_table,
    counted,
    members_of,
    total,
)
from resonance_tui.history.recording import Recording, cut
from resonance_tui.room.timeline import TimelinePoint

HELD_S = 3  # a second that a recorder missed is no hole: the one before stays so long
_STATES = (*(code for code in Emotion if code.is_emotion), Emotion.UNSURE, Emotion.AWAY)


class People(NamedTuple):
    """People at one second."""

    counts: tuple[int, ...]  # seven, in the order of `Emotion`
    others: int  # unsure or away

    @property
    def all(self) -> int:
        return sum(self.counts) + self.others


class ReplayedRoom:
    """The recording `track`, the `layers` of its session, and the own layer `name` that grows."""

    def __init__(self, track: Recording, layers: Sequence[Layer], name: str) -> None:
        self.track = track
        alone = frozenset({name})
        own = [layer for layer in layers if layer.members == alone]
        others = counted(layer for layer in layers if layer.members != alone)
        self._late = total(others)
        self._members = members_of(others) - alone
        self._own = _states(own[0].table) if own else {}
        self._is_counted_apart = name not in members_of(others)

    @property
    def layers(self) -> int:
        """How many people's late reactions are known, the own ones included."""
        return len(self._members) + bool(self._own or not self._is_counted_apart)

    def live(self, t: float) -> People | None:
        """The live room; None where nothing was recorded."""
        index = int(np.searchsorted(self.track.times, floor(t), side="right")) - 1
        if index < 0 or floor(t) - int(self.track.times[index]) > HELD_S:
            return None
        counts = tuple(self.track.counts[index].tolist())
        return People(counts, int(self.track.others[index]))

    def late(self, t: float) -> People | None:
        """Who reacted later; None where those are fewer than LEAST_LAYERS."""
        second = floor(t)
        index = int(np.searchsorted(self._late[:, 0], second))
        is_there = index < len(self._late) and int(self._late[index, 0]) == second
        nine: list[int] = self._late[index, 1:].tolist() if is_there else [0] * len(_STATES)
        if self._is_counted_apart and (state := self._own.get(second)) is not None:
            nine[_STATES.index(state)] += 1
        if sum(nine) < LEAST_LAYERS:
            return None
        return People(tuple(nine[:-2]), nine[-2] + nine[-1])

    def past(self, t: float, span_s: int = 300) -> tuple[TimelinePoint, ...]:
        """The live room's seconds up to `t`, oldest first."""
        part = cut(self.track, floor(t) - span_s + 1, floor(t))
        rows = zip(part.times.tolist(), part.viewers.tolist(), part.counts.tolist(), strict=True)
        return tuple(TimelinePoint(float(at), seen, tuple(each)) for at, seen, each in rows)

    def react(self, seconds: Iterable[int], state: Emotion) -> Table:
        """Take the own state at these seconds of the recording; the first reaction to a second
        stays. Returns the rows that are new in the own layer."""
        first, last = self.track.start, self.track.end
        new = [t for t in seconds if first <= t <= last and t not in self._own]
        self._own |= dict.fromkeys(new, state)
        return as_table([t, *(int(each is state) for each in _STATES)] for t in new)


def _states(table: Table) -> dict[int, Emotion]:
    """By second, of a layer of one person."""
    times, found = table[:, 0].tolist(), table[:, 1:].argmax(axis=1).tolist()
    return {t: _STATES[index] for t, index in zip(times, found, strict=True)}


def played(before: float, now: float, *, most_s: float) -> range:
    """The whole seconds that were on between two positions of one stretch of playing. Where they
    lie further apart than `most_s`, the program stood still: the last second alone."""
    first = floor(before) if 0 <= now - before <= most_s else floor(now)
    return range(first, floor(now) + 1)
