"""A real network of the zoo on the live path, and engines that are much slower than the camera."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from children import run_child, start_child
from limits import patience

import resonance_zoo
from resonance_tui.emotions import Emotion
from resonance_tui.engines import base, registry
from resonance_tui.engines.base import EngineOptions, EngineSpec, EngineState, weights_folder
from resonance_tui.errors import EngineUnavailable
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.pipeline.sources import CameraState, Source, parse_source
from resonance_zoo.cards import network_card

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `zoo`)")
from resonance_zoo import inference  # noqa: E402  (both need torch)
from resonance_zoo.clip_input import ClipError  # noqa: E402

NAME = "mae_dfer"
TINY = {
    "img_size": 32,
    "num_frames": 16,
    "embed_dim": 16,
    "depth": 1,
    "num_heads": 2,
    "region_size": (2, 2, 2),
}
CPU = EngineOptions(device="cpu", precision="float32")


def imported(data_dir: Path, **overrides: object) -> torch.nn.Module:
    """A tiny network with random numbers, taken in as `models import` does."""
    from resonance_zoo.weights import import_weights

    torch.manual_seed(0)
    network = resonance_zoo.create(NAME, **(TINY | overrides))
    torch.nn.init.normal_(network.head.weight, std=1.0)
    data_dir.mkdir(exist_ok=True)
    file = data_dir / "checkpoint.pth"
    torch.save({"model": network.state_dict()}, file)
    import_weights(file, NAME, weights_folder(data_dir), **(TINY | overrides))
    return network.eval()


# The engine


def test_it_gives_what_the_network_gives(tmp_path: Path) -> None:
    network, card = imported(tmp_path), network_card(NAME)
    assert card.input is not None
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)
    assert engine.spec == EngineSpec(NAME, 16, 15.0, 32, 0.2, 0.3, "float32 on cpu", True)
    clip = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    pixels = torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1, 1) for v in (card.input.mean, card.input.std))
    with torch.no_grad():
        expected = torch.softmax(network((pixels - mean) / std)[0], -1).numpy()
    assert engine.predict(clip) == pytest.approx(expected, abs=1e-5)
    assert expected.max() > 0.2


def test_an_untrained_one_answers_and_never_counts(tmp_path: Path) -> None:
    options = replace(CPU, allow_untrained=True)
    engine = registry.create("former_dfer", weights_folder(tmp_path), options)
    assert not engine.spec.is_trained
    assert engine.spec.unsure_below > 1
    found = engine.predict(np.zeros((16, 112, 112, 3), np.uint8))
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_weights_for_other_classes_are_refused(tmp_path: Path) -> None:
    imported(tmp_path, num_classes=5)
    with pytest.raises(EngineUnavailable, match="5 classes"):
        registry.create(NAME, weights_folder(tmp_path), CPU)


def test_weights_that_changed_since_are_refused(tmp_path: Path) -> None:
    imported(tmp_path)
    with (weights_folder(tmp_path) / f"{NAME}.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(EngineUnavailable, match="SHA-256"):
        registry.create(NAME, weights_folder(tmp_path), CPU)


@pytest.mark.parametrize("name", [NAME, "auto"])
def test_a_device_that_is_not_here_is_said(name: str, tmp_path: Path) -> None:
    if torch.backends.mps.is_available():
        pytest.skip("this machine has an mps device")
    imported(tmp_path)
    with pytest.raises(EngineUnavailable, match="mps") as caught:
        registry.create(name, weights_folder(tmp_path), EngineOptions(device="mps"))
    assert "--device" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("CUDA out of memory. Tried 2 GiB.\nMore."), "too little memory: CUDA out"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "too little"),
        (MemoryError(), "too little memory"),
        (AssertionError("Torch not compiled with CUDA enabled"), "cannot run on the device 'cpu'"),
        (ClipError("the network's answer is not finite"), "cannot be used: the network's answer"),
    ],
)
def test_what_torch_throws_is_told_in_words(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(tmp_path)
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)

    def throw(*_: object) -> None:
        raise error

    monkeypatch.setattr(inference.Predictor, "predict", throw)
    for ask in (
        lambda: engine.predict(np.zeros((16, 32, 32, 3), np.uint8)),
        lambda: registry.create(NAME, weights_folder(tmp_path), CPU),
    ):
        with pytest.raises(EngineUnavailable, match=re.escape(said)) as caught:
            ask()
        assert caught.value.hint and "More" not in caught.value.message


def test_both_lists_of_devices_and_of_precisions_say_the_same() -> None:
    """The app's can be had without torch."""
    assert set(base.DEVICES) == set(inference.DEVICES)
    assert set(base.PRECISIONS) == set(inference.PRECISIONS)


