"""What a room does at a broker: each figure is measured from outside, by this program's commands.

Seconds are upper bounds on a shared machine. None: not within the time that was given.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from brokers.program import Child, Line, Program, at_work
from brokers.running import Broker

FEW = 5  # are processes of their own, not an audience
STAYING = 3  # viewers who outlive the broker's restart
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How many people, and the seconds to wait for something before it is called missing."""

    small: int = 17
    big: int = 320
    enter_s: float = 40.0
    names_s: tuple[float, ...] = (1.0, 12.0)
    gone_s: float = 45.0
    ghosts_s: float = 15.0
    rows_s: float = 20.0
    stored_s: float = 5.0  # until brokers have what is retained in their stores
    freezes: bool = True  # also a frozen viewer, whom it takes long to miss


QUICK = Size(names_s=(1.0,), gone_s=28.0, rows_s=8.0)


def is_fact(line: Line, viewers: int) -> bool:
    """Whether the room is shown with that number, and nothing about it is provisional."""
    is_provisional = line.get("counting") or line.get("confirming")
    return line.get("type") == "room" and line["viewers"] == viewers and not is_provisional


def wrong_facts(child: Child, viewers: int, since: float) -> list[int]:
    """Numbers other than that one which it showed as facts from that moment on."""
    rooms = [line for at, line in child.lines if at >= since and line.get("type") == "room"]
    shown = [line["viewers"] for line in rooms if is_fact(line, line["viewers"])]
    return [each for each in shown if each != viewers]


def crowd(program: Program, viewers: int, within: float) -> Child:
    """An audience that is in the room, by its own count; raises TimeoutError."""
    audience = program.run("audience", "--viewers", str(viewers), "--stay", "600", "--json")
    is_in = audience.wait_for(lambda line: line["room"]["viewers"] >= viewers, within)
    if is_in is None:
        raise TimeoutError(f"{viewers} viewers did not get in")
    return audience


def seats(program: Program, viewers: int, within: float) -> list[Child]:
    """So many viewers, each a process: unlike an audience's, they answer roll calls."""
    people = [program.join(f"seat{number}") for number in range(viewers)]
    for each in people:
        if each.wait_for(lambda line: is_fact(line, viewers), within) is None:
            raise TimeoutError(f"{viewers} viewers did not get in")
    return people


def connected_at(child: Child, within: float) -> float:
    """Monotonic seconds of its first connection; raises TimeoutError."""
    took = child.wait_for(lambda line: line.get("status") == "connected", within)
    if took is None:
        raise TimeoutError("a viewer did not connect")
    return child.started_at + took


def arrive(program: Program, viewers: int, size: Size) -> tuple[Child, Figures]:
    """A late joiner, with whom they are so many: when it shows so, and what it showed before."""
    late = program.join("late")
    took = late.wait_for(lambda line: is_fact(line, viewers), size.enter_s)
    connected = connected_at(late, size.enter_s)
    # Own presence alone is what it knows before the broker has answered its subscription.
    wrong = wrong_facts(late, viewers, connected + 0.5)
    return late, {"right_s": _round(took), "wrong_facts": len(wrong), "first": wrong[:1]}


def measure_few(program: Program, size: Size) -> Figures:
    """A late joiner among a few people, who answer a roll call."""
    seats(program, min(FEW, size.small), size.enter_s)
    figures = arrive(program, min(FEW, size.small) + 1, size)[1]
    return {f"few_{key}": value for key, value in figures.items()}


def measure_small(program: Program, size: Size) -> Figures:
    """A small room: a late joiner, names, who leaves, is killed, freezes."""
    (seats if size.small <= FEW else crowd)(program, size.small, size.enter_s)
    late, figures = arrive(program, size.small + 1, size)
    found: Figures = {f"late_{key}": value for key, value in figures.items()}
    connected = connected_at(late, size.enter_s)
    for after in size.names_s:
        _sleep_until(connected + after)
        found[f"named_{after:.0f}s"] = late.last("room", connected + after).get("named")
    ends = {"leave_s": Child.end, "kill_s": Child.kill, "frozen_s": Child.freeze}
    if not size.freezes:
        del ends["frozen_s"]
    victims = [program.join(name.removesuffix("_s")) for name in ends]
    here = size.small + 1 + len(victims)
    late.wait_for(lambda line: is_fact(line, here), size.enter_s, time.monotonic())
    for victim, (name, end) in zip(victims, ends.items(), strict=True):
        here, now = here - 1, time.monotonic()
        end(victim)
        took = late.wait_for(lambda line, here=here: is_fact(line, here), size.gone_s, now)
        found[name] = _round(took)
    return found


