"""Which engine a name stands for, what it needs to run, and what `auto` takes."""

from __future__ import annotations

import json
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from children import run_child

from resonance_tui.commands import doctor
from resonance_tui.commands.session_builder import check_intent, frames_a_second
from resonance_tui.config import load
from resonance_tui.engines import auto, benchmark_cache, catalog, registry
from resonance_tui.engines.base import EngineOptions, EngineSpec
from resonance_tui.engines.benchmark_cache import (
    DAY_S,
    HOLDS_WITHIN_S,
    BenchmarkCache,
    EngineTiming,
)
from resonance_tui.engines.catalog import live_networks
from resonance_tui.errors import EngineUnavailable, InputError
from resonance_tui.extras import install_command
from resonance_zoo.cards import network_card

UNTRAINED = EngineOptions(allow_untrained=True)


class Timed:
    """An engine that only has a name and a speed."""

    def __init__(self, name: str, seconds: float) -> None:
        self.spec = EngineSpec(name, 16, 15.0, 112, 0.2, 0.3)
        self.seconds = seconds

    def predict(self, clip: np.ndarray) -> np.ndarray:
        return np.full(7, 1 / 7, np.float32)


def pretend_weights(folder: Path, *names: str) -> None:
    """Files and records as `models import` leaves them; nothing reads their numbers here."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.safetensors").write_bytes(b"")
        record = {"name": name, "sha256": f"{name:0<64}", "origin": "test", "source_sha256": ""}
        record |= {"imported_at": "", "wrapping": "", "dropped": [], "overrides": {}, "classes": []}
        (folder / f"{name}.json").write_text(json.dumps(record))


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Seconds a clip of each network, for `auto`; every loading is noted under "loaded"."""
    table: dict[str, float] = {}

    def build(name: str, *_: object) -> Timed:
        table[f"loaded {name}"] = table.get(f"loaded {name}", 0) + 1
        if name not in table:
            raise EngineUnavailable("broken")
        return Timed(name, table[name])

    monkeypatch.setattr(auto, "ZooEngine", build)
    monkeypatch.setattr(auto, "check_device", lambda options: None)
    monkeypatch.setattr(benchmark_cache, "measure", lambda engine: engine.seconds)
    return table


# Names


def test_every_clip_and_image_network_is_an_engine() -> None:
    assert {"auto", "static", "mae_dfer_mmnet_add", "poster_v2", "c3d"} <= set(registry.names())
    for name in live_networks():
        wants = network_card(name).input
        assert wants is not None and wants.frames >= 1 and wants.frame_rate > 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mmer_mlp", "not a camera"),
        ("mmer_bilstm", "not a camera"),
        ("mae_dfer_pretrain", "names no emotion"),
        ("static_cnn", "--engine static"),
        ("former_dferr", "former_dfer"),
        ("statik", "static"),
        ("qqqqq", "models list"),
    ],
)
def test_what_is_no_engine_is_said_with_what_to_type(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        registry.resolve(name, tmp_path, UNTRAINED)
    assert said in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("options", [{"device": "tpu"}, {"precision": "float64"}])
def test_a_device_or_precision_there_is_not(options: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(options.values()))):
        EngineOptions(**options)


# What is needed


def test_a_network_without_weights_is_refused_unless_that_is_meant(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match="no trained weights") as caught:
        registry.resolve("former_dfer", tmp_path)
    for way in ("models pull former_dfer", "models import FILE --as former_dfer"):
        assert way in caught.value.hint
    assert "--allow-untrained" in caught.value.hint
    assert registry.resolve("former_dfer", tmp_path, UNTRAINED) == "former_dfer"
    with pytest.raises(EngineUnavailable, match="no trained weights"):
        registry.create("former_dfer", tmp_path)


