"""A session and a launch without camera, engine or broker; the room is a function of the time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import numpy as np

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.engines.registry import confusion_of
from resonance_tui.errors import InvalidNickname, ResonanceError
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.baseline import BaselineState
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Source
from resonance_tui.protocol.links import find_place
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.protocol.values import MANUAL
from resonance_tui.room.correction import correct_counts
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.room.timeline import TimelinePoint
from resonance_tui.session import (
    CorrectedCounts,
    EngineState,
    EngineStatus,
    SelfView,
    SessionView,
)
from resonance_tui.tui.alerts import AlertKind, Alerts
from resonance_tui.tui.join_context import ListedRoom, RecentRoom, RoomChoice

OWN_ID = "k7q2m4xa"
URL = "mqtt://localhost:1883"
T0 = 1_767_225_600.0  # epoch seconds
FIRST = ("amber", "brisk", "calm", "dusty", "fuzzy", "gentle", "hazy", "ivory", "jolly", "lucky")
LAST = ("badger", "comet", "dingo", "egret", "ferret", "gecko", "heron", "ibis", "koala", "newt")
MOODS = (0.3, 0.08, 0.35, 0.06, 0.11, 0.04, 0.06)


def viewer(index: int, now: float) -> ViewerRow:
    """Simulated viewer `index` at `now` seconds; a tenth of a room changes in a second."""
    who = random.Random(index)
    dice = random.Random(index * 7919 + int(now / 10 + who.random()))
    code = dice.choices([*EMOTIONS, Emotion.AWAY, Emotion.UNSURE], [*MOODS, 0.04, 0.06])[0]
    name = f"{who.choice(FIRST)}-{who.choice(LAST)}" if who.random() < 0.8 else ""
    sure = dice.randint(45, 98) if code.is_emotion else 0
    return ViewerRow(
        f"{who.getrandbits(20):05x}{index:04d}",
        name,
        code,
        sure,
        False,
        index % 3 == 0,
        index % 17 == 5,
    )


def snapshot(rows: list[ViewerRow], before: RoomSnapshot | None = None) -> RoomSnapshot:
    rows.sort(key=lambda row: (not row.nickname, row.nickname, row.viewer_id))
    codes = [row.code for row in rows]
    old = {row.viewer_id: row for row in before.rows} if before else {}
    return RoomSnapshot(
        len(rows),
        tuple(codes.count(code) for code in EMOTIONS),
        codes.count(Emotion.UNSURE),
        codes.count(Emotion.AWAY),
        tuple(rows),
        frozenset(row.viewer_id for row in rows if old.get(row.viewer_id) != row),
        frozenset(old) - {row.viewer_id for row in rows},
    )


def own_row(code: Emotion = Emotion.HAPPINESS, flags: int = 0) -> ViewerRow:
    return ViewerRow(OWN_ID, "lucky-heron", code, 83, bool(flags & MANUAL), False, False)


def room(viewers: int, now: float = 0.0, before: RoomSnapshot | None = None) -> RoomSnapshot:
    """This viewer and `viewers` - 1 simulated ones; 0 is an empty room."""
    rows = [own_row()] if viewers else []
    return snapshot(rows + [viewer(i, now) for i in range(viewers - 1)], before)


def points(viewers: int, seconds: int = 300) -> tuple[TimelinePoint, ...]:
    """A room whose mood drifts from calm to joy, with a scare three minutes in."""
    dice = random.Random(viewers)
    found = []
    for s in range(seconds):
        scare = max(0.0, 1 - abs(s - 180) / 25)
        weights = [0.1 + s / 400, 0.06, 0.5 - s / 900, 0.05, 0.1 + scare, 0.04, 0.04 + scare * 0.7]
        codes = dice.choices(EMOTIONS, weights, k=viewers)
        counts = tuple(codes.count(code) for code in EMOTIONS)
        score = None if s < 10 else min(0.05 + scare * 0.8 + s / 1200, 1.0)
        found.append(TimelinePoint(T0 + s, viewers, counts, score))
    return tuple(found)


def corrected(of: RoomSnapshot) -> CorrectedCounts:
    """As the default engine's card has it."""
    if sum(of.counts) < 20:
        return CorrectedCounts("static", lacking="fewer than 20 viewers")
    table = confusion_of("static")
    assert table is not None
    found = correct_counts(np.array([of.counts], float), table)
    rows = (found.counts, found.low, found.high)
    counts, low, high = (tuple(row[0].tolist()) for row in rows)
    return CorrectedCounts("static", counts, low, high)


