"""A real OBS under Xvfb: what is told of its files is where ffmpeg finds the picture."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from children import run_child
from limits import within
from obs_studio import PASSWORD, Remote, Studio, flashes, studio, what_is_missing

from resonance_tui.history.store import Store
from resonance_tui.history.video_parts import place_of, video_parts
from resonance_tui.obs.desk import DeskPlan, ObsDesk
from resonance_tui.obs.keeper import Keeper
from resonance_tui.obs.live_rules import LiveRules

EVER = 1 << 40
WITHIN_S = 0.2
pytestmark = [
    pytest.mark.skipif(bool(what_is_missing()), reason=f"not installed: {what_is_missing()}"),
    pytest.mark.timeout(240),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@asynccontextmanager
async def desk_at(there: Studio, path: Path, said: list[str]) -> AsyncIterator[ObsDesk]:
    """Attached, and heard of OBS what it does."""
    plan = DeskPlan(there.url, PASSWORD, rules=LiveRules(cool_down_s=0.0))
    desk = ObsDesk(plan, Keeper(path, "cats", said.append), said.append)
    over = asyncio.Event()

    async def work() -> None:
        await over.wait()

    running = asyncio.create_task(desk.beside(work()))
    try:
        async with within(20):
            while not any(line.startswith("OBS ") for line in said):
                await asyncio.sleep(0.02)
        yield desk
    finally:
        over.set()
        await running


def room_laughs(desk: ObsDesk) -> None:
    now = time.monotonic()
    desk.blind()
    for second in range(-30, 0):
        desk.room((1, 0, 9, 0, 0, 0, 0), now + second)
    for quarter in range(5):
        desk.room((8, 0, 2, 0, 0, 0, 0), now + quarter / 4)


async def says(said: list[str], words: str) -> str:
    try:
        async with within(15):
            while not (found := [line for line in said if words in line]):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{words!r} not in {said}") from None
    return found[0]


def places(path: Path, times: list[float]) -> list[tuple[str, float, bool]]:
    with Store(path, read_only=True) as store:
        parts = video_parts(store, "cats", 0, EVER)
    found = [place_of(parts, t) for t in times]
    return [(each.file, each.seconds, each.is_exact) for each in found if each is not None]


async def test_moments_before_and_after_a_pause_are_within_a_fifth_of_a_second_of_the_picture(
    tmp_path: Path, path: Path
) -> None:
    said: list[str] = []
    async with studio(tmp_path) as there, Remote(there) as obs, desk_at(there, path, said):
        await asyncio.sleep(3)  # OBS's first pictures come late
        await obs.ask("StartReplayBuffer")
        await obs.ask("StartRecord")
        await obs.until_state("Record", "STARTED")
        await asyncio.sleep(1)
        times = [await obs.flash()]
        await obs.ask("PauseRecord")
        await obs.until_state("Record", "PAUSED")
        await asyncio.sleep(1)
        await obs.ask("ResumeRecord")
        await obs.until_state("Record", "RESUMED")
        await asyncio.sleep(0.5)
        times.append(await obs.flash())
        await asyncio.sleep(1)
        await obs.ask("StopRecord")
        ended = await obs.until_state("Record", "STOPPED")
    file = ended.data["outputPath"]
    shown = flashes(Path(file))
    found = places(path, times)
    assert [(name, exact) for name, _, exact in found] == [(file, True)] * 2
    assert [seconds for _, seconds, _ in found] == pytest.approx(shown, abs=WITHIN_S)


async def test_attached_while_it_runs_a_place_is_approximate_and_not_far_off(
    tmp_path: Path, path: Path
) -> None:
    said: list[str] = []
    async with studio(tmp_path) as there, Remote(there) as obs:
        await asyncio.sleep(3)
        await obs.ask("StartRecord")
        await obs.until_state("Record", "STARTED")
        await asyncio.sleep(1.5)
        async with desk_at(there, path, said):
            assert "positions within about a second" in said[0]
            at = await obs.flash()
            await asyncio.sleep(1.5)
            await obs.ask("StopRecord")
            ended = await obs.until_state("Record", "STOPPED")
            await asyncio.sleep(0)
    ((file, seconds, is_exact),) = places(path, [at])
    assert not is_exact
    assert file == ended.data["outputPath"]
    assert [seconds] == pytest.approx(flashes(Path(file)), abs=1.0)


async def test_a_replay_is_saved_and_its_absence_while_paused_is_noticed(
    tmp_path: Path, path: Path
) -> None:
    said: list[str] = []

    async with (
        studio(tmp_path) as there,
        Remote(there) as obs,
        desk_at(there, path, said) as desk,
    ):
        await says(said, "replay buffer does not run")
        await asyncio.sleep(3)
        await obs.ask("StartReplayBuffer")
        await obs.ask("StartRecord")
        await obs.until_state("Record", "STARTED")
        await asyncio.sleep(3)
        room_laughs(desk)
        replay = (await says(said, "Laughter")).partition("replay ")[2]
        assert there.videos.joinpath(Path(replay).name).is_file()
        await says(said, "CreateRecordChapter")  # OBS 29 has none
        said.clear()
        await obs.ask("PauseRecord")
        await obs.until_state("Record", "PAUSED")
        await says(said, "recording is paused")
        room_laughs(desk)
        await says(said, "saves no replay while its recording is paused")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a disk that is small")
async def test_a_recording_that_a_full_disk_has_ended_is_noticed(
    tmp_path: Path, path: Path
) -> None:
    small, said = tmp_path / "small", list[str]()
    await asyncio.to_thread(small.mkdir)
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(small)]
    if (await asyncio.to_thread(run_child, mount)).returncode:
        pytest.skip("nothing is mounted here")
    try:
        async with (
            studio(tmp_path, videos=small) as there,
            Remote(there) as obs,
            desk_at(there, path, said),
        ):
            await obs.ask("StartRecord")
            await obs.until_state("Record", "STARTED")
            await asyncio.to_thread((small / "more").write_bytes, bytes(15_000_000))
            await says(said, "OBS has ended the recording: its disk has")
    finally:
        await asyncio.to_thread(run_child, ["umount", "--lazy", str(small)])
