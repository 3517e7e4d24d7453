"""One broker measured: what it can do, and what a room does there with one or two checkouts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from brokers.errors import NotHere
from brokers.kits import Kit, serving
from brokers.probe import probe
from brokers.rooms import QUICK, WHAT, Size, in_room

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure of each broker."""

    checkouts: dict[str, Path]  # by the name that they have in the tables
    rooms: Sequence[str] = WHAT
    rounds: int = 1
    is_quick: bool = False

    @property
    def size(self) -> Size:
        return QUICK if self.is_quick else Size()


@dataclass
class Measured:
    """`missing`: why it could not be run; then there are no figures."""

    name: str
    title: str
    source: str
    version: str = ""
    date: str = ""
    load: float = 0.0  # of the machine, one minute's mean, when it was done
    missing: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict[str, Any])
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


def measure(kit: Kit, folder: Path, plan: Plan, say: Say) -> Measured:
    """Fetch it, start it, ask it, and fill its rooms; checkouts take turns."""
    found = Measured(kit.name, kit.title, kit.source, date=time.strftime("%Y-%m-%d"))
    try:
        found.version = kit.fetch(folder / kit.name)
        with serving(kit, folder) as broker:
            say(f"{kit.title} {found.version}: capabilities")
            found.capabilities = probe(broker.place.port, kit.login)
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in plan.checkouts}
            for what in [each for each in plan.rooms for _ in range(plan.rounds)]:
                for name, checkout in plan.checkouts.items():
                    say(f"{kit.title} {found.version}: {what}, {name}")
                    runs[name].append(in_room(checkout, broker, what, plan.size))
            found.rooms = {name: merged(figures) for name, figures in runs.items()}
    except NotHere as problem:
        found.missing = str(problem)
    found.load = round(os.getloadavg()[0], 1)
    return found


def merged(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One value a figure: the median of numbers, else the last; None where any is None."""
    keys = dict.fromkeys(key for run in runs for key in run)
    return {key: _middle([run[key] for run in runs if key in run]) for key in keys}


def _middle(values: Sequence[Any]) -> Any:
    if None in values:
        return None
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in values):
        return values[-1]
    return round(median(values), 1) if len(values) > 1 else values[0]
