"""Where the training data is, and small stand-ins for it."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import cv2
import numpy as np
import pytest
from children import run_child

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
DATA = ROOT.parent / "shared" / "data" / "ferplus.npz"
COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
    "contempt", "unknown", "NF",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks gain nothing from torch's threads, and these spin while they wait for each
    other, which takes the processor from whoever would let them go on.

    Torch is not imported for it: a module whose tests need it has done so by now.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def ferplus_file() -> Path:
    """The real faces, where the machine has them."""
    if not DATA.is_file():
        pytest.skip("the training data (../shared/data/ferplus.npz) is not on this machine")
    return DATA


@pytest.fixture
def run_script() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run scripts/NAME with arguments, in a fresh interpreter."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPTS / name), *map(str, arguments)]
        return run_child(command, capture_output=True, text=True, timeout=240, check=False)

    return run


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a script's main in this process."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def call(name: str, *arguments: object) -> int:
        spec = spec_from_loader(name, SourceFileLoader(name, str(SCRIPTS / name)))
        assert spec and spec.loader
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)  # where its dataclasses look for it
        spec.loader.exec_module(module)
        return module.main([str(argument) for argument in arguments])

    return call


@pytest.fixture
def quick_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers share one import of torch, where the system can fork a process that has it."""
    from resonance_zoo.train.still import local_sgd  # needs torch, as only some tests here do

    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([local_sgd.__name__])
        monkeypatch.setattr(local_sgd.mp, "get_context", lambda _: context)


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    """Forty noise images in the packed format: thirty to train on, ten for valid."""
    rng = np.random.default_rng(0)
    coded = [
        cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].ravel()
        for image in rng.integers(0, 255, (40, 48, 48), dtype=np.uint8)
    ]
    votes = np.zeros((40, 10), np.uint8)
    votes[np.arange(40), np.arange(40) % 7] = 9
    path = tmp_path / "tiny.npz"
    np.savez(
        path,
        webp=np.concatenate(coded),
        offsets=np.cumsum([0, *map(len, coded)]),
        votes=votes,
        vote_columns=np.array(COLUMNS),
        split=np.array(["train"] * 30 + ["valid"] * 10),
        name=np.array([f"face{i}.png" for i in range(40)]),
        dup_corr=np.zeros(40, np.float16),
    )
    return path


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> object:
    """The record of some trainers, pickled as if its class stood in their script."""
    from .weights_files import RecorderMeter  # needs torch, as only some tests here do

    monkeypatch.setattr(RecorderMeter, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "RecorderMeter", RecorderMeter, raising=False)
    return RecorderMeter()
