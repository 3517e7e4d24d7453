"""Whole sessions: real broker, real faces, two people in one room."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from limits import patience, slowness, until
from loopback import LoopbackHub, LoopbackLink

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState
from resonance_tui.errors import BrokerRefused, InputError, StoreError
from resonance_tui.history.about import about
from resonance_tui.history.marks import session_marks
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.messaging.link import Link, MqttLink
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline import face_model
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import CameraState, Source, parse_source
from resonance_tui.protocol.events import ReportEvent
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.session.core import Session
from resonance_tui.session.events import HappeningUpdate, LinkUpdate, RoomUpdate, SessionEvent
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.room_model import RoomModel

pytestmark = pytest.mark.mosquitto


def plan(broker: BrokerUrl, source: Source, data_dir: Path, nickname: str = "") -> SessionPlan:
    return SessionPlan(
        channel="room",
        nickname=nickname,
        viewer_id=new_viewer_id(),
        boot=int(time.time()),
        broker=broker,
        source=source,
        engine="static",
        data_dir=data_dir,
    )


@contextlib.asynccontextmanager
async def living(*sessions: Session) -> AsyncIterator[None]:
    """Run sessions for the length of the block."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(session.run()) for session in sessions]
        yield
        for task in running:
            task.cancel()


@pytest.fixture
def broker(mosquitto) -> BrokerUrl:
    return parse_broker_url(mosquitto.url)


@pytest.fixture
def quiet(broker: BrokerUrl, tmp_path: Path) -> Callable[[str], Session]:
    """Makes viewers who have no camera and speak by key."""
    return lambda name: Session(plan(broker, Source("none"), tmp_path, name))


def names(session: Session) -> list[str]:
    return [row.nickname for row in session.view.room.rows]


async def test_what_one_says_the_other_sees(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: names(ben) == ["ann", "ben"] == names(ann))
        assert ben.view.room.away == 2
        ann.say(Emotion.SURPRISE)
        await until(lambda: ben.view.room.counts[Emotion.SURPRISE] == 1)
        row = next(row for row in ben.view.room.rows if row.nickname == "ann")
        assert row.is_manual and not row.is_simulated
        ann.say(None)
        await until(lambda: ben.view.room.away == 2)


