"""The simulated crowd in its room: who arrives, reports and leaves when, over which connection."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import (
    encode_answer,
    encode_nickname,
    encode_reaction,
    encode_report,
)
from resonance_tui.protocol.messages import ANSWER, NICKNAME, REACTION, REPORT
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.values import Report
from resonance_tui.reaction_kinds import NO_REACTIONS
from resonance_tui.simulation.answers import CrowdAnswers
from resonance_tui.simulation.behaviour import (
    SimulatedMood,
    Visit,
    crowd,
    first_visit,
    next_visit,
    reaction_to,
    team_of,
)
from resonance_tui.simulation.simulated_connection import Route, SimulatedConnection
from resonance_tui.simulation.telling import Telling

CONNECTS_PER_S = (
    500  # Mosquitto's listen backlog holds 100: a connection that finds it full waits a second
)
LEAVES_PER_S = 2000  # a broker drops what an observer cannot read fast enough
NAMED = 500  # so many have a nickname; in larger crowds most people are anonymous
_HEARTBEAT_S = 10.0
_TICK_S = 0.1
_CONNECTORS = 32  # connections that are being made at the same time
_RETRY_S = 0.25
_ARRIVE_WITHIN_S = 3.0  # at least
_CLOSE_TIMEOUT_S = 4.0


@dataclass(slots=True)
class _SimulatedViewer:
    """One place in the room; when its viewer leaves, another takes it under a new id."""

    mood: SimulatedMood
    visit: Visit
    connection: SimulatedConnection
    viewer_id: str
    taste: float = 1.0  # 0 to 1: which team it joins
    is_in: bool = False
    is_named: bool = False
    has_answered: bool = False  # a question, so that an answer is to be cleared
    seq: int = 0
    sent_at: float = 0.0
    named_at: float = 0.0  # when it last said its nickname
    reactions: tuple[int, ...] = NO_REACTIONS  # sent so far
    shown: Emotion = Emotion.AWAY  # what it last published while it is in
    telling: Telling = field(default_factory=lambda: Telling(random.Random(0)))


class SimulatedCrowd:
    """`size` viewers, the same for the same seed, each over its own or a shared connection.

    `connections`: how many; fewer than `size` are shared. `stay_s`: how long a viewer stays on
    average. `repeats_names`: whether newcomers are not brought what was said once. `reacts`:
    whether the room's host lets people send reactions. `question`: what the host asks now, which
    the crowd answers. `teams`: how many it may join. `epsilon`: of private reports, None where they
    are open. Times are seconds since the start.
    """

    def __init__(
        self,
        route: Route,
        channel: str,
        size: int,
        seed: int,
        *,
        connections: int,
        stay_s: float,
        repeats_names: Callable[[], bool] = lambda: False,
        reacts: Callable[[], bool] = lambda: False,
        question: Callable[[], Question | None] = lambda: None,
        teams: Callable[[], int] = lambda: 0,
        epsilon: Callable[[], float | None] = lambda: None,
    ) -> None:
        self.sent = 0  # reports
        self.lost = 0  # connections that broke
        self.turned_away = 0  # connections that the broker did not let in, or not in time
        self.alive = 0  # viewers in the room
        self.shown = [0] * len(Emotion)  # of those, what they show
        self.is_leaving = False
        self._channel = channel
        self._route = route
        self._repeats_names, self._reacts = repeats_names, reacts
        self._reaction_rng = random.Random(f"reactions {seed}")
        self._question, self._teams, self._epsilon = question, teams, epsilon
        self._noise = random.Random(f"noise {seed}")
        self._stay_s = stay_s
        self._is_shared = connections < size
        self._boot = int(time.time())
        self._answers = CrowdAnswers(size, seed, self._boot)
        self._rng = random.Random(f"visits {seed}")
        self._connections = [self._new_connection() for _ in range(connections)]
        tastes = random.Random(f"teams {seed}")
        within = max(_ARRIVE_WITHIN_S, size / CONNECTS_PER_S)
        self._viewers = [
            _SimulatedViewer(
                mood,
                first_visit(self._rng, within, stay_s),
                self._connections[number % connections],
                new_viewer_id(),
                tastes.random(),
                is_named=number < NAMED,
                telling=Telling(self._noise),
            )
            for number, mood in enumerate(crowd(size, seed))
        ]
        self._waiting: asyncio.Queue[_SimulatedViewer] = asyncio.Queue()
        self._connecting: set[SimulatedConnection] = set()  # requested, and not tried yet
        self._turned: set[SimulatedConnection] = set()  # lost or tried since the last tick
        self._next_connect_at = 0.0

    async def run(self) -> None:
        """Until cancelled. Nothing is published that did not change, but for the heartbeat."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(_CONNECTORS):
                tasks.create_task(self._connect_waiting(), name=f"crowd connector {number}")
            tasks.create_task(self._run_schedule(), name="crowd schedule")

    async def leave(self) -> None:
        """Takes the whole crowd out of the room; bounded, whatever the broker does."""
        self.is_leaving = True
        for number, viewer in enumerate(self._viewers):
            if viewer.is_in:
                self._leave_room(viewer)
            if number % (LEAVES_PER_S // 10) == LEAVES_PER_S // 10 - 1:
                await asyncio.sleep(0.1)
        connections = {*self._connections, *(viewer.connection for viewer in self._viewers)}
        for connection in connections:
            connection.close()
        ends = time.monotonic() + _CLOSE_TIMEOUT_S
        while not all(connection.is_gone for connection in connections) and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        for connection in connections:
            connection.abort()

    # --- the schedule --------------------------------------------------------------------------

    async def _run_schedule(self) -> None:
        started = time.monotonic()
        schedule = [
            (viewer.visit.arrives_at, number) for number, viewer in enumerate(self._viewers)
        ]
        heapify(schedule)
        while True:
            now = time.monotonic() - started
            while schedule and schedule[0][0] <= now:
                _, number = heappop(schedule)
                # Always ahead of now, so that the inner loop ends.
                due = max(self._step(self._viewers[number], now), now + _TICK_S / 2)
                heappush(schedule, (due, number))
            if self._turned:
                self._step_turned(now)
            self._answer_question()
            if self._is_shared:
                for connection in self._connections:
                    connection.keep_alive()
            await asyncio.sleep(_TICK_S)

    def _answer_question(self) -> None:
        """Whoever is in the room and on the line."""
        for number, answer in self._answers.look(self._question(), time.time()):
            viewer = self._viewers[number]
            if viewer.is_in and viewer.connection.is_ready:
                viewer.has_answered = True
                topic = ANSWER.topic.of(self._channel, viewer.viewer_id)
                viewer.connection.publish(topic, encode_answer(answer), ANSWER.expiry_s)

    def _step_turned(self, now: float) -> None:
        """Whoever lost the connection, or has one again, does not wait for the next change."""
        turned, self._turned = self._turned, set()
        for viewer in self._viewers:
            if viewer.connection in turned and viewer.visit.arrives_at <= now:
                self._step(viewer, now)

    def _step(self, viewer: _SimulatedViewer, now: float) -> float:
        """One viewer's turn; returns when it wants the next."""
        if not viewer.connection.is_up:
            if viewer.is_in:
                self._count_absent(viewer)
            self._request_connection(viewer)
            return now + _RETRY_S
        if not viewer.is_in:
            self._enter(viewer, now)
        elif now >= viewer.visit.leaves_at:
            self._replace(viewer, now)
            return viewer.visit.arrives_at
        elif not viewer.connection.is_ready:
            return now + _RETRY_S
        is_changed = viewer.mood.step(now)
        if is_changed and self._reacts():
            self._react(viewer)
        is_told = is_changed and (viewer.seq == 0 or self._epsilon() is None)
        if is_told or now - viewer.sent_at >= _HEARTBEAT_S:  # privately, at times of its own
            self._report(viewer, now)
        return min(viewer.mood.until, viewer.sent_at + _HEARTBEAT_S, viewer.visit.leaves_at)

    def _enter(self, viewer: _SimulatedViewer, now: float) -> None:
        viewer.is_in = True
        viewer.mood.until = now  # they arrive with a feeling
        viewer.shown = viewer.mood.code
        self.alive += 1
        self.shown[viewer.shown] += 1
        if viewer.is_named:
            self._tell_name(viewer, now)

    def _tell_name(self, viewer: _SimulatedViewer, now: float) -> None:
        viewer.named_at = now
        topic = NICKNAME.topic.of(self._channel, viewer.viewer_id)
        viewer.connection.publish(topic, encode_nickname(viewer.mood.nickname), NICKNAME.expiry_s)

    def _report(self, viewer: _SimulatedViewer, now: float) -> None:
        mood = viewer.mood
        is_name_due = viewer.is_named and now - viewer.named_at >= _HEARTBEAT_S / 2
        if is_name_due and self._repeats_names():
            self._tell_name(viewer, now)
        viewer.seq, viewer.sent_at = viewer.seq + 1, now
        epsilon = self._epsilon()
        said = viewer.telling.state(mood, epsilon)
        team = team_of(viewer.taste, self._teams()) if epsilon is None else 0
        report = Report(self._boot, viewer.seq, *said, viewer.connection.up_s, team)
        topic = REPORT.topic.of(self._channel, viewer.viewer_id)
        viewer.connection.publish(topic, encode_report(report), REPORT.expiry_s)
        self.shown[viewer.shown] -= 1
        viewer.shown = said[0]
        self.shown[viewer.shown] += 1
        self.sent += 1

    def _react(self, viewer: _SimulatedViewer) -> None:
        kind = reaction_to(viewer.mood.code, self._reaction_rng)
        if kind is not None:
            counts = (count + (each == kind) for each, count in enumerate(viewer.reactions))
            viewer.reactions = tuple(counts)
            payload = encode_reaction(self._boot, viewer.reactions, kind)
            topic = REACTION.topic.of(self._channel, viewer.viewer_id)
            viewer.connection.publish(topic, payload, is_retained=False)

    def _replace(self, viewer: _SimulatedViewer, now: float) -> None:
        """Leaves; the place goes to a new viewer, who arrives later as a new client."""
        self._leave_room(viewer)
        if not self._is_shared:
            viewer.connection.close()
            viewer.connection = self._new_connection()
        viewer.viewer_id, viewer.seq, viewer.reactions = new_viewer_id(), 0, NO_REACTIONS
        viewer.telling = Telling(self._noise)
        viewer.visit = next_visit(self._rng, now, self._stay_s)

    def _leave_room(self, viewer: _SimulatedViewer) -> None:
        viewer.connection.publish(REPORT.topic.of(self._channel, viewer.viewer_id), b"")
        if viewer.is_named:
            viewer.connection.publish(NICKNAME.topic.of(self._channel, viewer.viewer_id), b"")
        if viewer.has_answered:
            viewer.has_answered = False
            viewer.connection.publish(ANSWER.topic.of(self._channel, viewer.viewer_id), b"")
        self._count_absent(viewer)

    def _count_absent(self, viewer: _SimulatedViewer) -> None:
        viewer.is_in = False
        self.alive -= 1
        self.shown[viewer.shown] -= 1

    # --- connections ---------------------------------------------------------------------------

    def _new_connection(self) -> SimulatedConnection:
        connection = SimulatedConnection(self._route, lambda: self._note_lost(connection))
        return connection

    def _note_lost(self, connection: SimulatedConnection) -> None:
        self.lost += 1
        self._turned.add(connection)

    def _request_connection(self, viewer: _SimulatedViewer) -> None:
        if viewer.connection not in self._connecting:
            self._connecting.add(viewer.connection)
            self._waiting.put_nowait(viewer)

    async def _connect_waiting(self) -> None:
        while True:
            viewer = await self._waiting.get()
            connection = viewer.connection
            await self._wait_for_turn()
            if not await self._connect(viewer):
                self.turned_away += 1
                await asyncio.sleep(random.uniform(0.5, 2.0))  # spares a broker in trouble
            self._connecting.discard(connection)
            self._turned.add(connection)

    async def _wait_for_turn(self) -> None:
        """Connections are made at random moments, at a bounded rate."""
        now = time.monotonic()
        gap = random.uniform(0.5, 1.5) / CONNECTS_PER_S
        self._next_connect_at = max(now, self._next_connect_at) + gap
        await asyncio.sleep(self._next_connect_at - now)

    async def _connect(self, viewer: _SimulatedViewer) -> bool:
        will = None if self._is_shared else REPORT.topic.of(self._channel, viewer.viewer_id)
        name = new_viewer_id() if self._is_shared else viewer.viewer_id
        try:
            return await viewer.connection.open(f"rsn-{name}", will)
        except (OSError, TimeoutError):
            return False