def test_auto_measures_and_takes_it(tmp_path: Path) -> None:
    imported(tmp_path)
    folder = weights_folder(tmp_path)
    assert registry.create("auto", folder, CPU).spec.name == NAME
    (key,) = json.loads((folder / "speed.json").read_text())
    assert key.startswith(NAME) and "cpu float32" in key


@pytest.mark.faces
def test_a_clip_of_a_real_film_holds_sixteen_moments_of_a_second(
    shared_data: Path, tmp_path: Path, face_model: None
) -> None:
    imported(tmp_path)
    engine = registry.create(NAME, weights_folder(tmp_path), CPU)
    detector = detectors.create("auto", shared_data / "face_landmarker.task")
    perception = Perception(engine.spec, detector)
    camera = FrameSource(parse_source(str(shared_data / "clips/single_face.mp4")), fps=15)
    camera.start()
    clip, after, until = None, -1, time.monotonic() + patience(15)
    try:
        while clip is None and time.monotonic() < until:
            frame = camera.latest(after)
            if frame is None:
                time.sleep(0.005)
                continue
            after = frame.index
            clip = perception.observe(frame).clip
    finally:
        camera.stop()
        detector.close()
    assert clip is not None
    assert clip.frames.shape == (16, 32, 32, 3)
    assert all(a < b for a, b in pairwise(clip.times))
    assert clip.times[-1] - clip.times[0] == pytest.approx(1.0, abs=0.5)
    assert len({frame.tobytes() for frame in clip.frames}) == 16
    assert engine.predict(clip.frames).sum() == pytest.approx(1, abs=1e-5)


# The whole program

JOIN = [sys.executable, "-m", "resonance_tui", "join", "films", "--headless", "--json"]


