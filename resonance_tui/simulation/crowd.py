"""The simulated crowd in its room: who comes, speaks and goes when, over which connection."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import encode_nickname, encode_report
from resonance_tui.protocol.messages import NICKNAME, REPORT
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.values import SIMULATED, Report
from resonance_tui.simulation.behaviour import (
    SimulatedMood,
    Visit,
    crowd,
    first_visit,
    next_visit,
)
from resonance_tui.simulation.simulated_connection import Route, SimulatedConnection

CONNECTS_PER_S = 500  # Mosquitto's listen backlog holds 100: who finds it full waits for a second
LEAVES_PER_S = 2000  # a broker drops what a bystander cannot read fast enough
NAMED = 500  # so many have a nickname; in larger crowds most people are anonymous
_HEARTBEAT_S = 10.0
_TICK_S = 0.1
_DIALLING = 32  # connections that are being made at the same time
_KNOCK_AGAIN_S = 0.25
_ARRIVE_WITHIN_S = 3.0  # at least
_GONE_WITHIN_S = 4.0


@dataclass(slots=True)
class _SimulatedViewer:
    """A simulated viewer's place in the room; when one goes, another takes it."""

    viewer: SimulatedMood
    visit: Visit
    line: SimulatedConnection
    viewer_id: str
    is_in: bool = False
    is_named: bool = False
    seq: int = 0
    sent_at: float = 0.0
    shown: Emotion = Emotion.AWAY  # what it last published while it is in


