"""bench_room's figures as a table and as JSON, and what they mean for how many viewers fit."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

EVERY_S, NAIVE_EVERY_S = 5.0, 1.0  # between two reports of a viewer
QUOTA_USER, QUOTA_PROJECT = 60, 300  # a minute, reads and writes each: Google's published limits


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU in microseconds of one core, latencies in milliseconds."""

    kind: str
    viewers: int
    reports_s: float
    deliveries_s: float
    to_one_ms: tuple[float, float] | None  # median, p99
    to_all_ms: tuple[float, float] | None
    reached_all: float | None  # share of the reports that every peer heard
    samples: int
    broker_us_report: float
    broker_us_delivery: float
    broker_core: float  # share of one core
    aggregator_us_report: float | None
    viewer_us_report: float | None  # that it heard
    viewer_core: float
    load_core: float


# --- ways side by side -------------------------------------------------------------------------


def through_a_sheet(every_s: float) -> tuple[int, int]:
    """How many viewers fit who each read and write one sheet so often: with one account for all,
    and with an account each. One read shows everybody; so reads and writes are equally many."""
    a_minute = 60 / every_s
    return int(QUOTA_USER / a_minute), int(QUOTA_PROJECT / a_minute)


def fit_in_a_mesh(us_delivery: float, every_s: float) -> int:
    """For how many one core of the broker suffices: n viewers cause n * n deliveries."""
    return int(math.sqrt(1e6 / us_delivery * every_s))


def ways(rooms: list[Measured]) -> list[tuple[str, str, str]]:
    """Name, viewers that fit, what bounds it."""
    found: list[tuple[str, str, str]] = []
    for every_s in (NAIVE_EVERY_S, EVERY_S):
        shared, own = through_a_sheet(every_s)
        bound = f"quota: {QUOTA_USER} a minute and user, {QUOTA_PROJECT} a project"
        name = f"one sheet, read and written every {every_s:.0f} s"
        found.append((name, f"{shared} with one account, {own} with one each", bound))
    for kind, every_s in (("naive mesh", NAIVE_EVERY_S), ("mesh", EVERY_S)):
        costs = [each.broker_us_delivery for each in rooms if each.kind == kind]
        cost = costs[-1] if costs else None
        if cost:
            bound = f"one core of the broker at {cost} µs a delivery"
            found.append(
                (f"{kind}, every {every_s:.0f} s", str(fit_in_a_mesh(cost, every_s)), bound)
            )
    large = [each for each in rooms if each.kind == "aggregated"]
    if large and large[-1].broker_core:
        most = int(large[-1].viewers / large[-1].broker_core)
        bound = f"one core of the broker at {large[-1].broker_core:.0%} for {large[-1].viewers}"
        found.append(("aggregated, every 5 s", f"{most:,}", bound))
    return found


# --- telling -----------------------------------------------------------------------------------

HEAD = (
    "| room | viewers | reports a second | deliveries a second | to one peer, ms (p99) "
    "| to all peers, ms (p99) | broker µs a report (a delivery) | broker, of a core "
    "| aggregator µs a report | viewer µs a report heard | viewer, of a core |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
)


def line(room: Measured) -> str:
    all_of = "" if room.reached_all in (None, 1.0) else f", {room.reached_all:.0%} of them"
    cells = (
        room.kind,
        f"{room.viewers:,}",
        f"{room.reports_s:,.0f}",
        f"{room.deliveries_s:,}",
        pair(room.to_one_ms),
        pair(room.to_all_ms) + all_of,
        f"{room.broker_us_report:,.0f} ({room.broker_us_delivery:.0f})",
        f"{room.broker_core:.1%}",
        maybe(room.aggregator_us_report),
        maybe(room.viewer_us_report),
        f"{room.viewer_core:.1%}",
    )
    return f"| {' | '.join(cells)} |"


def pair(value: tuple[float, float] | None) -> str:
    return f"{value[0]:,.1f} ({value[1]:,.1f})" if value else ""


def maybe(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def as_json(about: str, rooms: list[Measured]) -> str:
    side: list[dict[str, Any]] = [
        {"way": way, "viewers": viewers, "bound": bound} for way, viewers, bound in ways(rooms)
    ]
    return json.dumps({"machine": about, "rooms": list(map(asdict, rooms)), "ways": side}, indent=1)


def as_markdown(about: str, rooms: list[Measured]) -> str:
    side = [f"| {way} | {viewers} | {bound} |" for way, viewers, bound in ways(rooms)]
    busiest = max(room.load_core for room in rooms)
    return "\n".join(
        (
            f"{about}; the load itself took up to {busiest:.0%} of a core.\n",
            *(HEAD, *map(line, rooms), ""),
            *("| way | viewers that fit | bound by |", "|---|--:|---|", *side),
        )
    )
