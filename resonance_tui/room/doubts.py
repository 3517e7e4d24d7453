"""Who is there by what a broker had kept, by the age of the report: for all who count people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.uptime import Uptime

RETURN_S = 4.0  # beyond a heartbeat: for viewers to reconnect to a broker that was down
CONFIRM_S = 1.0  # beyond a heartbeat: for everybody's next report

K = TypeVar("K")  # by what a viewer is known


class Doubts(Generic[K]):
    """Viewers who may have gone unnoticed: known from a report that the broker had kept, or from
    before the connection was lost. Until `look` says more they count as present.

    Times are the receiver's monotonic seconds. `stale_after_s`: by then a living viewer has
    reported again.
    """

    def __init__(self, stale_after_s: float | None = None) -> None:
        """`stale_after_s`: by default that of a room without settings."""
        self.stale_after_s = (
            RoomSettings().stale_after_s if stale_after_s is None else stale_after_s
        )
        self.uptime = Uptime()
        self._made_at: dict[K, float | None] = {}  # the report that the broker keeps
        self._until = math.inf

    def __len__(self) -> int:
        return len(self._made_at)

    def __iter__(self) -> Iterator[K]:
        return iter(self._made_at)

    def __contains__(self, who: K) -> bool:
        return who in self._made_at

    def lose(self, present: Iterable[K]) -> None:
        """Disconnected: everybody may leave unnoticed from now on."""
        self._made_at, self._until = dict.fromkeys(present), math.inf
        self.uptime.lose()

    def end_at(self, then: float) -> None:
        """Reconnected: who is still in doubt then has gone."""
        self._until = then

    def believes(self, age_s: float | None) -> bool:
        """Whether the sender of a kept report of this age counts as present, in doubt. None: the
        broker does not tell, so that it may be of long ago."""
        return age_s is not None and age_s < self.stale_after_s

    def add(self, who: K, made_at: float) -> None:
        """Present by a report that the broker keeps since then."""
        self._made_at[who] = made_at

    def settle(self, who: K) -> None:
        """It was heard live, or has gone."""
        self._made_at.pop(who, None)

    def look(self, now: float) -> list[tuple[K, float | None]]:
        """Who has gone, and when the report was made of one who may yet be late. Those whom the
        broker vouches for are in doubt no longer."""
        gone: list[tuple[K, float | None]] = []
        for who, made_at in list(self._made_at.items()):
            if made_at is not None and self.uptime.covers(made_at):
                self.settle(who)
            elif now >= self._until:
                gone.append((who, None))
            elif made_at is not None and now - made_at >= self.stale_after_s:
                gone.append((who, made_at))
        for who, _ in gone:
            self.settle(who)
        return gone