def measure_recorder(program: Program, size: Size) -> Figures:
    """A recorder that comes into a steady room: its rows that say another number."""
    crowd(program, size.small, size.enter_s)
    recorder = program.run("log", "--duration", str(size.rows_s))
    while recorder.is_running:
        time.sleep(0.1)
    rows = program.rows(recorder)
    return {"rows": len(rows), "rows_wrong": _wrong(rows, size.small)}


def measure_restart(program: Program, broker: Broker, size: Size) -> Figures:
    """The broker dies with a part of its room and is started on its store; some stay, one comes."""
    everybody = seats(program, size.small + STAYING, 2 * size.enter_s)
    dying, staying = everybody[STAYING:], everybody[:STAYING]
    recorder = program.run("log")
    time.sleep(size.stored_s)
    broker.kill()
    for each in dying:  # after it, so that it sends no wills
        each.kill()
    broker.start()
    up = time.monotonic()
    late = program.join("late")
    beginner = program.run("log")
    here = STAYING + 1
    took = [each.wait_for(lambda line: is_fact(line, here), 45.0, up) for each in (*staying, late)]
    _sleep_until(up + size.ghosts_s)
    ghosts = [_ghosts(each, here, up + size.ghosts_s) for each in (*staying, late)]
    newcomer = program.join("later")
    first = connected_at(newcomer, size.enter_s)
    _sleep_until(first + 1.0)
    figures: Figures = {
        "restart_right_s": _round(None if None in took else max(each or 0.0 for each in took)),
        "ghosts_15s": max(ghosts),
        "ghosts_for_the_next": _ghosts(newcomer, here + 1, first + 1.0),
    }
    is_recording = recorder.is_running
    for each in (recorder, beginner):
        each.end()
    rows = program.rows(beginner)
    wrong = sum(1 for each in rows if each not in (None, here, here + 1))
    return {
        **figures,
        "log_survives": is_recording,
        "restart_rows": len(rows),
        "restart_rows_wrong": wrong,
    }


def measure_big(program: Program, size: Size) -> Figures:
    """320: a late joiner; then an aggregator counts them, another takes its place, one comes."""
    crowd(program, size.big, 3 * size.enter_s)
    late, figures = arrive(program, size.big + 1, size)
    found: Figures = {f"big_late_{key}": value for key, value in figures.items()}
    counting = program.run("aggregate")
    took = late.wait_for(
        lambda line: line.get("mode") == "total" and is_fact(line, size.big + 1),
        size.enter_s,
        counting.started_at,
    )
    found["total_right_s"] = _round(took)
    if took is None:
        return found
    later, figures = arrive(program, size.big + 2, size)
    found["total_late_s"] = figures["right_s"]
    next_one = program.run("aggregate")
    time.sleep(3.0)
    now = time.monotonic()
    counting.kill()
    _sleep_until(now + 15.0)
    wrong = wrong_facts(later, size.big + 2, now)
    found |= {
        "replaced_wrong_facts": len(wrong),
        "replaced_lowest": min(wrong, default=size.big + 2),
    }
    next_one.end()
    return found


def in_room(checkout: Path, broker: Broker, what: str, size: Size) -> Figures:
    """One of MEASURES in a room of its own; where it did not work, why, under `failed`."""
    with at_work(checkout, broker.url, f"bench-{uuid4().hex[:8]}") as program:
        try:
            if what == "restart":
                return measure_restart(program, broker, size)
            return MEASURES[what](program, size)
        except (TimeoutError, OSError) as problem:
            return {"failed": f"{what}: {problem}"}


MEASURES = {
    "few": measure_few,
    "small": measure_small,
    "recorder": measure_recorder,
    "big": measure_big,
}
WHAT = (*MEASURES, "restart")  # the last one, since the broker dies in it


def _ghosts(child: Child, here: int, at: float) -> int:
    """By how many its figure of that moment is beyond those who are there; 0 where it is none."""
    line = child.last("room", at)
    is_shown = bool(line) and is_fact(line, line["viewers"])
    return max(0, line["viewers"] - here) if is_shown else 0


def _wrong(rows: list[int | None], here: int) -> int:
    return sum(1 for each in rows if each not in (None, here))


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
