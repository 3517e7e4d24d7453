"""Several people in front of one camera: read, counted and leaving one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from children import run_child, start_child
from limits import patience, until
from loopback import LoopbackHub, LoopbackLink
from numpy.typing import NDArray
from seats import Seat, rows, seated

from resonance_tui.emotions import Emotion
from resonance_tui.engines import registry as engines
from resonance_tui.messaging.link import Link
from resonance_tui.pipeline.demo_camera import load_portraits
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.perception import Perception, predict
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.pipeline.sources import Frame, Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session import guests
from resonance_tui.session.core import Session
from resonance_tui.session.guests import Guests, RoomForGuests
from resonance_tui.session.plan import SessionPlan

RULES = Path(__file__).parents[2] / "broker" / "access.acl"  # as a guarded broker has them
APP = [sys.executable, "-m", "resonance_tui"]
CHANNEL = "couch"
HAPPY = Steady(Emotion.HAPPINESS, 0.9, (0.9, *(0.1 / 6,) * 6))
SAD = Steady(Emotion.SADNESS, 0.8, (0.8, *(0.2 / 6,) * 6))
Picture = NDArray[np.uint8]

# Reading


def frames_of(film: Path, width: int) -> Iterator[Picture]:
    """So many pixels of height and width around the middle, at 10 frames a second."""
    capture = cv2.VideoCapture(str(film))
    rate = capture.get(cv2.CAP_PROP_FPS)
    try:
        for number in range(10_000):
            found, picture = capture.read()
            if not found:
                return
            if int(number * 10 / rate) != int((number - 1) * 10 / rate):
                scale = width / min(picture.shape[:2])
                small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                top, left = (small.shape[0] - width) // 2, (small.shape[1] - width) // 2
                yield np.asarray(small[top : top + width, left : left + width], np.uint8)
    finally:
        capture.release()


@pytest.mark.faces
@pytest.mark.parametrize("detector", ["fast", "mediapipe"])
def test_two_films_side_by_side_are_two_people(shared_data: Path, detector: str) -> None:
    clips = shared_data / "clips"
    left = list(frames_of(clips / "single_face.mp4", 480))[:30]
    right = list(frames_of(clips / "WolfgangLanger_Pexels.mp4", 480))[90:120]
    engine = engines.create("static")
    finder = detectors.create(detector, shared_data / "face_landmarker.task")
    perception = Perception(engine.spec, finder, people=4)
    places: dict[tuple[int, int], int] = {}
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        seen = perception.observe(Frame(np.hstack([one, other]), number / 10, number))
        assert seen.faces == 2
        tracks = [(0, seen.track, seen.clip), *((g.seat, g.track, g.clip) for g in seen.others)]
        for seat, track, clip in tracks:
            assert track is not None
            places[seat, track] = places.get((seat, track), 0) + (clip is not None)
            if clip is not None and number == 29:
                assert sum(predict(engine, clip).probabilities) == pytest.approx(1, abs=1e-3)
    finder.close()
    assert len(places) == 2 and {seat for seat, _ in places} == {0, 1}
    assert all(clips > 8 for clips in places.values())


# Being in the room


def plan(broker: BrokerUrl, data_dir: Path, people: int = 4) -> SessionPlan:
    """Nobody is filmed: tests say what was read."""
    return SessionPlan(
        channel=CHANNEL,
        nickname="Mia",
        viewer_id=new_viewer_id(),
        boot=int(time.time()),
        broker=broker,
        source=Source("none"),
        engine="static",
        data_dir=data_dir,
        people=people,
    )


@asynccontextmanager
async def living(session: Session) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(session.run())
        yield
        running.cancel()


@pytest.fixture
def hastily(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guests join and leave within half a second."""
    monkeypatch.setattr(guests, "JOINS_AFTER_S", 0.2)
    monkeypatch.setattr(guests, "LEAVES_AFTER_S", 0.5)


def named(seat: Seat) -> dict[str, Emotion]:
    return dict(rows(seat).values())


@pytest.mark.mosquitto
async def test_each_of_two_is_counted_and_one_who_leaves_is_gone(
    mosquitto, tmp_path: Path, hastily: None
) -> None:
    mia = Session(plan(parse_broker_url(mosquitto.url), tmp_path))
    other = Seat(mosquitto, channel=CHANNEL)
    async with seated(other), living(mia):
        await until(lambda: named(other) == {"Mia": Emotion.AWAY})
        mia._read(HAPPY, {"total": 1.0})
        mia._faces._read_other(1, SAD)
        await until(lambda: named(other) == {"Mia": Emotion.HAPPINESS, "Mia 2": Emotion.SADNESS})
        await until(lambda: mia.view.room.viewers == 2)
        mia._faces._read_other(1, ABSENT)
        await until(lambda: "Mia 2" not in named(other))
        assert named(other)["Mia"] is Emotion.HAPPINESS
    assert len(rows(other)) <= 1


