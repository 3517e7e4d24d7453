"""How far long work has come, told while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Done = Callable[[float], None]  # takes the share of the work that is done, 0-1
Report = Callable[[str, float], None]  # takes what is being done, and the share of it that is


def told(
    things: Iterable[T], count: int, done: Done, start: float = 0.0, end: float = 1.0
) -> Iterator[T]:
    """`things`, of which there are `count`; `done` hears after each how far it is, from `start` to
    `end`."""
    for index, thing in enumerate(things, 1):
        yield thing
        done(start + (end - start) * index / count)