def test_nothing_is_offered_for_fetching_that_nobody_published(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        registry.resolve("ial", tmp_path)
    assert "models pull" not in caught.value.hint


def test_without_torch_the_line_to_type_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(catalog, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(EngineUnavailable, match="torch") as caught:
        registry.resolve("former_dfer", tmp_path, UNTRAINED)
    assert caught.value.hint == f"Install them: {install_command('zoo')}"
    assert caught.value.exit_code == 2


def test_a_damaged_record_is_said(tmp_path: Path) -> None:
    pretend_weights(tmp_path, "former_dfer")
    (tmp_path / "former_dfer.json").write_text("{")
    with pytest.raises(EngineUnavailable, match="damaged"):
        registry.resolve("former_dfer", tmp_path)


def test_who_has_no_camera_needs_no_weights_but_an_engine_that_there_is(tmp_path: Path) -> None:
    without = load({"camera.source": "none", "engine.name": "former_dfer"})
    assert check_intent(without).engine == "former_dfer"
    with pytest.raises(InputError, match="mae_defr"):
        check_intent(load({"camera.source": "none", "engine.name": "mae_defr"}))
    with pytest.raises(EngineUnavailable):
        check_intent(load({"camera.source": "demo", "engine.name": "former_dfer"}))


def test_the_engine_says_how_many_frames_it_needs_unless_the_person_did() -> None:
    assert frames_a_second(load()) is None
    assert frames_a_second(load({"camera.fps": 10.0})) == 10.0


# auto


def test_auto_without_weights_is_static_and_loads_no_torch(tmp_path: Path) -> None:
    assert registry.resolve("auto", tmp_path) == "static"
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from resonance_tui.engines import registry\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "registry.resolve('auto', folder)\n"
        "assert registry.create('auto', folder).spec.name == 'static'\n"
        "(folder / 'mae_dfer.voxceleb2.safetensors').touch()\n"  # a start for training, no engine
        "assert registry.create('auto', folder).spec.name == 'static'\n"
        "assert 'torch' not in sys.modules"
    )
    run_child([sys.executable, "-c", code], check=True, timeout=50)


def test_auto_takes_the_best_that_was_published(tmp_path: Path, speeds: dict[str, float]) -> None:
    pretend_weights(tmp_path, "c3d", "mae_dfer_mmnet_add", "former_dfer")
    speeds |= {"c3d": 0.1, "mae_dfer_mmnet_add": 0.5, "former_dfer": 0.1}
    assert registry.resolve("auto", tmp_path) == "auto"
    assert registry.create("auto", tmp_path).spec.name == "mae_dfer_mmnet_add"
    assert "loaded former_dfer" not in speeds


def test_auto_passes_over_what_is_too_slow_or_broken(
    tmp_path: Path, speeds: dict[str, float]
) -> None:
    pretend_weights(tmp_path, "c3d", "mae_dfer_mmnet_add", "former_dfer")
    speeds |= {"c3d": 0.1, "mae_dfer_mmnet_add": HOLDS_WITHIN_S + 0.1}
    said: list[str] = []
    why: list[str] = []
    found = registry.create("auto", tmp_path, say=said.append, warn=why.append)
    assert found.spec.name == "c3d"
    assert speeds["loaded former_dfer"] == 1
    assert "mae_dfer_mmnet_add: timing" in said
    assert why == [
        "mae_dfer_mmnet_add was passed over: it takes 900 ms a clip here, too slow",
        "former_dfer was passed over: broken",
    ]


def test_auto_passes_over_a_network_that_fails_while_it_is_timed_and_lets_go_of_it_first(
    tmp_path: Path, speeds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_weights(tmp_path, "c3d", "mae_dfer_mmnet_add")
    speeds |= {"c3d": 0.1, "mae_dfer_mmnet_add": 0.1}
    build, built = auto.ZooEngine, []

    def build_one(name: str, *rest: object) -> Timed:
        assert [one() for one in built] == [None] * len(built)
        engine = build(name, *rest)
        engine.itself = engine  # what only a collection of garbage takes apart
        built.append(weakref.ref(engine))
        return engine

    def run_out(engine: Timed) -> float:
        if engine.spec.name != "c3d":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.\nMore words.")
        return engine.seconds

    monkeypatch.setattr(auto, "ZooEngine", build_one)
    monkeypatch.setattr(benchmark_cache, "measure", run_out)
    why: list[str] = []
    assert registry.create("auto", tmp_path, warn=why.append).spec.name == "c3d"
    (reason,) = why
    assert reason.startswith("mae_dfer_mmnet_add was passed over: CUDA out of memory.")
    assert "More words" not in reason


def test_auto_does_not_pass_over_a_device_that_was_asked_for_and_is_not_there(
    tmp_path: Path, speeds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_weights(tmp_path, "c3d")

    def refuse(options: EngineOptions) -> None:
        raise EngineUnavailable(f"no {options.device}")

    monkeypatch.setattr(auto, "check_device", refuse)
    with pytest.raises(EngineUnavailable, match="no cuda"):
        registry.create("auto", tmp_path, EngineOptions(device="cuda"))


def test_a_damaged_record_is_a_reason_that_auto_gives(
    tmp_path: Path, speeds: dict[str, float]
) -> None:
    pretend_weights(tmp_path, "c3d", "former_dfer")
    speeds["c3d"] = 0.1
    (tmp_path / "former_dfer.json").write_text("{")
    why: list[str] = []
    assert registry.create("auto", tmp_path, warn=why.append).spec.name == "c3d"
    (reason,) = why
    assert "former_dfer was passed over" in reason and "damaged" in reason


def test_what_was_measured_on_another_device_is_measured_again(
    tmp_path: Path, speeds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_weights(tmp_path, "c3d")
    device, timed = ["a GPU"], []

    def build(name: str, *_: object) -> Timed:
        engine = Timed(name, 0.1 if device[0] == "a GPU" else 2.0)
        engine.spec = replace(engine.spec, runs_on=device[0])
        return engine

    def measure(engine: Timed) -> float:
        timed.append(engine.spec.runs_on)
        return engine.seconds

    monkeypatch.setattr(auto, "ZooEngine", build)
    monkeypatch.setattr(benchmark_cache, "measure", measure)
    for _ in range(2):
        assert registry.create("auto", tmp_path).spec.name == "c3d"
    assert timed == ["a GPU"]
    device[0] = "a processor"
    assert registry.create("auto", tmp_path).spec.name == "static"
    assert timed == ["a GPU", "a processor"]


def test_a_measured_network_is_not_loaded_to_be_measured_again(
    tmp_path: Path, speeds: dict[str, float]
) -> None:
    pretend_weights(tmp_path, "mae_dfer_mmnet_add")
    speeds["mae_dfer_mmnet_add"] = 2.0
    for _ in range(3):
        assert registry.create("auto", tmp_path).spec.name == "static"
    assert speeds["loaded mae_dfer_mmnet_add"] == 1
    on_gpu = EngineOptions(device="cuda")
    assert registry.create("auto", tmp_path, on_gpu).spec.name == "static"
    assert speeds["loaded mae_dfer_mmnet_add"] == 2


def test_too_slow_holds_for_a_day_and_quick_enough_for_a_month(tmp_path: Path) -> None:
    book = BenchmarkCache(tmp_path)
    slow, quick = EngineTiming(2.0, 0.0, "cpu"), EngineTiming(0.1, 0.0, "cpu")
    book.note("slow", slow)
    book.note("quick", quick)
    assert (book.recall("slow", 3600.0), book.recall("quick", 3600.0)) == (slow, quick)
    assert (book.recall("slow", 1.1 * DAY_S), book.recall("quick", 29 * DAY_S)) == (None, quick)
    assert book.recall("quick", 31 * DAY_S) is None
    assert book.recall("quick", -1.0) is None  # measured tomorrow, by a clock that was wrong
    assert book.recall("other", 0.0) is None


def test_the_book_forgets_what_is_older_than_a_season(tmp_path: Path) -> None:
    book = BenchmarkCache(tmp_path)
    for day, key in ((0, "old"), (500, "of a wrong clock"), (20, "kept"), (100, "new")):
        book.note(key, EngineTiming(0.1, day * DAY_S, "cpu"))
    assert set(json.loads((tmp_path / "speed.json").read_text())) == {"kept", "new"}


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x", 2, ""]}', "\x00"])
def test_a_damaged_book_of_speeds_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "speed.json").write_text(content)
    assert BenchmarkCache(tmp_path).recall("a", 0.0) is None


def test_a_book_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    BenchmarkCache(tmp_path / "not there").note("a", EngineTiming(1.0, 0.0, "cpu"))


def test_measuring_stops_early_for_a_slow_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    engine, asked = Timed("slow", 1.5), []

    def predict(clip: np.ndarray) -> None:
        assert clip.shape == (16, 112, 112, 3)
        asked.append(clip)
        now[0] += engine.seconds

    monkeypatch.setattr(engine, "predict", predict)
    monkeypatch.setattr(benchmark_cache.time, "perf_counter", lambda: now[0])
    assert benchmark_cache.measure(engine) == pytest.approx(1.5)
    assert len(asked) == 2
    engine.seconds = 0.01
    assert benchmark_cache.measure(engine) == pytest.approx(0.01)
    assert len(asked) == 2 + benchmark_cache.REPEATS


# doctor


@pytest.mark.parametrize(
    ("seconds", "verdict", "said"),
    [(0.1, "ok", "100.0 ms a clip of 16, holds one"), (1.2, "warn", "1200.0 ms a clip of 16, too")],
)
def test_doctor_says_whether_a_network_keeps_up(
    seconds: float, verdict: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    pretend_weights(tmp_path / "models", "former_dfer")
    engine = Timed("former_dfer", seconds)
    engine.spec = replace(engine.spec, runs_on="float16 on a card")
    monkeypatch.setattr(registry, "create", lambda *_, **__: engine)
    monkeypatch.setattr(benchmark_cache, "measure", lambda engine: engine.seconds)
    found = doctor._engine(load({"engine.name": "former_dfer"}))
    assert found.verdict == verdict
    assert "former_dfer (float16 on a card): " + said in found.text
    assert (tmp_path / "models/speed.json").is_file()


def test_doctor_says_what_auto_had_to_do_without(
    tmp_path: Path, speeds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    pretend_weights(tmp_path / "models", "c3d", "former_dfer")
    speeds["c3d"] = 0.1
    found = doctor._engine(load({"engine.name": "auto"}))
    assert (found.verdict, found.advice) == ("warn", "former_dfer was passed over: broken")
    assert found.text.startswith("c3d: 100.0 ms")


def test_doctor_goes_on_after_a_check_that_breaks_down() -> None:
    def engine() -> doctor.Finding:
        raise RuntimeError("CUDA out of memory.\nMore words.")

    assert doctor._guarded(engine) == doctor.Finding("engine", "fail", "CUDA out of memory.")


def test_doctor_advises_no_option_that_it_lacks(tmp_path: Path) -> None:
    found = doctor._engine(load({"engine.name": "former_dfer"}))
    assert found.verdict == "fail"
    assert "models pull former_dfer" in found.advice and "untrained" not in found.advice
