"""Pure: where reactions float at the edge of a screen: each rises from below and is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resonance_tui.reaction_kinds import NO_REACTIONS, Reaction

RISES_PER_S = 4.0  # lines
STAYS_S = 3.0  # where nothing moves
MOST = 60  # in the air; of more, the oldest go


@dataclass(frozen=True, slots=True)
class _Bubble:
    kind: Reaction
    count: int
    born_at: float


class Floating:
    """A total of eight counts that grows in; lines of a small column out. `now`: monotonic s."""

    def __init__(self, *, is_still: bool = False) -> None:
        """`is_still`: nothing moves; what was sent lately stands at the bottom."""
        self.is_still = is_still
        self._known: tuple[int, ...] | None = None
        self._bubbles: list[_Bubble] = []

    def take(self, total: Sequence[int], now: float) -> None:
        """`total`: as of a room's snapshot; of the first one nothing is new."""
        said = tuple(total) or NO_REACTIONS
        before, self._known = self._known, said
        for kind in Reaction:
            if before is not None and (count := said[kind] - before[kind]) > 0:
                self._bubbles.append(_Bubble(kind, count, now))
        del self._bubbles[:-MOST]

    def lines(self, now: float, height: int) -> list[tuple[Reaction, int] | None]:
        """Of each of `height` lines from top to bottom what is there: a kind and how many."""
        found: list[tuple[Reaction, int] | None] = [None] * height
        if not height:  # not laid out yet: nothing has been seen
            return found
        life_s = STAYS_S if self.is_still else height / RISES_PER_S
        self._bubbles = [each for each in self._bubbles if now - each.born_at < life_s]
        if self.is_still:
            return self._standing(found)
        for bubble in self._bubbles:
            at = height - 1 - int((now - bubble.born_at) * RISES_PER_S)
            at = next((line for line in range(at, -1, -1) if _is_free(found[line], bubble)), -1)
            if at >= 0:
                there = found[at]
                found[at] = (bubble.kind, bubble.count + (there[1] if there else 0))
        return found

    def _standing(
        self, found: list[tuple[Reaction, int] | None]
    ) -> list[tuple[Reaction, int] | None]:
        sums = dict.fromkeys(Reaction, 0)
        for bubble in self._bubbles:
            sums[bubble.kind] += bubble.count
        shown = [(kind, count) for kind, count in sums.items() if count][: len(found)]
        return [*found[: len(found) - len(shown)], *shown]


def _is_free(line: tuple[Reaction, int] | None, bubble: _Bubble) -> bool:
    return line is None or line[0] is bubble.kind