class SimulatedCrowd:
    """`size` viewers, the same for the same seed, each over its own line or over a shared one.

    `stay_s`: how long they stay on average. Times are seconds since the show began.
    """

    def __init__(
        self, route: Route, channel: str, size: int, seed: int, *, lines: int, stay_s: float
    ) -> None:
        self.sent = 0  # reports
        self.lost = 0  # connections that broke
        self.turned_away = 0  # connections that the broker did not let in, or not in time
        self.alive = 0  # viewers in the room
        self.shown = [0] * len(Emotion)  # of those, what they show
        self.is_leaving = False
        self._channel = channel
        self._route = route
        self._stay_s = stay_s
        self._is_shared = lines < size
        self._boot = int(time.time())
        self._rng = random.Random(f"visits {seed}")
        self._lines = [self._new_line() for _ in range(lines)]
        within = max(_ARRIVE_WITHIN_S, size / CONNECTS_PER_S)
        self._seats = [
            _SimulatedViewer(
                viewer,
                first_visit(self._rng, within, stay_s),
                self._lines[number % lines],
                new_viewer_id(),
                is_named=number < NAMED,
            )
            for number, viewer in enumerate(crowd(size, seed))
        ]
        self._door: asyncio.Queue[_SimulatedViewer] = asyncio.Queue()
        self._dialled: set[SimulatedConnection] = (
            set()
        )  # lines somebody is dialling, or waits to dial again
        self._next_dial_at = 0.0

    async def run(self) -> None:
        """Until cancelled. Nothing is published that did not change, but for the heartbeat."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(_DIALLING):
                tasks.create_task(self._keep_dialling(), name=f"crowd door {number}")
            tasks.create_task(self._perform(), name="crowd stage")

    async def leave(self) -> None:
        """Takes the whole crowd out of the room; bounded, whatever the broker does."""
        self.is_leaving = True
        for number, seat in enumerate(self._seats):
            if seat.is_in:
                self._clear(seat)
            if number % (LEAVES_PER_S // 10) == LEAVES_PER_S // 10 - 1:
                await asyncio.sleep(0.1)
        lines = {*self._lines, *(seat.line for seat in self._seats)}
        for line in lines:
            line.close()
        ends = time.monotonic() + _GONE_WITHIN_S
        while not all(line.is_gone for line in lines) and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        for line in lines:
            line.abort()

    # --- the stage -----------------------------------------------------------------------------

    async def _perform(self) -> None:
        started = time.monotonic()
        agenda = [(seat.visit.arrives_at, number) for number, seat in enumerate(self._seats)]
        heapify(agenda)
        while True:
            now = time.monotonic() - started
            while agenda and agenda[0][0] <= now:
                _, number = heappop(agenda)
                # A step ahead in any case: nobody may hold the loop for ever.
                due = max(self._act(self._seats[number], now), now + _TICK_S / 2)
                heappush(agenda, (due, number))
            if self._is_shared:
                for line in self._lines:
                    line.keep_alive()
            await asyncio.sleep(_TICK_S)

    def _act(self, seat: _SimulatedViewer, now: float) -> float:
        """One seat's turn; when it wants the next."""
        if not seat.line.is_up:
            if seat.is_in:
                self._count_out(seat)
            self._ask_in(seat)
            return now + _KNOCK_AGAIN_S
        if not seat.is_in:
            self._enter(seat, now)
        elif now >= seat.visit.leaves_at:
            self._go(seat, now)
            return seat.visit.arrives_at
        elif not seat.line.is_ready:
            return now + _KNOCK_AGAIN_S
        if seat.viewer.step(now) or now - seat.sent_at >= _HEARTBEAT_S:
            self._report(seat, now)
        return min(seat.viewer.until, seat.sent_at + _HEARTBEAT_S, seat.visit.leaves_at)

    def _enter(self, seat: _SimulatedViewer, now: float) -> None:
        seat.is_in = True
        seat.viewer.until = now  # they step in with a feeling
        seat.shown = seat.viewer.code
        self.alive += 1
        self.shown[seat.shown] += 1
        if seat.is_named:
            topic = NICKNAME.topic.of(self._channel, seat.viewer_id)
            seat.line.say(topic, encode_nickname(seat.viewer.nickname), NICKNAME.expiry_s)

    def _report(self, seat: _SimulatedViewer, now: float) -> None:
        viewer = seat.viewer
        seat.seq, seat.sent_at = seat.seq + 1, now
        report = Report(self._boot, seat.seq, viewer.code, viewer.confidence, SIMULATED)
        topic = REPORT.topic.of(self._channel, seat.viewer_id)
        seat.line.say(topic, encode_report(report), REPORT.expiry_s)
        self.shown[seat.shown] -= 1
        self.shown[viewer.code] += 1
        seat.shown = viewer.code
        self.sent += 1

    def _go(self, seat: _SimulatedViewer, now: float) -> None:
        """The seat is free for somebody else, who comes as a new client under a new id."""
        self._clear(seat)
        if not self._is_shared:
            seat.line.close()
            seat.line = self._new_line()
        seat.viewer_id, seat.seq = new_viewer_id(), 0
        seat.visit = next_visit(self._rng, now, self._stay_s)

    def _clear(self, seat: _SimulatedViewer) -> None:
        seat.line.say(REPORT.topic.of(self._channel, seat.viewer_id), b"")
        if seat.is_named:
            seat.line.say(NICKNAME.topic.of(self._channel, seat.viewer_id), b"")
        self._count_out(seat)

    def _count_out(self, seat: _SimulatedViewer) -> None:
        seat.is_in = False
        self.alive -= 1
        self.shown[seat.shown] -= 1

    # --- the door ------------------------------------------------------------------------------

    def _new_line(self) -> SimulatedConnection:
        return SimulatedConnection(self._route, self._count_lost)

    def _count_lost(self) -> None:
        self.lost += 1

    def _ask_in(self, seat: _SimulatedViewer) -> None:
        if seat.line not in self._dialled:
            self._dialled.add(seat.line)
            self._door.put_nowait(seat)

    async def _keep_dialling(self) -> None:
        while True:
            seat = await self._door.get()
            line = seat.line
            await self._wait_for_a_turn()
            if not await self._dial(seat):
                self.turned_away += 1
                await asyncio.sleep(random.uniform(0.5, 2.0))  # a broker in trouble gets a rest
            self._dialled.discard(line)

    async def _wait_for_a_turn(self) -> None:
        """Connections are made at random moments, at a bounded rate."""
        now = time.monotonic()
        gap = random.uniform(0.5, 1.5) / CONNECTS_PER_S
        self._next_dial_at = max(now, self._next_dial_at) + gap
        await asyncio.sleep(self._next_dial_at - now)

    async def _dial(self, seat: _SimulatedViewer) -> bool:
        will = None if self._is_shared else REPORT.topic.of(self._channel, seat.viewer_id)
        name = new_viewer_id() if self._is_shared else seat.viewer_id
        try:
            return await seat.line.open(f"rsn-{name}", will)
        except (OSError, TimeoutError):
            return False
