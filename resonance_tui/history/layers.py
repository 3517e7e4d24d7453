"""Pure: late reactions to a recording, as layers that are counted once each, beside the live room.

A layer is how one person reacted to a recording later, second by second. Layers of several people
may come together as counts, which nobody can take apart again; the random names of the members say
whose reactions are in them, and nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_LAYERS = 5  # counts of fewer say how one person reacted
NAME_DIGITS = 32  # hexadecimal, of a member's name
COLUMNS = 10  # t, seven counts, unsure, away

Table = NDArray[np.int64]  # [N, COLUMNS], t strictly rising


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """How `members` reacted, counted together. In each row of `table`: `t`, the second of the live
    room (epoch s), and how many of them were in each state; at least one, at most all."""

    members: frozenset[str]
    table: Table
    is_own: bool = False  # made on this machine

    @property
    def people(self) -> int:
        return len(self.members)


def new_name() -> str:
    """A name for a new layer, which says nothing of who it is."""
    return secrets.token_hex(NAME_DIGITS // 2)


def as_table(rows: Iterable[Sequence[int]]) -> Table:
    return np.array(list(rows), np.int64).reshape(-1, COLUMNS)


def counted(layers: Iterable[Layer]) -> list[Layer]:
    """Those that make up the late room: no member is in two of them.

    Of two that share a member the one of more people stays, then the one of more seconds: counts
    cannot be taken apart. The answer depends neither on their order nor on how often one is there.
    """
    chosen: list[Layer] = []
    taken: set[str] = set()
    for layer in sorted(layers, key=_rank):
        if taken.isdisjoint(layer.members):
            chosen.append(layer)
            taken |= layer.members
    return chosen


def _rank(layer: Layer) -> tuple[int, int, list[str], bytes]:
    return -layer.people, -len(layer.table), sorted(layer.members), layer.table.tobytes()


def people_in(layers: Iterable[Layer]) -> int:
    """How many people's layers these are, each counted once."""
    return len(members_of(layers))


def members_of(layers: Iterable[Layer]) -> frozenset[str]:
    return frozenset(name for layer in layers for name in layer.members)


def total(layers: Iterable[Layer]) -> Table:
    """The counts of all of them by second. The layers must have no member in common."""
    tables = [layer.table for layer in layers]
    if not tables:
        return as_table([])
    joined = np.concatenate(tables)
    times, place = np.unique(joined[:, 0], return_inverse=True)
    found = np.zeros((len(times), COLUMNS), np.int64)
    found[:, 0] = times
    np.add.at(found[:, 1:], place.reshape(-1), joined[:, 1:])
    return found


def shown(table: Table) -> Table:
    """The seconds that LEAST_LAYERS people or more reacted to; the others stay hidden."""
    return table[table[:, 1:].sum(axis=1) >= LEAST_LAYERS]


def for_others(layers: Iterable[Layer]) -> list[Layer]:
    """What a file for others holds: the own layers as they are, and those of other people only as
    counts of LEAST_LAYERS or more, without the seconds of fewer. Own ones join the counts where
    the others alone are too few."""
    chosen = counted(layers)
    own = [layer for layer in chosen if layer.is_own]
    others = [layer for layer in chosen if not layer.is_own]
    large = [layer for layer in others if layer.people >= LEAST_LAYERS]
    small = [layer for layer in others if layer.people < LEAST_LAYERS]
    if small and people_in(small) < LEAST_LAYERS <= people_in([*own, *small]):
        own, small = [], [*own, *small]
    if people_in(small) >= LEAST_LAYERS:
        large.append(_together(small))
    hidden = [Layer(layer.members, shown(layer.table)) for layer in large]
    return [*own, *(layer for layer in hidden if len(layer.table))]


def _together(layers: Sequence[Layer]) -> Layer:
    return Layer(members_of(layers), total(layers))
