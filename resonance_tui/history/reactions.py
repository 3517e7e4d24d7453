"""Reactions that were sent with keys, stored by the second beside the rows of a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resonance_tui.history.store import Store
from resonance_tui.reaction_kinds import NO_REACTIONS, Reaction

# Two programs may record one room into one database: they heard the same, or one heard less.
_KEEP = """
INSERT INTO reaction VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = max(count, excluded.count)
"""
_READ = """
SELECT t, kind, count FROM reaction WHERE channel = ? AND t BETWEEN ? AND ? ORDER BY t, kind
"""


@dataclass(frozen=True, slots=True)
class ReactionSecond:
    """What the room sent in the second `t` (epoch s)."""

    t: int
    counts: tuple[int, ...]  # eight, in the order of `Reaction`


def keep_reactions(store: Store, channel: str, t: int, counts: Sequence[int]) -> None:
    """Store those of one second; again does no harm. Raises StoreError."""
    rows = [(channel, t, kind, counts[kind]) for kind in Reaction if counts[kind]]
    with store.transaction() as db:
        db.executemany(_KEEP, rows)


def reaction_seconds(store: Store, channel: str, first: float, last: float) -> list[ReactionSecond]:
    """The seconds of a range (epoch s, both included) in which something was sent, the oldest
    first. Raises StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last)).fetchall()
    found: dict[int, list[int]] = {}
    for t, kind, count in rows:
        if kind < len(Reaction):  # else of a later version
            found.setdefault(t, list(NO_REACTIONS))[kind] += count
    return [ReactionSecond(t, tuple(counts)) for t, counts in found.items() if any(counts)]


def summed(seconds: Iterable[ReactionSecond]) -> tuple[int, ...]:
    """All of them, by kind."""
    total = list(NO_REACTIONS)
    for second in seconds:
        for kind, count in enumerate(second.counts):
            total[kind] += count
    return tuple(total)
