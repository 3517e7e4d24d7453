"""A room on several brokers, its edges: each counts its own viewers, and the room is their sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Aside, AsidePartial, Asked, total_of
from resonance_tui.protocol.values import SHARDS, Counts, Partial
from resonance_tui.room.tally import PartialTable

EDGES_MOST = 64


@dataclass(frozen=True, slots=True)
class Sum:
    """The room's nine counts, and how complete they are."""

    counts: Counts
    edges: int = 0  # that are included
    is_whole: bool = False  # no edge is still waited for


@dataclass(slots=True)
class _Edge:
    table: PartialTable
    awaited_since: float  # monotonic seconds; -inf for one known to be down
    heard_at: float = -math.inf


class Edges:
    """One `PartialTable` for each edge. Times are the receiver's own monotonic seconds.

    A viewer is connected to one edge at a time, so edges are added up, while the agents of one
    edge share its shards among themselves. An edge that has been silent for `silent_after`
    seconds, or that is known to be `down`, is left out: its viewers go to other edges and
    are counted there. `home`: the edge of the aggregator that adds up; "" where there is only one.
    """

    def __init__(self, home: str = "", *, ttl: float = 30.0, silent_after: float = 7.5) -> None:
        self.home = home
        self.silent_after = silent_after
        self._ttl = ttl
        self._edges: dict[str, _Edge] = {}

    @property
    def ttl(self) -> float:
        """Seconds for which a partial is believed."""
        return self._ttl

    @ttl.setter
    def ttl(self, seconds: float) -> None:
        self._ttl = seconds
        for edge in self._edges.values():
            edge.table.ttl = seconds

    def begin(self, name: str, agent_id: str, boot: int, now: float) -> None:
        """An agent announced itself: its edge is waited for."""
        if edge := self._of(name, agent_id, now):
            edge.table.begin(agent_id, boot)

    def post(self, name: str, agent_id: str, partial: Partial, now: float) -> bool:
        """False for a partial that is not newer, or of too many edges or agents."""
        edge = self._of(name, agent_id, now)
        if edge is None or not edge.table.post(agent_id, partial, now):
            return False
        edge.heard_at = now
        return True

    def post_aside(self, name: str, agent_id: str, partial: AsidePartial, now: float) -> bool:
        """As `post`; an edge that is not known yet has counted nobody."""
        edge = self._edges.get(name)
        return edge is not None and edge.table.post_aside(agent_id, partial, now)

    def _of(self, name: str, agent_id: str, now: float) -> _Edge | None:
        """The edge; at all others this agent no longer counts."""
        if name not in self._edges:
            self._expire(now)
            if len(self._edges) >= EDGES_MOST and name != self.home:
                return None
            self._edges[name] = _Edge(PartialTable(ttl=self._ttl), now)
        for other, edge in self._edges.items():
            if other != name:
                edge.table.forget(agent_id)
        return self._edges[name]

    def _expire(self, now: float) -> None:
        for name in [each for each, edge in self._edges.items() if _age(edge, now) >= self._ttl]:
            del self._edges[name]

    def down(self, name: str) -> None:
        """An edge has gone. Its counts are dropped, until it sends new ones."""
        if name in self._edges and name != self.home:
            self._edges[name] = _Edge(PartialTable(ttl=self._ttl), -math.inf)

    def is_out(self, name: str, now: float) -> bool:
        """Whether an edge is down, or silent: then its agents own nothing of the room."""
        edge = self._edges.get(name)
        return name != self.home and (edge is None or _age(edge, now) >= self.silent_after)

    def start_over(self, now: float) -> None:
        """After a lost connection: viewers may have moved between edges, so all counts are dropped,
        and every edge is waited for again."""
        for name in self._edges:
            self._edges[name] = _Edge(PartialTable(ttl=self._ttl), now)

    def holder(self, shard: int, live: Collection[str], now: float) -> str | None:
        """The agent whose count of this shard of the home edge is read; None without a count."""
        edge = self._edges.get(self.home)
        return edge.table.holder(shard, live, now) if edge else None

    def total(self, live: Mapping[str, Collection[str]], now: float) -> Sum:
        """The sum. `live`: the agents that are present, by their edges."""
        self._expire(now)
        sums, counted, is_whole = [0] * len(Emotion), 0, self.home in self._edges
        for name, edge in self._edges.items():
            if self.is_out(name, now):
                continue
            counts, covered = edge.table.total(live.get(name, ()), now)
            sums = [one + other for one, other in zip(sums, counts, strict=True)]
            counted += covered > 0
            is_waited_for = name == self.home or now - edge.awaited_since < self.silent_after
            is_whole = is_whole and (covered == SHARDS or not is_waited_for)
        return Sum(tuple(sums), counted, is_whole)

    def aside(
        self, live: Mapping[str, Collection[str]], now: float, asked: Asked | None = None
    ) -> Aside:
        """What is counted beside `total`, of the same edges; answers as in `total_of`."""
        asides = (
            edge.table.aside(live.get(name, ()), now, asked)
            for name, edge in self._edges.items()
            if not self.is_out(name, now)
        )
        return total_of(asides, asked)


def _age(edge: _Edge, now: float) -> float:
    return now - max(edge.heard_at, edge.awaited_since)