READING = (0.83, 0.02, 0.08, 0.01, 0.04, 0.01, 0.01)
LATENCY = {"face": 14.2, "network": 9.6}


def view(viewers: int = 24, **changes) -> SessionView:
    calm = SessionView(
        channel="movie-night",
        nickname="lucky-heron",
        viewer_id=OWN_ID,
        broker_url=URL,
        link=LinkStatus(LinkState.CONNECTED),
        camera=CameraStatus(CameraState.LIVE, "demo"),
        engine=EngineStatus("static", EngineState.READY, "mediapipe"),
        me=SelfView("ok", Emotion.HAPPINESS, 0.83, READING, LATENCY),
        room=room(viewers),
        resonance=0.42,
        is_recording=True,
    )
    return replace(calm, **changes)


class FakeSession:
    """Remembers what it was told. `live()` makes its room move with the given seconds."""

    def __init__(self, first: SessionView, failure: Exception | None = None) -> None:
        self.view = first
        self.failure = failure
        self.history = (
            points(max(first.room.viewers, 0)) if first.room.viewers <= 100 else points(100)
        )
        self.told: list[object] = []
        self.is_running = False
        self.has_cleaned_up = False
        self.lingers_s = 0.0
        self.knows_neutral = True
        self.listeners: list[Callable[[object], None]] = []

    def add_listener(self, listener: Callable[[object], None]) -> None:
        self.listeners.append(listener)

    def timeline(self) -> tuple[TimelinePoint, ...]:
        return self.history

    def preview(self):
        if self.view.camera.state != CameraState.LIVE:
            return None
        y, x = np.mgrid[0:48, 0:48]
        face = ((x - 24) / 16) ** 2 + ((y - 24) / 20) ** 2 < 1
        return np.where(face, 200 - y * 2, 30 + x).astype(np.uint8)

    async def run(self) -> None:
        self.is_running = True
        try:
            if self.failure:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.is_running = False
            await asyncio.sleep(self.lingers_s)
            self.has_cleaned_up = True

    def live(self, now: float) -> None:
        self.view = replace(
            self.view, room=room(self.view.room.viewers, now, before=self.view.room)
        )
        newest = TimelinePoint(T0 + 300 + int(now), self.view.room.viewers, self.view.room.counts)
        if newest.t > self.history[-1].t:
            self.history = (*self.history[1:], newest)

    def set_camera(self, on: bool) -> None:
        self.told.append(("camera", on))
        state = CameraState.LIVE if on else CameraState.OFF
        me = self.view.me if on else SelfView("away")
        self.view = replace(self.view, camera=CameraStatus(state, "demo"), me=me)

    def capture_baseline(self) -> bool:
        self.told.append("baseline")
        if self.knows_neutral:
            self.view = replace(self.view, baseline=BaselineState.WAITING)
        return self.knows_neutral

    def set_source(self, source: Source) -> None:
        self.told.append(("source", source))
        state = CameraState.OFF if source.kind == "none" else CameraState.LIVE
        self.view = replace(self.view, camera=CameraStatus(state, source.label))

    def set_nickname(self, nickname: str) -> None:
        self.told.append(("nickname", nickname))
        self.view = replace(self.view, nickname=nickname)

    def set_recording(self, on: bool) -> None:
        self.told.append(("recording", on))
        self.view = replace(self.view, is_recording=on)

    def mark(self, at: float, text: str) -> None:
        self.told.append(("mark", (at, text)))

    def set_stream_delay(self, delay_s: float) -> None:
        self.told.append(("stream delay", delay_s))

    def answer(self, yes: bool) -> None:
        self.told.append(("answer", yes))
        self.view = replace(self.view, question=None)

    def set_sharing(self, on: bool) -> None:
        self.told.append(("sharing", on))
        state = "ok" if on else "paused"
        me = replace(self.view.me, state=state)
        self.view = replace(self.view, is_sharing=on, me=me)

    def set_corrected(self, on: bool) -> None:
        self.told.append(("corrected", on))
        self.view = replace(self.view, corrected=corrected(self.view.room) if on else None)

    def mute_locally(self, viewer_id: str, on: bool = True) -> None:
        self.told.append(("mute", viewer_id, on))
        others = self.view.host.muted_here - {viewer_id}
        muted = others | {viewer_id} if on else others
        rows = [row for row in self.view.room.rows if row.viewer_id not in muted]
        host = replace(self.view.host, muted_here=muted)
        self.view = replace(self.view, host=host, room=snapshot(rows))

    def hide_nicknames(self, on: bool) -> None:
        self.told.append(("hide", on))
        self.view = replace(self.view, host=replace(self.view.host, hides_nicknames=on))

    def accept_host_key(self) -> None:
        self.told.append("accept")
        self.view = replace(self.view, host=replace(self.view.host, shown_key=None))

    def answer_question(self, choice: int) -> str:
        self.told.append(("answer question", choice))
        return ""

    def say(self, code: Emotion | None) -> None:
        self.told.append(("say", code))
        rows = [row for row in self.view.room.rows if row.viewer_id != OWN_ID]
        rows.append(
            own_row(Emotion.HAPPINESS if code is None else code, 0 if code is None else MANUAL)
        )
        me = SelfView("ok", rows[-1].code, 1.0, READING, is_manual=code is not None)
        self.view = replace(self.view, room=snapshot(rows), me=me)


