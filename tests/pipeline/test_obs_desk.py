"""A room and OBS together, against an OBS of the test's own that speaks obs-websocket 5."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from fake_obs import NO_BUFFER, NO_CHAPTERS, PASSWORD, UNKNOWN, FakeObs, Machine
from limits import within

from resonance_tui.emotions import Emotion
from resonance_tui.history.live_marks import LiveMark, live_marks
from resonance_tui.history.store import Store
from resonance_tui.history.video_parts import place_of, video_parts
from resonance_tui.obs import desk as desks
from resonance_tui.obs import requests
from resonance_tui.obs.client import ObsClient
from resonance_tui.obs.desk import DeskPlan, ObsDesk
from resonance_tui.obs.keeper import Keeper
from resonance_tui.obs.live_rules import LiveRules
from resonance_tui.secret import Secret

CALM, LAUGH = (1, 0, 9, 0, 0, 0, 0), (8, 0, 2, 0, 0, 0, 0)
EVER = 1 << 40
Opened = Callable[..., "Room"]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "ObsClient", partial(ObsClient, waits_s=(0.02,)))
    monkeypatch.setattr(requests, "SAVED_S", 0.1)
    monkeypatch.setattr(requests, "APART_S", 0.0)
    monkeypatch.setattr(requests, "TEXT_S", 0.02)


class Room:
    """A desk, and a room that moves when it is told to; a minute of it passes at once."""

    def __init__(self, path: Path, plan: DeskPlan) -> None:
        self.path = path
        self.said: list[str] = []
        self._news = asyncio.Event()
        self.keeper = Keeper(path, "cats", self._say, every_s=0.02)
        self.desk = ObsDesk(plan, self.keeper, self._say)

    def laugh(self) -> None:
        """It begins at this moment; the second in which it becomes clear passes at once."""
        self.desk.blind()
        now = time.monotonic()
        for second in range(-30, 0):
            self.desk.room(CALM, now + second)
        for quarter in range(5):
            self.desk.room(LAUGH, now + quarter / 4)

    async def says(self, *words: str) -> str:
        """The first line with all those words, said already or yet to come; it is taken, and what
        was said before stays."""
        try:
            async with within(10):
                while True:
                    for line in self.said:
                        if all(word in line for word in words):
                            self.said.remove(line)
                            return line
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{words} not in {self.said}") from None

    async def stored(self) -> list[LiveMark]:
        await self.keeper.flush()
        with Store(self.path, read_only=True) as store:
            return live_marks(store, "cats", 0, EVER)

    def _say(self, sentence: str) -> None:
        self.said.append(sentence)
        self._news.set()


def plan(port: int, *kinds: str, password: Secret = PASSWORD, **more: str) -> DeskPlan:
    rules = LiveRules(cool_down_s=0.0)
    wanted = frozenset(kinds or ("replay", "chapter", "marker"))
    return DeskPlan(f"ws://127.0.0.1:{port}", password, wanted, rules, **more)


@asynccontextmanager
async def watching(path: Path, plan: DeskPlan) -> AsyncIterator[Room]:
    room = Room(path, plan)
    over = asyncio.Event()

    async def work() -> None:
        await over.wait()

    running = asyncio.create_task(room.desk.beside(work()))
    try:
        yield room
    finally:
        over.set()
        await running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


async def test_a_laugh_is_saved_marked_and_found_in_the_file(path: Path) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port)) as room:
        assert "not recording" in await room.says("OBS 31.0.2")
        await obs.start(file="/v/a.mkv")
        await room.says("recording has begun")
        assert room.desk.words == "OBS records 0:00:00"
        began = time.time()
        room.laugh()
        line = await room.says("Laughter")
        assert line.startswith("Laughter: happiness 80% · 0:00:00.")
        assert line.endswith(" of /v/a.mkv · chapter · replay /v/Replay 1.mkv")
        assert obs.machine.added == ["Laughter: happiness 80%"]
        (mark,) = await room.stored()
        assert (mark.emotion, mark.people, mark.read) == (Emotion.HAPPINESS, 8, 10)
        assert mark.replay == "/v/Replay 1.mkv"
        await obs.stop()
        await room.says("recording has ended")
    with Store(path, read_only=True) as store:
        place = place_of(video_parts(store, "cats", 0, EVER), mark.t)
    assert place is not None and place.is_exact
    assert place.seconds == pytest.approx(mark.t - began, abs=0.2)


async def test_an_obs_without_chapters_is_told_of_once_and_own_marks_are_kept(path: Path) -> None:
    for code in (UNKNOWN, NO_CHAPTERS):
        obs = FakeObs(Machine(chapters=code))
        async with obs.listening() as port, watching(path, plan(port, "chapter")) as room:
            await room.says("OBS 31")
            await obs.start()
            await room.says("has begun")
            for _ in range(2):
                room.laugh()
                assert "chapter" not in await room.says("Laughter")
            await room.says("CreateRecordChapter", "Own marks are kept.")
            assert not [line for line in room.said if "CreateRecordChapter" in line]
            assert await room.stored()


async def test_a_paused_recording_that_answers_success_and_saves_nothing_is_noticed(
    path: Path,
) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port)) as room:
        await room.says("OBS 31")
        await obs.start()
        await obs.pause()
        await room.says("is paused")
        assert room.desk.words == "OBS is paused"
        room.laugh()
        await room.says("saves no replay while its recording is paused")
        assert "replay" not in await room.says("Laughter")
        assert not obs.machine.added
        await obs.resume()
        await room.says("goes on")
        room.laugh()
        await room.says("Laughter", "replay /v/Replay 1.mkv")
        assert len(await room.stored()) == 2


async def test_a_full_disk_is_noticed_by_the_replay_and_by_the_recording(path: Path) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port)) as room:
        await room.says("OBS 31")
        await obs.start()
        obs.machine.is_disk_full = True
        await room.says("has begun")
        room.laugh()
        await room.says("saved no replay", "disk full?")
        await obs.stop()
        await room.says("OBS has ended the recording", "0 MB left")


async def test_a_stream_that_ends_by_itself_is_told_apart_from_one_that_was_ended(
    path: Path,
) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port)) as room:
        await room.says("OBS 31")
        for by_itself, words in ((True, "by itself"), (False, "The stream has ended.")):
            await obs.start("Stream", "")
            await obs.stop("Stream", by_itself=by_itself)
            await room.says(words)


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (Machine(buffer=NO_BUFFER), ("replay buffer is switched off", "Settings, Output")),
        (Machine(is_buffering=False), ("replay buffer does not run", "Start Replay Buffer")),
    ],
)
async def test_a_replay_buffer_that_is_off_is_said_before_it_is_needed(
    path: Path, machine: Machine, words: tuple[str, ...]
) -> None:
    async with (
        FakeObs(machine).listening() as port,
        watching(path, plan(port)) as room,
    ):
        await room.says(*words)
        room.laugh()
        await room.says("OBS refuses SaveReplayBuffer")
        assert "replay" not in await room.says("Laughter")


async def test_a_text_source_says_it_and_is_empty_again_and_media_are_played(path: Path) -> None:
    obs = FakeObs()
    there = {"text": "Caption", "media": "Jingle"}
    async with obs.listening() as port, watching(path, plan(port, "marker", **there)) as room:
        await room.says("OBS 31")
        room.laugh()
        await room.says("Laughter")
        async with within(10):
            while len(obs.machine.settings) < 2 or not obs.machine.played:
                await obs.asked.get()
        assert obs.machine.settings == [("Caption", "☺ Laughter: happiness 80%"), ("Caption", "")]
        assert obs.machine.played == ["Jingle"]


@pytest.mark.parametrize("kind", ["text", "media"])
async def test_a_source_that_is_not_there_is_said_with_those_that_are(
    path: Path, kind: str
) -> None:
    async with (
        FakeObs().listening() as port,
        watching(path, plan(port, **{kind: "Captoin"})) as room,
    ):
        await room.says("no source 'Captoin'", "Caption, Jingle")


async def test_a_wrong_password_is_said_and_the_room_goes_on_without_obs(path: Path) -> None:
    secret = Secret("not the one")
    async with (
        FakeObs().listening() as port,
        watching(path, plan(port, password=secret)) as room,
    ):
        line = await room.says("does not take the password", "The room goes on without OBS.")
        assert secret.reveal() not in line
        room.laugh()
        assert await room.says("Laughter") == "Laughter: happiness 80%"
        assert len(await room.stored()) == 1


async def test_an_obs_that_is_absent_is_said_once_and_may_come_later(
    path: Path, unused_port: int
) -> None:
    async with watching(path, plan(unused_port)) as room:
        await room.says("No OBS answers", "WebSocket Server Settings")
        room.laugh()
        await room.says("Laughter")
        obs = FakeObs()
        await obs.start()
        async with obs.listening(unused_port):
            assert "positions within about a second" in await room.says("OBS 31", "recording runs")
            assert not room.said  # it was tried many times
            room.laugh()
            await room.says("Laughter", "chapter")


async def test_a_split_and_a_pause_give_each_moment_its_file_and_position(path: Path) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port, "marker")) as room:
        await room.says("OBS 31")
        await obs.start(file="/v/a.mkv")
        await obs.pause()
        await obs.resume()
        await room.says("goes on")
        await obs.split("/v/b.mkv")
        await room.says("another file")
        split_at = time.time()
        room.laugh()
        assert "of /v/b.mkv" in await room.says("Laughter")
        (mark,) = await room.stored()
        await obs.stop()
        await room.says("has ended")
    with Store(path, read_only=True) as store:
        parts = video_parts(store, "cats", 0, EVER)
    assert [part.file for part in parts] == ["/v/a.mkv", "/v/a.mkv", "/v/b.mkv"]
    place = place_of(parts, mark.t)
    assert place is not None
    assert place.seconds == pytest.approx(mark.t - split_at, abs=0.2)


async def test_a_stream_gives_places_where_nothing_is_recorded(path: Path) -> None:
    obs = FakeObs()
    async with obs.listening() as port, watching(path, plan(port, "marker")) as room:
        await room.says("OBS 31")
        await obs.start("Stream", "")
        await obs.state("Stream", "RECONNECTING")
        await room.says("stream has lost its server")
        await obs.start("Stream", "")  # OBS counts from 0 again, the platform goes on
        room.laugh()
        assert "of the stream" in await room.says("Laughter")
    with Store(path, read_only=True) as store:
        assert len(video_parts(store, "cats", 0, EVER)) == 1


async def test_a_database_that_is_a_folder_does_not_end_the_room(tmp_path: Path) -> None:
    async with FakeObs().listening() as port, watching(tmp_path, plan(port)) as room:
        room.laugh()
        await room.says("Laughter")
        await room.says("is a folder", "Marks wait in memory.")
    assert "1 mark" in room.said[-1]