@pytest.mark.mosquitto
async def test_all_leave_in_good_order_with_the_session(
    mosquitto, tmp_path: Path, hastily: None
) -> None:
    mia = Session(plan(parse_broker_url(mosquitto.url), tmp_path))
    other = Seat(mosquitto, channel=CHANNEL)
    async with seated(other):
        async with living(mia):
            for seat in (1, 2, 3):
                mia._faces._read_other(seat, SAD)
            await until(lambda: set(named(other)) == {"Mia", "Mia 2", "Mia 3", "Mia 4"})
        await until(lambda: not rows(other), 2)


@pytest.mark.mosquitto
async def test_who_shares_nothing_shares_nobody_else_either(
    mosquitto, tmp_path: Path, hastily: None
) -> None:
    mia = Session(plan(parse_broker_url(mosquitto.url), tmp_path))
    other = Seat(mosquitto, channel=CHANNEL)
    async with seated(other), living(mia):
        mia._faces._read_other(1, SAD)
        await until(lambda: set(named(other)) == {"Mia", "Mia 2"})
        mia.set_sharing(False)
        await until(lambda: not rows(other), 2)
        mia.set_sharing(True)
        await until(lambda: "Mia" in named(other))


async def test_a_guest_whom_the_host_removed_does_not_come_back(
    tmp_path: Path, hastily: None
) -> None:
    hub, made = LoopbackHub(), list[LoopbackLink]()

    def connect(_broker: BrokerUrl, planned: SessionPlan, viewer_id: str) -> Link:
        made.append(LoopbackLink(hub, planned.channel, viewer_id))
        return made[-1]

    nowhere = parse_broker_url("mqtt://nowhere.invalid")
    couch = Guests(plan(nowhere, tmp_path), connect, [].append, {"is_simulated": False})
    first = LoopbackLink(hub, CHANNEL, "mia")
    room = RoomForGuests(first, nowhere, "Mia", True, 10.0, 0, ())
    tasks = [asyncio.create_task(each.run()) for each in (first, couch)]
    await until(lambda: first.is_attached)
    for seat, now in ((1, 1.0), (1, 2.0), (2, 3.0), (2, 4.0)):
        couch.read(seat, SAD, now)
        couch.look(now, room)
    assert len(made) == len(couch.ids) == 2
    for now in (5.0, 6.0):
        couch.look(now, replace(room, removed=(made[0].viewer_id,)))
    await until(lambda: [each.is_attached for each in made] == [False, True])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert not any(each.is_attached for each in made)


async def test_guests_who_were_dismissed_stay_away_whoever_is_in_view(
    tmp_path: Path, hastily: None
) -> None:
    hub, made = LoopbackHub(), list[LoopbackLink]()

    def connect(_broker: BrokerUrl, planned: SessionPlan, viewer_id: str) -> Link:
        made.append(LoopbackLink(hub, planned.channel, viewer_id))
        return made[-1]

    mia = Session(plan(parse_broker_url("mqtt://nowhere.invalid"), tmp_path), connect=connect)
    mia._faces._read_other(1, SAD)
    async with living(mia):
        await until(lambda: len(mia._faces.guests.ids) == 1)
        mia._faces.read_one("One is read.")
        assert mia.view.reads == 1 and mia.view.notice == "One is read."
        await until(lambda: [each.is_attached for each in made] == [True, False])
        for seat in (1, 2):
            mia._faces._read_other(seat, SAD)
            mia._faces.guests._seats[seat - 1].presence.is_in = True  # for as long as it takes
        mia._look_at_guests(made[0], time.monotonic())
        assert len(made) == 2


async def test_a_guest_who_left_is_none_who_could_carry_the_room_on(
    tmp_path: Path, hastily: None
) -> None:
    """The line is lost while the guest is in view: the room that was seen last lists them still."""
    hub, nowhere = LoopbackHub(), parse_broker_url("mqtt://nowhere.invalid")

    def connect(_broker: BrokerUrl, planned: SessionPlan, viewer_id: str) -> Link:
        return LoopbackLink(hub, planned.channel, viewer_id)

    mia = Session(plan(nowhere, tmp_path), connect=connect)
    mia._faces._read_other(1, SAD)
    async with living(mia):
        await until(lambda: len(mia._news.known.ids) == 2)
        mia.set_sharing(False)
        assert len(mia._news.known.ids) == 2, "the room is looked at later"
        assert mia._known_ids() == [mia.view.viewer_id]


class Roaming(LoopbackLink):
    """Says where it is, and where it is told to go."""

    at = "mqtt://first.example:1883"

    def turn_to(self, url: BrokerUrl) -> None:
        self.at = url.place

    @property
    def place(self) -> str:
        return self.at