class FakeLaunch:
    """What a person typed, and a session for it."""

    def __init__(
        self,
        session: FakeSession | None = None,
        *,
        channel: str | None = "movie-night",
        needs_consent: bool = False,
        reads_all: bool = False,
        found: list[ListedRoom] | ResonanceError | None = None,
        desk: object | None = None,
    ) -> None:
        self.channel = channel
        self.nickname = ""
        self.broker_url = URL
        self.told_to = URL
        self.needs_consent, self.reads_all = needs_consent, reads_all
        self.recent_rooms: tuple[RecentRoom, ...] = (RecentRoom("late-show"),)
        self.nearby: list[NearbyRoom] = []
        self.trusted: list[NearbyRoom] = []
        self.theme = ""
        self.camera: Source | None = None
        self.camera_consent_is_due = False
        self.reached: list[str | RoomChoice] = []
        self.reach_waits_for = asyncio.Event()
        self.reach_waits_for.set()
        self.reach_fails: ResonanceError | None = None
        self.alerts = Alerts()
        self.session = session or FakeSession(view())
        self.opened: list[tuple[str, str]] = []
        self.refuses: ResonanceError | None = None
        self._found = found
        self._desk = desk
        self._handles = cycle(["lucky-heron", "calm-otter", "jolly-newt"])

    def give_consent(self) -> None:
        self.needs_consent = False

    def suggest_nickname(self) -> str:
        return next(self._handles)

    def random_nickname(self) -> str:
        return next(self._handles)

    def nickname_in(self, channel: str) -> str:
        known = {room.channel: room.nickname for room in self.recent_rooms}
        return known.get(channel, "")

    def needs_consent_for(self, source: Source) -> bool:
        return self.camera_consent_is_due and source.kind == "device"

    def remember_alert(self, kind: AlertKind, on: bool) -> None:
        self.alerts = replace(self.alerts, **{kind: on})

    def remember_theme(self, theme: str) -> None:
        self.theme = theme

    async def cameras(self) -> list[Source]:
        return [Source("device", "0"), Source("demo"), Source("none")]

    def use_camera(self, source: Source) -> None:
        self.camera = source

    async def follow_nearby(self, changed: Callable[[list[NearbyRoom]], None]) -> None:
        changed(self.nearby)

    def is_trusted(self, room: NearbyRoom) -> bool:
        return room in self.trusted

    async def reach(self, choice: str | RoomChoice, say: Callable[[str], object]) -> str:
        self.reached.append(choice)
        say("Asking the host for an account ...")
        await self.reach_waits_for.wait()
        if self.reach_fails is not None:
            raise self.reach_fails
        if not isinstance(choice, str):
            return choice.channel
        place = find_place(choice)
        return place if isinstance(place, str) else place.channel

    async def channels(self) -> list[ListedRoom]:
        if isinstance(self._found, ResonanceError):
            raise self._found
        return self._found or []

    def check_nickname(self, text: str) -> str:
        if len(text) > 24:
            raise InvalidNickname("That is too long.", "24 characters at most.")
        return text.strip()

    def open_desk(self, channel: str):
        return self._desk

    def open_session(self, channel: str, nickname: str) -> FakeSession:
        if self.refuses:
            raise self.refuses
        self.opened.append((channel, nickname))
        return self.session
