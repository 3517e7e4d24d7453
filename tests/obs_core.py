"""The core of OBS 32 from a wheel (`pylibobs`) as the OBS behind a server of ours. A program: it
records a picture that flashes as Hybrid MP4 while a room laughs, and prints where the marks are.

It knows no WebSocket, so `FakeObs` speaks for it; the chapters and the file are the core's own.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from fake_obs import DONE, NO_CHAPTERS, PASSWORD, FakeObs, Machine
from pylibobs._ffi import ffi, get_lib
from pylibobs.context import OBSContext
from pylibobs.encoder import AudioEncoder, VideoEncoder
from pylibobs.output import Output
from pylibobs.source import Source

from resonance_tui.history.live_marks import live_marks
from resonance_tui.history.store import Store
from resonance_tui.history.video_parts import place_of, video_parts
from resonance_tui.obs.desk import DeskPlan, ObsDesk
from resonance_tui.obs.keeper import Keeper
from resonance_tui.obs.live_rules import LiveRules

WHITE, BLACK = 0xFFFFFFFF, 0xFF000000
CALM, LAUGH = (1, 0, 9, 0, 0, 0, 0), (8, 0, 2, 0, 0, 0, 0)
FLASHES = 4


class _Arguments(ctypes.Structure):
    """libobs's `calldata_t`."""

    _fields_ = (
        ("stack", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("fixed", ctypes.c_bool),
    )


class Core(FakeObs):
    """Records, and sets chapters as OBS's front end does."""

    def __init__(self, file: Path) -> None:
        context = OBSContext()
        context.startup()
        context.set_video(320, 180, 30, 1)
        context.set_audio()
        context.load_modules()
        super().__init__(Machine(version=context.version))
        self._kept = context
        self.picture = Source.create("color_source", "flash", {"color": BLACK})
        self.picture.update({"width": 320, "height": 180})
        get_lib().obs_set_output_source(0, self.picture._ptr)
        self.output = Output.create("mp4_output", "record", {"path": str(file)})
        self._video = VideoEncoder.create("obs_x264", "v", {"preset": "veryfast"})
        self._audio = AudioEncoder.create("ffmpeg_aac", "a")
        self._audio.attach_audio()
        self.output.set_video_encoder(self._video)
        self.output.set_audio_encoder(self._audio)

    def _CreateRecordChapter(self, data: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        is_set = _call(self.output, b"add_chapter", b"chapter_name", data["chapterName"])
        return (DONE if is_set else NO_CHAPTERS), {}


def _call(output: Output, name: bytes, argument: bytes, value: str) -> bool:
    """A procedure of an output. The library that is mapped already: the wheel has it thrice."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    library = ctypes.CDLL(next(line.split()[-1] for line in maps if "libobs.so" in line))
    library.obs_output_get_proc_handler.restype = ctypes.c_void_p
    library.proc_handler_call.restype = ctypes.c_bool
    pointer = ctypes.c_void_p(int(ffi.cast("uintptr_t", output._ptr)))
    handler = ctypes.c_void_p(library.obs_output_get_proc_handler(pointer))
    text, arguments = value.encode() + b"\0", _Arguments()
    length = ctypes.c_size_t(len(text))
    library.calldata_set_data(ctypes.byref(arguments), argument, text, length)
    return bool(library.proc_handler_call(handler, name, ctypes.byref(arguments)))


async def record(core: Core, file: Path, database: Path) -> None:
    told = asyncio.Event()
    async with core.listening() as port:
        plan = DeskPlan(
            f"ws://127.0.0.1:{port}",
            PASSWORD,
            frozenset({"chapter", "marker"}),
            LiveRules(cool_down_s=0.0),
        )

        def say(sentence: str) -> None:
            print(sentence, file=sys.stderr)
            told.set()

        desk = ObsDesk(plan, Keeper(database, "cats", say), say)

        async def work() -> None:
            await told.wait()
            core.output.start()
            while not core.output.active:
                await asyncio.sleep(0.001)
            await core.start(file=str(file))
            for _ in range(FLASHES):
                await asyncio.sleep(1.3)
                await laugh(core, desk)
            await asyncio.sleep(2)
            await core.stop()
            core.output.stop()

        await desk.beside(work())


async def laugh(core: Core, desk: ObsDesk) -> None:
    """The picture and the room at once."""
    desk.blind()
    now = time.monotonic()
    core.picture.update({"color": WHITE})
    for second in range(-30, 0):
        desk.room(CALM, now + second)
    for quarter in range(5):
        desk.room(LAUGH, now + quarter / 4)
    await asyncio.sleep(0.25)
    core.picture.update({"color": BLACK})


def main() -> None:
    file, database = map(Path, sys.argv[1:])
    core = Core(file)
    asyncio.run(record(core, file, database))
    with Store(database, read_only=True) as store:
        parts = video_parts(store, "cats", 0, 1 << 40)
        places = [place_of(parts, mark.t) for mark in live_marks(store, "cats", 0, 1 << 40)]
    marks = [place.seconds for place in places if place is not None]
    print(json.dumps({"version": core.machine.version, "marks": marks}))
    sys.stdout.flush()
    os._exit(0)  # the core's own end wants a screen of its own


if __name__ == "__main__":
    main()