@pytest.mark.parametrize("place", ["mqtt://second.example:1883", "mqtt://192.168.1.7:1883"])
async def test_guests_go_to_the_broker_that_the_first_viewer_went_to(
    tmp_path: Path, hastily: None, place: str
) -> None:
    hub, made = LoopbackHub(), list[Roaming]()

    def connect(_broker: BrokerUrl, planned: SessionPlan, viewer_id: str) -> Link:
        made.append(Roaming(hub, planned.channel, viewer_id))
        return made[-1]

    second = parse_broker_url("mqtt://second.example")
    broker = replace(parse_broker_url("mqtt://first.example"), alternates=(second,))
    couch = Guests(plan(broker, tmp_path), connect, [].append, {"is_simulated": False})
    first = Roaming(hub, CHANNEL, "mia")
    room = RoomForGuests(first, broker, "Mia", True, 10.0, 0, ())
    tasks = [asyncio.create_task(each.run()) for each in (first, couch)]
    await until(lambda: first.is_attached)
    for now in (1.0, 2.0):
        couch.read(1, SAD, now)
        couch.look(now, room)
    first.at = place
    couch.look(3.0, room)
    assert [guest.place for guest in made] == [place]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


# An account is one viewer


@pytest.mark.mosquitto
async def test_where_an_account_is_one_viewer_one_face_is_read_and_that_is_said(
    make_mosquitto, tmp_path: Path, hastily: None
) -> None:
    users = tmp_path / "users"
    users.touch(mode=0o644)
    for name in ("mia", "ben"):
        run_child(["mosquitto_passwd", "-b", str(users), name, "beach"], check=True)
    server = make_mosquitto("allow_anonymous false", f"password_file {users}", f"acl_file {RULES}")
    server.start()
    mia = Session(plan(parse_broker_url(as_user(server.url, "mia")), tmp_path))
    other = Seat(as_user(server.url, "ben"), "ben", channel=CHANNEL)
    async with seated(other), living(mia):
        await until(lambda: named(other) == {"Mia": Emotion.AWAY})
        assert mia.view.reads == 1
        assert mia._faces._pipeline._readers == [mia._faces._pipeline._reader]
        assert "one account is one viewer" in mia.view.notice


@pytest.mark.mosquitto
async def test_an_account_that_may_use_any_id_is_as_many_as_there_are(
    make_mosquitto, tmp_path: Path, hastily: None
) -> None:
    users = tmp_path / "users"
    users.touch(mode=0o644)
    run_child(["mosquitto_passwd", "-b", str(users), "all", "beach"], check=True)
    server = make_mosquitto("allow_anonymous false", f"password_file {users}")
    server.start()
    url = as_user(server.url, "all")
    mia, other = Session(plan(parse_broker_url(url), tmp_path)), Seat(url, channel=CHANNEL)
    async with seated(other), living(mia):
        mia._faces._read_other(1, SAD)
        await until(lambda: set(named(other)) == {"Mia", "Mia 2"})


def as_user(url: str, name: str) -> str:
    return url.replace("://", f"://{name}:beach@")


# The program


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two of the demo portraits side by side; nobody was filmed for it."""
    portraits = load_portraits()
    pictures: list[Picture] = []
    for image, (cx, cy), side in (portraits * 2)[:2]:
        zoom = 200 / side
        matrix = np.array([[zoom, 0, 320 - zoom * cx], [0, zoom, 240 - zoom * cy]])
        pictures.append(cv2.warpAffine(image, matrix, (640, 480), borderMode=cv2.BORDER_REFLECT))
    still, path = np.hstack(pictures), tmp_path / "couch.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (1280, 480))
    for _ in range(50):
        writer.write(still)
    writer.release()
    return path


def start(broker_url: str, film: Path, *more: str) -> subprocess.Popen[str]:
    line = [*APP, "join", CHANNEL, "--camera", str(film), "--name", "Mia", "--headless", *more]
    environment = os.environ | {"RESONANCE_CAMERA_DETECTOR": "haar"}
    return start_child(
        [*line, "--engine", "static", "--broker", broker_url],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.mosquitto
async def test_a_couch_is_two_viewers_who_both_go_by_will_when_the_program_is_killed(
    mosquitto, film: Path
) -> None:
    other = Seat(mosquitto, channel=CHANNEL)
    async with seated(other):
        program = start(mosquitto.url, film, "--people", "all")
        await until(lambda: set(named(other)) == {"Mia", "Mia 2"}, 40)
        await until(lambda: all(code.is_emotion for code in named(other).values()), 20)
        program.send_signal(signal.SIGKILL)
        program.wait(patience(5))
        await until(lambda: not rows(other), 12)


@pytest.mark.mosquitto
async def test_one_of_two_faces_is_read_unless_more_are_asked_for_and_that_is_said(
    mosquitto, film: Path
) -> None:
    other = Seat(mosquitto, channel=CHANNEL)
    async with seated(other):
        program = start(mosquitto.url, film, "--duration", "8")
        out = await asyncio.to_thread(program.communicate, timeout=patience(40))
    assert "2 faces; the nearest is read" in out[0]
    assert "1 viewer" in out[0] and "2 viewers" not in out[0]