async def test_a_listener_that_always_raises_harms_nothing(
    quiet: Callable[[str], Session], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[object] = []

    def broken(_event: object) -> None:
        raise UnicodeEncodeError("charmap", "─", 0, 1, "no such sign")

    ann, ben = quiet("ann"), quiet("ben")
    ann.add_listener(broken)
    ann.add_listener(heard.append)
    async with living(ann, ben):
        await until(lambda: names(ann) == ["ann", "ben"])
        ann.say(Emotion.SURPRISE)
        await until(lambda: ben.view.room.counts[Emotion.SURPRISE] == 1)
        ann._faces._pipeline._status.notice("something")
        assert ann.view.notice == "something"
    assert len(heard) > 3
    assert caplog.text.count("a listener failed") == 1


def test_a_screen_is_told_when_the_own_face_is_too_far(unused_port: int, tmp_path: Path) -> None:
    address = BrokerUrl(host="127.0.0.1", port=unused_port)
    session = Session(plan(address, Source("none"), tmp_path))
    assert not session.view.too_far
    for too_far in (True, False):
        session._faces._pipeline._status.set_too_far(too_far)
        assert session.view.too_far is too_far


async def test_listeners_hear_of_the_room_every_second_also_without_a_connection(
    tmp_path: Path, unused_port: int
) -> None:
    ann = Session(plan(BrokerUrl(host="127.0.0.1", port=unused_port), Source("none"), tmp_path))
    heard: list[RoomUpdate] = []
    ann.add_listener(lambda event: heard.append(event) if isinstance(event, RoomUpdate) else None)
    async with living(ann):
        await until(lambda: len(heard) == 3)
    assert all(0.9 < later.t - sooner.t < patience(2) for sooner, later in pairwise(heard))
    assert all(each.room.is_counting for each in heard), "nobody was heard: no empty room"


async def test_listeners_are_told_no_number_as_a_fact_before_it_is_one(
    quiet: Callable[[str], Session],
) -> None:
    heard: list[RoomUpdate] = []
    ann, ben = quiet("Ann"), quiet("Ben")
    ben.add_listener(lambda event: heard.append(event) if isinstance(event, RoomUpdate) else None)
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        async with living(ben):
            await until(lambda: heard and not heard[-1].room.is_counting)
    assert next(each.room.viewers for each in heard if not each.room.is_counting) == 2


class Slow(LoopbackLink):
    """Connected by nobody; takes its leave, as a real one does, before it is closed."""

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.set_status(LinkState.CLOSED)


async def test_who_leaves_before_the_next_look_at_the_link_is_told_that_it_was_connected(
    tmp_path: Path,
) -> None:
    link = Slow(LoopbackHub(), "room", "ann")
    address = parse_broker_url("mqtt://nowhere.invalid")
    ann = Session(plan(address, Source("none"), tmp_path), connect=lambda *_: link)
    heard: list[SessionEvent] = []
    ann.add_listener(heard.append)
    async with living(ann):
        await until(lambda: any(isinstance(event, RoomUpdate) for event in heard))
        link.status = LinkStatus(LinkState.CONNECTED)
    states = [event.status.state for event in heard if isinstance(event, LinkUpdate)]
    assert states == [LinkState.CONNECTED]


async def test_one_who_leaves_is_gone_at_once(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann):
        async with living(ben):
            await until(lambda: ann.view.room.viewers == 2)
        await until(lambda: ann.view.room.viewers == 1, 2)


async def test_not_sharing_leaves_the_room_and_comes_back(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == 2)
        ann.set_sharing(False)
        await until(lambda: names(ben) == ["ben"], 2)
        assert ann.view.me.state == "paused"
        ann.say(Emotion.ANGER)
        await asyncio.sleep(1.5)
        assert ben.view.room.viewers == 1
        ann.set_sharing(True)
        await until(lambda: "ann" in names(ben), 3)


async def test_the_room_hears_nothing_of_what_was_read_while_nothing_was_shared(
    quiet: Callable[[str], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = LoopbackHub()
    ann, ben = quiet("ann"), LoopbackLink(hub, "room", "ben")
    monkeypatch.setattr(ann, "_connect", lambda *_: LoopbackLink(hub, "room", "ann"))
    hub.attach(ben)

    def heard() -> list[Emotion]:
        return [e.report.code for e in ben.drain() if isinstance(e, ReportEvent)]

    def read(code: Emotion) -> None:
        ann._read(Steady(code, 0.9, (1 / 7,) * 7), {"total": 1.0})

    async with living(ann):
        await until(lambda: ann.view.link.state is LinkState.CONNECTED)
        read(Emotion.ANGER)
        await until(lambda: Emotion.ANGER in heard())
        ann.set_sharing(False)
        read(Emotion.FEAR)
        assert ann.view.me.code is Emotion.FEAR  # the own panel goes on
        ann.set_sharing(True)
        await asyncio.sleep(1.5)
        assert set(heard()) == {Emotion.AWAY}
        read(Emotion.HAPPINESS)
        await until(lambda: Emotion.HAPPINESS in heard())


async def test_an_observer_sees_and_is_not_seen(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    ann = quiet("ann")
    watcher = Session(replace(plan(broker, Source("none"), tmp_path), observe_only=True))
    async with living(ann, watcher):
        await until(lambda: names(watcher) == ["ann"])
        await asyncio.sleep(0.5)
        assert ann.view.room.viewers == 1


async def test_a_broker_that_comes_back_finds_the_room_again(
    quiet: Callable[[str], Session], mosquitto
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == 2)
        mosquitto.kill()
        await until(lambda: ben.view.link.state is LinkState.LOST)
        assert ben.view.link.retry_at is not None
        mosquitto.start()
        await until(lambda: ben.view.link.state is LinkState.CONNECTED, 12)
        ann.say(Emotion.FEAR)
        await until(lambda: ben.view.room.counts[Emotion.FEAR] == 1, 12)


async def test_who_comes_and_goes_is_told(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    told: list[SessionEvent] = []
    ann.add_listener(told.append)

    def texts() -> list[str]:
        return [event.text for event in told if isinstance(event, HappeningUpdate)]

    async with living(ann):
        await until(lambda: names(ann) == ["ann"])
        await asyncio.sleep(1.0)  # whoever was here before is nobody who comes
        async with living(ben):
            await until(lambda: texts() == ["ben came"])
        await until(lambda: texts() == ["ben came", "ben left"])
        ann.tell("host", "back in five")
    assert [event.text for event in ann.view.happenings] == ["ben came", "ben left", "back in five"]


async def test_a_lost_connection_leaves_what_was_seen_and_says_since_when(
    quiet: Callable[[str], Session], mosquitto
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    assert ann.view.outage is not None and ann.view.outage.is_first
    async with living(ann, ben):
        await until(lambda: ann.view.room.viewers == 2)
        assert ann.view.outage is None
        mosquitto.kill()
        await until(lambda: ann.view.outage is not None and ann.view.outage.retry_at is not None)
        before = ann.view.outage
        await until(lambda: ann.view.outage != before and ann.view.outage is not None)
        assert before is not None and ann.view.outage is not None
        assert ann.view.outage.since == before.since and not ann.view.outage.is_first
        assert ann.view.room.viewers == 2 and names(ann) == ["ann", "ben"]
        mosquitto.start()
        await until(lambda: ann.view.outage is None, 12)
    kinds = [event.kind for event in ann.view.happenings]
    assert kinds == ["link_lost", "link_back"]


async def test_a_refused_login_ends_the_session_with_its_own_error(
    make_mosquitto, tmp_path: Path
) -> None:
    server = make_mosquitto("allow_anonymous false")
    server.start()
    session = Session(plan(parse_broker_url(server.url), Source("none"), tmp_path))
    with pytest.raises(BrokerRefused):
        await asyncio.wait_for(session.run(), patience(10))


def stored(database: Path) -> list[Sample]:
    with contextlib.suppress(StoreError), Store(database, read_only=True) as store:
        return list(store.read("room", None, None))
    return []  # the database is being laid out


async def test_the_room_is_recorded_once_a_second(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = quiet("ann")
    logger = Session(
        replace(plan(broker, Source("none"), tmp_path), observe_only=True, database=database)
    )
    async with living(ann, logger):
        await until(lambda: logger.view.room.viewers == 1)
        ann.say(Emotion.HAPPINESS)
        await until(lambda: sum(row.counts[Emotion.HAPPINESS] for row in stored(database)) >= 3)
    rows = stored(database)
    times = [row.t for row in rows]
    assert len(times) == len(set(times)) >= 3
    assert rows[-1].viewers == 1
    assert any(row.counts[Emotion.HAPPINESS] == 1 for row in rows)


async def test_a_database_in_trouble_is_said_and_recording_resumes(
    quiet: Callable[[str], Session],
    broker: BrokerUrl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resonance_tui.history.database.BUSY_S", 0.05)
    database = tmp_path / "history.sqlite"
    logger = Session(
        replace(
            plan(broker, Source("none"), tmp_path),
            observe_only=True,
            database=database,
            title="Karaoke",
        )
    )
    async with living(quiet("ann"), logger):
        await until(lambda: stored(database))
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await until(lambda: logger.view.notice.startswith("Not recording"))
        assert "held by another program" in logger.view.notice
        assert not logger.view.is_recording
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: logger.view.notice == "Recording again.")
        assert logger.view.is_recording
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
    # What was kept in memory came back; a loop that a busy machine holds up skips a second.
    assert max(2, span.length_s - (slowness() - 1)) <= span.rows <= span.length_s
    assert span.title == "Karaoke"


async def test_a_camera_that_is_not_there_is_said_and_the_room_goes_on(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    ann = quiet("ann")
    blind = Session(plan(broker, parse_source("97"), tmp_path, "blind"))
    async with living(ann, blind):
        await until(lambda: blind.view.camera.state is CameraState.MISSING, 15)
        assert blind.view.camera.retry_at is not None
        await until(lambda: names(ann) == ["ann", "blind"])
        blind.say(Emotion.NEUTRAL)
        await until(lambda: ann.view.room.counts[Emotion.NEUTRAL] == 1)


async def test_the_camera_switch_releases_and_reopens(
    broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: session.view.me.state in ("ok", "unsure"), 20)
        assert session.preview() is not None
        assert all(row.is_simulated for row in session.view.room.rows)
        session.set_camera(False)
        await until(lambda: session.view.camera.state is CameraState.OFF, 3)
        assert session.preview() is None
        assert session.view.me.state == "away"
        session.set_camera(True)
        await until(lambda: session.view.me.state in ("ok", "unsure"), 5)


async def test_a_broken_engine_is_said_and_the_room_goes_on(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    broken = replace(plan(broker, Source("demo"), tmp_path), engine="nonsense")
    ann, session = quiet("ann"), Session(broken)
    async with living(ann, session):
        await until(lambda: session.view.engine.state is EngineState.FAILED)
        assert "nonsense" in session.view.engine.detail
        await until(lambda: ann.view.room.viewers == 2)


async def test_a_face_finder_that_breaks_down_does_not_end_the_session(
    broker: BrokerUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resonance_tui.pipeline.perception import Perception

    def break_down(self: Perception, frame: object, **_: object) -> None:
        raise RuntimeError("native trouble")

    monkeypatch.setattr(Perception, "observe", break_down)
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: session.view.engine.state is EngineState.FAILED, 20)
        assert "native trouble" in session.view.engine.detail
        await until(lambda: session.view.room.viewers == 1)
        session.say(Emotion.HAPPINESS)
        await until(lambda: session.view.room.counts[Emotion.HAPPINESS] == 1)


async def test_a_camera_switched_off_while_the_engine_loads_is_never_opened(
    broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    session = Session(plan(broker, Source("demo"), tmp_path))
    states: set[CameraState] = set()
    session.add_listener(lambda _: states.add(session.view.camera.state))
    session.set_camera(False)
    async with living(session):
        await until(lambda: session.view.camera.state is CameraState.OFF, 20)
        await asyncio.sleep(0.5)
    assert CameraState.LIVE not in states


async def test_quitting_does_not_wait_for_a_slow_download(
    broker: BrokerUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow(_: Path) -> None:
        release.wait(patience(30))
        raise OSError

    place = face_model._Place("far away", slow)
    monkeypatch.setattr(face_model, "_places", lambda *_: (place,))
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: "face model: far away" in session.view.engine.detail)
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < patience(3)
    release.set()


async def test_a_film_that_cannot_be_read_ends_in_an_error(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    broken = replace(plan(broker, Source("demo"), tmp_path), engine="nonsense", once=True)
    with pytest.raises(InputError, match="nonsense"):  # in its own words, not the film's
        await asyncio.wait_for(Session(broken).run(), patience(20))


async def test_recording_is_switched_on_and_off_while_the_room_goes_on(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = Session(
        replace(
            plan(broker, Source("none"), tmp_path, "ann"),
            database=database,
            is_recording=False,
            title="Karaoke",
        )
    )
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        assert not ann.view.is_recording and not database.exists()
        for _ in range(2):
            before = len(stored(database))
            ann.set_recording(True)
            await until(lambda before=before: len(stored(database)) > before)
            assert ann.view.is_recording
            ann.set_recording(False)
            await until(lambda: not ann.view.is_recording)
    with Store(database, read_only=True) as store:
        spans = store.sessions("room")
    assert {span.title for span in spans} == {"Karaoke"}


async def test_what_is_marked_in_the_last_moment_is_kept_and_so_is_the_streams_delay(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = Session(replace(plan(broker, Source("none"), tmp_path, "ann"), database=database))
    async with living(ann):
        await until(lambda: len(stored(database)) >= 1)
        ann.set_stream_delay(8.5)
        ann.mark(time.time(), "the end")
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
        found = session_marks(store, "room", span.start, span.end)
        assert [each.text for each in found] == ["the end"]
        assert about(store, "room", span.start, span.end).delay_s == 8.5


async def test_a_host_who_does_not_record_marks_what_another_program_records(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    there = replace(plan(broker, Source("none"), tmp_path, "ann"), database=database)
    logger = Session(replace(there, observe_only=True, nickname="", viewer_id="logger"))
    ann = Session(replace(there, is_recording=False))
    async with living(ann, logger):
        await until(lambda: len(stored(database)) >= 1)
        ann.mark(time.time(), "seen")
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
        found = session_marks(store, "room", span.start, span.end)
        assert [each.text for each in found] == ["seen"]


async def test_a_database_that_cannot_be_opened_later_ends_nothing(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "history.sqlite"
    there = plan(broker, Source("none"), tmp_path, "ann")
    ann = Session(replace(there, database=where, is_recording=False))
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        ann.set_recording(True)
        await until(lambda: ann.view.notice.startswith("Not recording"))
        await until(lambda: not ann.view.is_recording)
        ann.say(Emotion.NEUTRAL)
        await until(lambda: ann.view.room.counts[Emotion.NEUTRAL] == 1)


async def test_others_see_a_new_nickname_at_once_and_none_while_nothing_is_shared(
    quiet: Callable[[str], Session],
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: names(ben) == ["ann", "ben"] == names(ann))
        ann.set_nickname("zoe")
        await until(lambda: names(ben) == ["ben", "zoe"] == names(ann))
        assert ann.view.nickname == "zoe"
        ann.set_sharing(False)
        await until(lambda: names(ben) == ["ben"])
        ann.set_nickname("mia")
        ann.set_sharing(True)
        await until(lambda: names(ben) == ["ben", "mia"])
        ann.set_nickname("")
        await until(lambda: sorted(names(ben)) == ["", "ben"])


async def test_another_camera_is_read_without_a_restart(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    ann, ben = quiet("ann"), quiet("ben")

    def simulated() -> list[bool]:
        return [row.is_simulated for row in ben.view.room.rows if row.nickname == "ann"]

    async with living(ann, ben):
        await until(lambda: ann.view.engine.detail == "by key only")
        ann.set_source(Source("demo"))
        await until(lambda: ann.view.camera.state is CameraState.LIVE, 30)
        await until(lambda: ann.view.me.code.is_emotion, 30)
        await until(lambda: simulated() == [True])
        ann.set_source(parse_source("97"))
        await until(lambda: ann.view.camera.state is CameraState.MISSING, 15)
        assert ann.view.camera.source == "camera 97"
        ann.set_source(Source("none"))
        await until(lambda: ann.view.camera.state is CameraState.OFF)
        ann.set_source(Source("demo"))
        await until(lambda: ann.view.camera.state is CameraState.LIVE, 30)


async def test_a_broker_that_stands_still_is_said_before_the_connection_is_given_up(
    mosquitto: Any, broker: BrokerUrl, tmp_path: Path
) -> None:
    def brisk(url: BrokerUrl, own: SessionPlan, viewer_id: str) -> Link:
        return MqttLink(url, own.channel, viewer_id, heartbeat_s=1)

    settings = RoomSettings(heartbeat_s=1, ttl_s=30)
    ann = Session(plan(broker, Source("none"), tmp_path), connect=brisk, room=RoomModel(settings))
    said: list[tuple[str, str]] = []

    def hear(event: SessionEvent) -> None:
        if isinstance(event, LinkUpdate):
            said.append((event.status.state, event.status.detail))

    ann.add_listener(hear)
    async with living(ann):
        await until(lambda: said == [("connected", "")])
        mosquitto.freeze()
        try:
            await until(lambda: ann.view.silent_s == 3)
        finally:
            mosquitto.thaw()
        await until(lambda: not ann.view.silent_s)
        assert said[1:] == [
            ("connected", "no answer from the broker for 2 s"),
            ("connected", ""),
        ]