def join(*args: str, data_dir: Path) -> tuple[list[dict], str]:
    done = run_child(
        [*JOIN, *args],
        capture_output=True,
        text=True,
        timeout=80,
        env=os.environ | {"RESONANCE_DATA_DIR": str(data_dir)},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def join_until(
    is_enough: Callable[[dict], bool], *args: str, data_dir: Path
) -> tuple[list[dict], str]:
    """The same, ended by Ctrl-C at the second view of the room after the event one waits for."""
    viewer = start_child(
        [*JOIN, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"RESONANCE_DATA_DIR": str(data_dir)},
    )
    try:
        assert viewer.stdout is not None
        told = [json.loads(viewer.stdout.readline())]
        while not is_enough(told[-1]):
            told.append(json.loads(viewer.stdout.readline()))
        enough = len(told)
        while sum(event["type"] == "room" for event in told[enough:]) < 2:
            told.append(json.loads(viewer.stdout.readline()))
        viewer.send_signal(signal.SIGINT)
        rest, said = viewer.communicate(timeout=patience(20))
    finally:
        viewer.kill()
        viewer.communicate()
    assert viewer.returncode == 130, said
    return told + [json.loads(line) for line in rest.splitlines()], said


@pytest.mark.mosquitto
@pytest.mark.faces
@pytest.mark.timeout(90)
def test_a_film_is_read_by_a_network_of_the_zoo(
    shared_data: Path, tmp_path: Path, mosquitto, face_model: None
) -> None:
    imported(tmp_path)
    film = str(shared_data / "clips/single_face.mp4")
    told, said = join(
        *("--camera", film, "--once", "--engine", NAME, "--device", "cpu"),
        *("--broker", mosquitto.url),
        data_dir=tmp_path,
    )
    readings = [e for e in told if e["type"] == "self" and e["latency_ms"]]
    assert len(readings) >= 5
    assert all(sum(e["probabilities"]) == pytest.approx(1, abs=1e-3) for e in readings)
    assert {"capture", "face", "network", "smoothing", "total"} == set(readings[-1]["latency_ms"])
    assert any(e["emotion"] for e in readings)
    assert not any("untrained" in e for e in told)
    assert f"engine {NAME}: ready" in said and "on cpu" in said


@pytest.mark.mosquitto
@pytest.mark.timeout(90)
def test_an_untrained_network_is_said_and_the_room_hears_unsure(
    tmp_path: Path, mosquitto, face_model: None
) -> None:
    told, said = join_until(
        lambda event: event["type"] == "room" and event["unsure"] == 1,
        *("--camera", "demo", "--engine", "former_dfer", "--allow-untrained"),
        *("--broker", mosquitto.url, "--duration", "30"),
        data_dir=tmp_path,
    )
    own = [e for e in told if e["type"] == "self" and e["latency_ms"]]
    assert own and all(e["untrained"] and e["state"] == "unsure" for e in own)
    assert all(e["emotion"] is None for e in own)
    rooms = [e for e in told if e["type"] == "room"]
    assert rooms[-1]["unsure"] == 1
    assert all(sum(e["counts"].values()) == 0 for e in rooms)
    assert said.count("former_dfer is untrained") == 1


# Engines that are slow


class SlowEngine:
    """Takes its time over every clip, and remembers what it was shown."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.spec = EngineSpec("slow", 16, 15.0, 24, 0.2, 0.3)
        self.seconds = seconds
        self.times: list[float] = []
        self.stuck = threading.Event()  # set: lets a prediction that hangs go
        self.running = self.most_at_once = 0

    def predict(self, clip: np.ndarray) -> np.ndarray:
        assert len({frame.tobytes() for frame in clip}) == 16
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.times.append(time.monotonic())
        self.stuck.wait(self.seconds)
        self.running -= 1
        found = np.full(7, 0.02, np.float32)
        found[Emotion.SURPRISE] = 0.88
        return found


class Watcher:
    """A FacePipeline over the demo portraits, with what it told."""

    def __init__(self, engine: SlowEngine, data_dir: Path, **options: object) -> None:
        self.told: list[tuple[Steady, dict[str, float]]] = []
        self.notices: list[str] = []
        settings = {"fps": None, "once": False, "options": EngineOptions()} | options
        self.face = FacePipeline(
            Source("demo"),
            "slow",
            data_dir,
            on_reading=lambda *reading: self.told.append(reading),
            on_status=lambda: None,
            on_notice=self.notices.append,
            **settings,
        )

    @property
    def read(self) -> list[tuple[Steady, dict[str, float]]]:
        """Predictions alone."""
        return [(steady, latency) for steady, latency in self.told if latency]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, face_model: None) -> SlowEngine:
    engine = SlowEngine()
    monkeypatch.setattr("resonance_tui.engines.registry.create", lambda *_: engine)
    return engine


@contextlib.asynccontextmanager
async def living(watcher: Watcher) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watcher.face.run())
        yield
        task.cancel()


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + patience(seconds)
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


async def test_clips_flow_and_the_loop_turns_while_a_prediction_runs(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher, late = Watcher(slow, tmp_path), []
    async with living(watcher):
        await until(lambda: slow.times)
        first, started = len(slow.times), time.monotonic()
        while len(slow.times) < first + 3:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - before - 0.01)
            assert before - started < patience(15)
    assert slow.most_at_once == 1
    gaps = [b - a for a, b in pairwise(slow.times)]
    assert max(gaps) < slow.seconds + patience(
        0.7
    )  # the next clip was ready: no second was lost to filling it
    assert sorted(late)[int(len(late) * 0.99)] < patience(0.2)
    totals = [latency["total"] for _, latency in watcher.read]
    assert all(1000 < total < 1000 + patience(1500) for total in totals)


async def test_a_face_that_waits_for_its_first_prediction_is_not_away(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 4.0
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: any(steady.code is Emotion.UNSURE for steady, _ in watcher.told))
        assert not watcher.read
        await until(lambda: watcher.read)
        assert watcher.read[0][0].code is Emotion.SURPRISE


async def test_leaving_does_not_wait_for_a_prediction_that_hangs(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 60.0
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: slow.running)
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < patience(2)
    slow.stuck.set()


async def test_what_began_before_the_camera_went_off_is_never_told(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.read and slow.running)
        watcher.face.switch(False)
        known = len(watcher.read)
        await until(lambda: watcher.face.camera.state is CameraState.OFF)
        await asyncio.sleep(slow.seconds + 0.3)
        assert len(watcher.read) == known
        watcher.face.switch(True)
        await until(lambda: len(watcher.read) > known)


async def test_nothing_is_told_that_was_seen_before_it_was_to_be_forgotten(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 0.3
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.read and slow.running)
        asked, known = len(slow.times), len(watcher.read)
        watcher.face.forget()
        forgot_at = time.monotonic()
        assert watcher.told[-1][0] is ABSENT
        await until(lambda: len(slow.times) > asked)
        assert len(watcher.read) == known
        assert slow.times[asked] - forgot_at > 0.9  # sixteen new frames, fifteen a second
        await until(lambda: len(watcher.read) > known)


async def test_a_camera_too_slow_for_the_clips_is_said_with_both_numbers(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher = Watcher(slow, tmp_path, fps=4.0)
    async with living(watcher):
        await until(lambda: watcher.notices)
        assert "camera.fps is 4; the clips of slow need 7.5 or more." in watcher.notices[0]
        await until(lambda: len(watcher.notices) > 1)
        assert re.search(r"slow gets [34]\.\d frames .* need 7\.5", watcher.notices[1])
    assert not slow.times


async def test_what_auto_had_to_do_without_is_said(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(
        name: str, folder: Path, options: EngineOptions, say: Callable, warn: Callable
    ) -> SlowEngine:
        warn("c3d was passed over: broken")
        return slow

    monkeypatch.setattr("resonance_tui.engines.registry.create", choose)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.notices)
    assert "c3d was passed over: broken" in watcher.notices[0]


async def test_an_engine_that_cannot_be_loaded_is_said_with_what_to_do(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise EngineUnavailable("There is no such device.", "Try --device cpu.")

    monkeypatch.setattr("resonance_tui.engines.registry.create", refuse)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.face.engine.state is EngineState.FAILED)
        assert watcher.face.engine.detail == "There is no such device. Try --device cpu."
    once = Watcher(slow, tmp_path, once=True)
    with pytest.raises(EngineUnavailable, match=r"^There is no such device\.$") as caught:
        await once.face.run()
    assert caught.value.hint == "Try --device cpu."


@pytest.mark.parametrize(
    "broken",
    [
        "resonance_tui.engines.registry.create",
        "resonance_tui.pipeline.detectors.registry.create",
    ],
)
async def test_whoever_could_not_load_can_still_be_stopped_by_a_time_limit(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: object) -> None:
        raise EngineUnavailable("There is no such device.")

    watcher = Watcher(slow, tmp_path)
    monkeypatch.setattr(broken, refuse)
    watching = asyncio.create_task(watcher.face.run())
    await until(lambda: watcher.face.engine.state is EngineState.FAILED)
    assert watching.cancelling() == 0, "asyncio.timeout would not know its own cancellation"
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_detector_that_nobody_wants_any_more_is_closed_once_it_is_built(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release, closed = threading.Event(), threading.Event(), threading.Event()

    class LateDetector:
        name = "late"
        close = staticmethod(closed.set)

    def build(*_: object) -> LateDetector:
        begun.set()
        release.wait(patience(10))
        return LateDetector()

    monkeypatch.setattr("resonance_tui.pipeline.detectors.registry.create", build)
    async with living(Watcher(slow, tmp_path)):
        await until(begun.is_set)
    assert not closed.is_set()
    release.set()
    assert await asyncio.to_thread(closed.wait, 5)


async def test_a_slow_engine_that_breaks_down_is_said(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(clip: np.ndarray) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(slow, "predict", break_down)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.face.engine.state is EngineState.FAILED)
        assert watcher.face.engine.detail == "out of memory"
        assert watcher.face.camera.state is CameraState.OFF


@pytest.mark.parametrize(("asked", "expected"), [(None, 15.0), (8.0, 8.0)])
async def test_the_camera_is_as_quick_as_the_clips_need_unless_told_otherwise(
    slow: SlowEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: float | None,
    expected: float,
) -> None:
    rates: list[float] = []

    class Noted(FrameSource):
        def __init__(self, source: Source, *, fps: float, once: bool) -> None:
            rates.append(fps)
            super().__init__(source, fps=fps, once=once)

    monkeypatch.setattr("resonance_tui.pipeline.camera.FrameSource", Noted)
    watcher = Watcher(slow, tmp_path, fps=asked)
    async with living(watcher):
        await until(lambda: rates)
    assert rates == [expected]


async def test_a_wait_for_a_frame_can_be_cancelled_at_any_moment() -> None:
    """Also in the very moment in which a frame comes."""
    camera = FrameSource(Source("demo"))
    for steps in range(8):
        task = asyncio.create_task(camera.next(-1))
        await asyncio.sleep(0.01)
        camera._wake_waiters()
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task


@pytest.mark.mosquitto
@pytest.mark.timeout(90)
def test_ctrl_c_ends_the_program_at_once_whatever_the_network_does(
    tmp_path: Path, mosquitto, face_model: None
) -> None:
    code = (
        "import sys, torch\n"
        "from resonance_tui import cli\n"
        "from resonance_tui.engines import registry\n"
        "def hang(*_):\n"
        "    torch.set_num_threads(1)  # half a minute of work, however many cores there are\n"
        "    one = torch.ones(12_000, 12_000)\n"
        "    print('hangs', flush=True); torch.mm(one, one); print('done', flush=True)\n"
        "registry.create = hang\n"
        "sys.argv[1:] = ['join', 'x', '--camera', 'demo', '--headless',\n"
        f"                '--broker', {mosquitto.url!r}]\n"
        "cli.main()"
    )
    child = start_child(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    while "hangs" not in child.stdout.readline():
        assert child.poll() is None
    left_at = time.monotonic()
    child.send_signal(2)
    after, said = child.communicate(timeout=patience(60))
    assert "done" not in after  # it ended while C++ was computing in a thread
    assert child.returncode == 130
    # A farewell to the broker may take three seconds; another program may have the cores.
    assert time.monotonic() - left_at < patience(15)
    assert "at most" in said and "Traceback" not in said
