"""Silence of the line is not silence of the viewers: in virtual time, with a room of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.events import ReportEvent
from resonance_tui.protocol.values import Report
from resonance_tui.room.room_clock import GRACE_S, RoomClock
from resonance_tui.session.room_model import RoomModel

LOOK_S, ANSWER_S, CHECK_EVERY_S = 0.25, 0.05, 1.0


@dataclass
class Audience:
    """Viewers who report every nine seconds, and one who watches. `stall`: from when until when
    nothing comes through; what was sent meanwhile comes right after it."""

    names: str
    stall: tuple[float, float] = (0.0, 0.0)
    sleeps: tuple[float, float] = (0.0, 0.0)  # when the watching program itself stands still
    frozen: dict[str, float] = field(default_factory=dict[str, float])  # since when
    late_s: float = 0.0  # of every second heartbeat
    seen: dict[float, int] = field(default_factory=dict[float, int])

    def watch(self, until: float) -> None:
        room, clock, asked_at, answer_at, ask_next = RoomModel(), RoomClock(), None, 0.0, 0.0
        due = sorted(self._reports(until))
        now = 0.0
        while now < until:
            if self.sleeps[0] <= now < self.sleeps[1]:
                now = self.sleeps[1]
            if asked_at is not None and now >= answer_at:
                asked_at, ask_next = None, now + CHECK_EVERY_S
            at = clock.at(now, asked_at=asked_at)
            while due and due[0][0] <= now:
                _, name, seq = due.pop(0)
                report = Report(1, seq, Emotion.FEAR, 50)
                room.take(ReportEvent("room", name, report), at)
            room.connected(True, at)
            self.seen[now] = room.look(at, None).viewers
            if room.awaits_somebody and asked_at is None and now >= ask_next:
                asked_at, answer_at = now, self._through(now + ANSWER_S)
            now += LOOK_S

    def _reports(self, until: float) -> list[tuple[float, str, int]]:
        found: list[tuple[float, str, int]] = []
        for number, name in enumerate(self.names):
            sent, seq = 9.0 * number / len(self.names), 1
            while sent < min(until, self.frozen.get(name, until)):
                found.append((self._through(sent + self.late_s * (seq % 2)), name, seq))
                sent, seq = sent + 9.0, seq + 1
        return found

    def _through(self, at: float) -> float:
        began, ended = self.stall
        return ended + 0.2 if began <= at < ended else at

    def least(self, since: float) -> int:
        return min(viewers for at, viewers in self.seen.items() if at >= since)

    def gone_at(self, viewers: int, since: float) -> float:
        """When no more than so many were seen."""
        return next(at for at, seen in self.seen.items() if at >= since and seen <= viewers)


@pytest.mark.parametrize("names", ["ab", "abcdefghijkl"])
@pytest.mark.parametrize("began", [20.0, 23.5, 27.0, 29.9])
@pytest.mark.parametrize("lasted", [5.0, 8.0])
def test_a_stalled_broker_empties_no_room(names: str, began: float, lasted: float) -> None:
    audience = Audience(names, stall=(began, began + lasted))
    audience.watch(60)
    assert audience.least(10) == len(names)


@pytest.mark.parametrize("slept", [2.0, 8.0, 40.0])
def test_who_wakes_up_does_not_take_everybody_for_gone(slept: float) -> None:
    audience = Audience("abcdef", sleeps=(20.0, 20.0 + slept))
    audience.watch(90)
    assert audience.least(10) == 6


@pytest.mark.parametrize("frozen_at", [18.1, 22.5, 26.9])
def test_a_room_of_two_loses_a_frozen_peer_within_15_s(frozen_at: float) -> None:
    audience = Audience("ab", frozen={"b": frozen_at})
    audience.watch(60)
    assert audience.gone_at(1, since=10) - frozen_at <= 15
    assert audience.least(10) == 1


def test_a_machine_whose_heartbeats_are_three_seconds_late_does_not_blink() -> None:
    audience = Audience("abc", late_s=3.0)
    audience.watch(90)
    assert audience.least(15) == 3


def test_who_froze_during_a_stall_is_gone_15_s_the_stall_and_a_grace_later() -> None:
    audience = Audience("abcd", stall=(20.0, 28.0), frozen={"b": 20.0})
    audience.watch(60)
    assert audience.gone_at(3, since=10) <= 20 + 15 + 8 + GRACE_S
    assert audience.least(10) == 3


def test_a_line_that_always_takes_long_to_answer_only_slows_the_clock() -> None:
    clock, now, asked_at = RoomClock(), 0.0, 0.0
    while now < 60:
        if now - asked_at >= 2 + CHECK_EVERY_S:
            asked_at = now
        clock.at(now, asked_at=asked_at if now - asked_at < 2 else None)
        now += LOOK_S
    assert 15 < clock.at(now, asked_at=None) < 40


def test_the_clock_never_falls_and_stands_still_without_a_connection() -> None:
    clock = RoomClock()
    times = [clock.at(now, asked_at=None, is_connected=not 3 <= now < 6) for now in range(2, 10)]
    assert times == sorted(times)
    assert times[1] == times[2] == times[3] == times[0]
    clock.begin(30)
    assert clock.at(31, asked_at=None) == times[-1] + 1


@pytest.mark.parametrize("late_s", [1.2, 4.0, 7.9])
def test_a_broker_that_always_answers_late_keeps_nobody_for_ever(late_s: float) -> None:
    clock, now, ask_next = RoomClock(), 0.0, 1.0
    asked_at: float | None = None
    began = clock.at(now, asked_at=None)
    while now < 200:
        now += LOOK_S
        if asked_at is not None and now >= asked_at + late_s:
            asked_at, ask_next = None, now + CHECK_EVERY_S
        elif asked_at is None and now >= ask_next:
            asked_at = now
        clock.at(now, asked_at=asked_at)
    assert clock.at(now, asked_at=asked_at) - began >= 80
