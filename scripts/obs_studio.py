"""A real OBS Studio under Xvfb, in a home of its own, for tests and `bench_desk`."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonance_tui.obs.client import ObsClient
from resonance_tui.obs.protocol import Event, ObsProblem
from resonance_tui.secret import Secret

PASSWORD = Secret("a password of the test")
PATIENCE_S = 60.0  # on a machine that does much else
PROGRAMS = ("obs", "Xvfb", "ffmpeg")
WHITE, BLACK = 0xFFFFFFFF, 0xFF000000
SCENE, FLASH = "Scene", "flash"


def what_is_missing() -> str:
    """Names of programs that are not installed; "" where all are."""
    return ", ".join(name for name in PROGRAMS if shutil.which(name) is None)


@dataclass(frozen=True)
class Studio:
    """An OBS that runs."""

    port: int
    videos: Path
    process: subprocess.Popen[Any]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@asynccontextmanager
async def studio(folder: Path, *, videos: Path | None = None) -> AsyncGenerator[Studio]:
    """Until the block ends. The first 3 s of its pictures are not worth much."""
    videos, port = videos or folder / "videos", _free_port()
    _write_settings(folder, videos, port)
    with _screen() as display:
        surroundings = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / ".config"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "DISPLAY": display,
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        process = _start(surroundings, folder / "obs.log")
        try:
            yield Studio(port, videos, process)
        finally:
            await asyncio.to_thread(_end, process)


class _screen:
    """An Xvfb on a free display."""

    def __enter__(self) -> str:
        ours, theirs = os.pipe()
        command = ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1024x700x24"]
        self._process = subprocess.Popen(
            [*command, "-nolisten", "tcp"], pass_fds=(theirs,), stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            return f":{pipe.readline().strip()}"

    def __exit__(self, *_: object) -> None:
        _end(self._process)


def _start(surroundings: dict[str, str], log: Path) -> subprocess.Popen[Any]:
    with log.open("wb") as output:
        return subprocess.Popen(
            ["obs", "--multi"], env=surroundings, stdout=output, stderr=subprocess.STDOUT
        )


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _write_settings(folder: Path, videos: Path, port: int) -> None:
    place = folder / ".config/obs-studio"
    profile = place / "basic/profiles/T"
    for each in (profile, place / "basic/scenes", folder / "run", videos):
        each.mkdir(parents=True, exist_ok=True)
    (folder / "run").chmod(0o700)
    (place / "global.ini").write_text(
        "[General]\nFirstRun=true\nLastVersion=486539266\nInfoIncrement=999\n"
        "EnableAutoUpdates=false\n"
        "[Basic]\nProfile=T\nProfileDir=T\nSceneCollection=T\nSceneCollectionFile=T\n"
        f"[OBSWebSocket]\nFirstLoad=false\nServerEnabled=true\nServerPort={port}\n"
        f"AuthRequired=true\nServerPassword={PASSWORD.reveal()}\nAlertsEnabled=false\n"
    )
    (profile / "basic.ini").write_text(
        "[General]\nName=T\n"
        "[Video]\nBaseCX=320\nBaseCY=180\nOutputCX=320\nOutputCY=180\nFPSCommon=30\n"
        "[Output]\nMode=Simple\n"
        f"[SimpleOutput]\nFilePath={videos}\nRecFormat=mkv\nRecQuality=Small\nRecEncoder=x264\n"
        "RecRB=true\nRecRBTime=5\nRecRBSize=64\n"
    )


class Remote:
    """Asks an OBS, and waits for what it tells. Its picture is black until it is told to flash."""

    def __init__(self, studio: Studio) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self._is_there = asyncio.Event()
        self._client = ObsClient(studio.url, PASSWORD, self._take, self._on_link, waits_s=(0.1,))
        self.ask = self._client.request

    async def __aenter__(self) -> Remote:
        self._running = asyncio.create_task(self._client.run())
        async with asyncio.timeout(PATIENCE_S):
            await self._is_there.wait()
        await self._until_ready()
        await self.ask(
            "CreateInput",
            sceneName=SCENE,
            inputName=FLASH,
            inputKind="color_source_v3",
            inputSettings={"color": BLACK, "width": 320, "height": 180},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def flash(self) -> float:
        """White for a fifth of a second; when it began, in epoch seconds."""
        at = time.time()
        await self.ask("SetInputSettings", inputName=FLASH, inputSettings={"color": WHITE})
        await asyncio.sleep(0.2)
        await self.ask("SetInputSettings", inputName=FLASH, inputSettings={"color": BLACK})
        return at

    async def until(self, is_it: Callable[[Event], bool]) -> Event:
        """The first event of that kind, told before or from now on; it is taken."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.events:
                    if is_it(event):
                        self.events.remove(event)
                        return event
                self._news.clear()
                await self._news.wait()

    async def until_state(self, output: str, state: str) -> Event:
        return await self.until(
            lambda event: (
                event.kind == f"{output}StateChanged"
                and event.data["outputState"] == f"OBS_WEBSOCKET_OUTPUT_{state}"
            )
        )

    async def _until_ready(self) -> None:
        """OBS lets clients in before its scenes are there."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(ObsProblem):
                    names = [
                        each["sceneName"] for each in (await self.ask("GetSceneList"))["scenes"]
                    ]
                    if SCENE in names:
                        return
                await asyncio.sleep(0.1)

    def _take(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def _on_link(self, problem: ObsProblem | None) -> None:
        (self._is_there.clear if problem else self._is_there.set)()


def flashes(video: Path) -> list[float]:
    """Seconds of each first white picture in a file."""
    command = ["ffmpeg", "-nostdin", "-i", str(video), "-vf", "scale=1:1,format=gray,showinfo"]
    found = subprocess.run(
        [*command, "-f", "null", "-"], capture_output=True, text=True, check=True
    )
    shown = re.findall(r"pts_time:\s*([\d.]+).*?mean:\[(\d+)", found.stderr)
    begins: list[float] = []
    was_white = False
    for at, mean in shown:
        if (is_white := int(mean) > 128) and not was_white:
            begins.append(float(at))
        was_white = is_white
    return begins
