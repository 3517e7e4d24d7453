"""How much the room moves together: one number from 0 to 1 over the last half minute.

docs/measures.md defines it and says what it can and cannot see.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from resonance_tui.emotions import EMOTIONS, Code
from resonance_tui.room.state import RoomSnapshot, ViewerRow

WINDOW_S = 30  # what counts as "the same time in the show"
LEAST_S = 10  # seconds that must be known before there is a number
CHANCE = 0.3  # agreement above chance that two viewers on their own reach within a window


@dataclass(slots=True)
class Pairs:
    """Ordered pairs of two different viewers who show an emotion, summed over a window.

    `same` of the `now` pairs, both seen in one second, agree; `same_ever` of the `ever` pairs, each
    seen in any second of the window, do.
    """

    same: int = 0
    now: int = 0
    same_ever: int = 0
    ever: int = 0

    def score(self, seconds: int) -> float | None:
        """The share of the room that moves as one, 0-1. None where no two viewers were read.

        Agreement beyond what the same moods would give at random seconds (Cohen's kappa over all
        pairs), less the allowance for chance. Its square root is a share of people: where a part
        s of the room moves as one, s * s of the pairs agree.
        """
        if not self.now:
            return None
        differ_ever = self.ever - self.same_ever
        if not differ_ever:
            return 0.0  # everybody showed one thing all the time: nothing moved
        kappa = 1.0 - (self.now - self.same) / self.now * self.ever / differ_ever
        by_chance = allowance(self.now / 2 / seconds, seconds)
        if kappa <= by_chance:
            return 0.0
        return math.sqrt((kappa - by_chance) / (1.0 - by_chance))


def allowance(pairs: float, seconds: float) -> float:
    """How much agreement is put down to chance, 0-1: less the more pairs (> 0) there are."""
    return min(CHANCE * math.sqrt(WINDOW_S / seconds / pairs), 0.9)


@dataclass(frozen=True, slots=True)
class _Second:
    t: int  # epoch s
    counts: tuple[int, ...]
    rows: tuple[ViewerRow, ...]  # () where only the total is known

    @property
    def shown(self) -> int:
        return sum(self.counts)


@dataclass(slots=True)
class _Stay:
    """One viewer within the window: seconds in which an emotion was read, and by emotion."""

    seconds: int = 0
    by_code: list[int] = field(default_factory=lambda: [0] * len(EMOTIONS))


class Resonance:
    """Snapshots in, one score out; each second costs one look at each viewer.

    Where everybody's reports are heard, no viewer is ever compared with their own past. A total
    does not tell who changed: there everybody's past counts, people stay as they are for a while,
    and the score errs on the low side, the less the larger the room.
    """

    def __init__(self) -> None:
        self._window: deque[_Second] = deque()
        self._counts = [0] * len(EMOTIONS)  # over the window
        self._pairs = Pairs()
        self._stays: dict[str, _Stay] = {}
        self._own = [0, 0]  # pairs of a viewer with their own past: all, and in the same mood

    def add(self, room: RoomSnapshot, at: float) -> None:
        """The room at `at` (epoch s). Of several snapshots in one second the first one counts."""
        t = int(at)
        while self._window and self._window[-1].t > t:  # the clock was set back
            self._count(self._window.pop(), -1)
        while self._window and self._window[0].t <= t - WINDOW_S:
            self._count(self._window.popleft(), -1)
        if not self._window or self._window[-1].t < t:
            second = _Second(t, room.counts, () if room.is_total else room.rows)
            self._window.append(second)
            self._count(second, 1)

    @property
    def score(self) -> float | None:
        """As of the newest second; None while fewer than two viewers are read, and at first."""
        if len(self._window) < LEAST_S or self._window[-1].shown < 2:
            return None
        return self._totals().score(len(self._window))

    def _totals(self) -> Pairs:
        own, own_same = self._own
        return Pairs(
            self._pairs.same,
            self._pairs.now,
            sum(count * count for count in self._counts) - own_same,
            sum(self._counts) ** 2 - own,
        )

    def _count(self, second: _Second, sign: int) -> None:
        """Into the sums of the window (`sign` 1), or out of them (-1)."""
        shown = second.shown
        self._pairs.now += sign * shown * (shown - 1)
        for code, count in enumerate(second.counts):
            self._counts[code] += sign * count
            self._pairs.same += sign * count * (count - 1)
        if not second.rows:
            self._own[0] += sign * shown
            self._own[1] += sign * shown
        for row in second.rows:
            if row.code.is_emotion:
                self._count_own(row.viewer_id, row.code, sign)

    def _count_own(self, viewer_id: str, code: Code, sign: int) -> None:
        stay = self._stays.get(viewer_id) or self._stays.setdefault(viewer_id, _Stay())
        # (n + sign)² - n²
        self._own[0] += 2 * sign * stay.seconds + 1
        self._own[1] += 2 * sign * stay.by_code[code] + 1
        stay.seconds += sign
        stay.by_code[code] += sign
        if not stay.seconds:
            del self._stays[viewer_id]
