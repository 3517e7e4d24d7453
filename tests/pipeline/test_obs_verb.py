"""`obs` as a person starts it: a real program, a real broker, an OBS of the test's own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import click
import pytest
from children import end_child, run_child, start_child
from fake_obs import PASSWORD, FakeObs
from limits import within
from machine import Mosquitto

from resonance_tui.commands.obs import KINDS, Ears, rules_of
from resonance_tui.commands.quantities import Several
from resonance_tui.config import load
from resonance_tui.emotions import REACTIONS, Emotion
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import video_start
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session.events import RoomUpdate
from resonance_tui.session.outage import Outage

Program = subprocess.Popen[str]
APP = (sys.executable, "-m", "resonance_tui")
pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def started(*args: object, **variables: str) -> AsyncIterator[Program]:
    process = start_child(
        [*APP, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | variables,
        text=True,
    )
    try:
        yield process
    finally:
        end_child(process)


async def says(process: Program, words: str) -> str:
    """All that it said until a line with those words, which included."""
    assert process.stdout is not None
    said = ""
    async with within(30):
        while True:
            line = await asyncio.to_thread(process.stdout.readline)
            assert line, f"{words!r} not in {said!r}"
            said += line
            if words in line:
                return said


async def rest(process: Program) -> str:
    """What it says until its end."""
    assert process.stdout is not None
    return await asyncio.to_thread(process.stdout.read)


@pytest.mark.mosquitto
async def test_it_records_beside_obs_whose_clock_becomes_the_video_of_the_session(
    mosquitto: Mosquitto,
) -> None:
    obs = FakeObs()
    where = ("obs", "cats", "--broker", mosquitto.url, "--obs")
    secret = {"RESONANCE_OBS_PASSWORD": PASSWORD.reveal()}
    async with obs.listening() as port, started(*where, f"localhost:{port}", **secret) as program:
        said = await says(program, "OBS 31.0.2: not recording.")
        await obs.start()
        began = time.time()
        said += await says(program, "The session's video began")
        program.send_signal(signal.SIGTERM)
        said += await rest(program)
        assert program.wait() == 130
    assert PASSWORD.reveal() not in said
    with Store(load().database, read_only=True) as store:
        (span,) = store.sessions("cats")
        start = video_start(store, "cats", span.start, span.end)
    assert start == pytest.approx(began, abs=0.5)


@pytest.mark.mosquitto
async def test_a_wrong_password_is_one_line_and_the_room_goes_on(mosquitto: Mosquitto) -> None:
    where = ("obs", "cats", "--broker", mosquitto.url, "--duration", "2s", "--obs")
    secret = {"RESONANCE_OBS_PASSWORD": "hunter2-hunter2"}
    async with (
        FakeObs().listening() as port,
        started(*where, f"localhost:{port}", **secret) as program,
    ):
        said = await says(program, "The room goes on without OBS.")
        said += await rest(program)
        assert program.wait() == 0
    assert said.count("does not take the password") == 1
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--moments", "replays"), "replay, chapter, marker"),
        (("--obs", "me:secret-word@host"), "no address of an OBS"),
    ],
)
def test_what_cannot_be_meant_is_one_line_with_a_hint(args: tuple[str, ...], says: str) -> None:
    done = run_child([*APP, "obs", "cats", *args], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "secret-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_several_words_are_taken_and_the_last_one_is_completed() -> None:
    ctx, param = click.Context(click.Command("obs")), click.Option(["--moments"])
    kinds = Several(KINDS)
    assert kinds.convert("marker, replay", param, ctx) == {"marker", "replay"}
    for wrong in ("", "replay,", "none"):
        with pytest.raises(click.BadParameter, match="one or more"):
            kinds.convert(wrong, param, ctx)
    found = kinds.shell_complete(ctx, param, "replay,")
    assert [item.value for item in found] == ["replay,chapter", "replay,marker"]


def test_rules_are_as_the_options_say() -> None:
    asked = {"emotions": ("fear", "fear"), "share": 40.0, "least": 2, "cool_down": 5.0}
    rules = rules_of(asked)
    assert (rules.emotions, rules.share, rules.least) == ((Emotion.FEAR,), 0.4, 2)
    assert rules_of(asked | {"emotions": ()}).emotions == REACTIONS


class _Desk:
    def __init__(self) -> None:
        self.heard: list[object] = []

    def room(self, counts: tuple[int, ...], at: float) -> None:
        self.heard.append(counts)

    def blind(self) -> None:
        self.heard.append("blind")


class _View:
    outage: Outage | None = None


class _Session:
    view = _View()


def test_the_desk_hears_of_rooms_that_are_facts_alone() -> None:
    desk, session = _Desk(), _Session()
    ears = Ears(session, desk)
    seven = (1, 2, 3, 4, 5, 6, 7)
    room = replace(EMPTY_ROOM, viewers=28, counts=seven)
    ears.take(RoomUpdate(1.0, room))
    ears.take(RoomUpdate(2.0, replace(room, confirming=3)))
    ears.take(RoomUpdate(2.0, replace(room, is_counting=True)))
    session.view.outage = Outage(0.0, is_first=False)
    ears.take(RoomUpdate(3.0, room))
    assert desk.heard == [seven, "blind"]
