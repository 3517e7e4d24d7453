"""The schedule, and that a stopped run goes on as if it had not been stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest
from children import start_child
from limits import patience

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from resonance_zoo.train.checkpoint_file import CheckpointError  # noqa: E402
from resonance_zoo.train.still import local_sgd  # noqa: E402
from resonance_zoo.train.still.checkpoint import StillCheckpoint  # noqa: E402
from resonance_zoo.train.still.recipe import StillRecipe  # noqa: E402

SMALL = StillRecipe(epochs=8, workers=2, batch=4, sync_steps=2, seed=3)

# Its worker waits at the barrier when the parent stands still after the first averaging.
STANDS_STILL = """
import multiprocessing, signal, torch
from resonance_zoo.train.still import local_sgd
from resonance_zoo.train.still.checkpoint import StillCheckpoint
from resonance_zoo.train.still.recipe import StillRecipe
start = StillCheckpoint.start(StillRecipe(epochs=8, workers=1, batch=4, sync_steps=1))
faces, weights = torch.zeros(4, 48, 48, dtype=torch.uint8), torch.ones(4, dtype=torch.float64)
for tick in local_sgd.train(start, local_sgd.TrainingData(faces, torch.eye(7)[:4], weights)):
    print(multiprocessing.active_children()[0].pid, flush=True)
    signal.pause()
"""


def data(images: int = 16) -> local_sgd.TrainingData:
    generator = torch.Generator().manual_seed(0)
    return local_sgd.TrainingData(
        torch.randint(0, 255, (images, 48, 48), generator=generator, dtype=torch.uint8),
        torch.eye(7)[torch.arange(images) % 7],
        torch.full((images,), 1 / images, dtype=torch.float64),
    )


def test_the_schedule_warms_up_then_falls_to_zero() -> None:
    rates = [SMALL.rate_at(p) for p in (0, 0.02, 0.5, 1.0)]
    assert rates[0] < rates[2] < rates[1] <= SMALL.learning_rate
    assert rates[3] == 0


def test_crops_grow_to_full_size() -> None:
    assert [SMALL.size_at(p, 48) for p in (0, 0.5, 0.99)] == [32, 40, 48]


def test_a_resumed_run_equals_one_that_was_not_stopped(tmp_path: Path, quick_workers: None) -> None:
    start = StillCheckpoint.start(SMALL)
    whole = [tick.checkpoint for tick in local_sgd.train(start, data())][-1]
    assert whole.progress >= 1

    first = local_sgd.train(start, data())
    for _ in range(3):
        stopped = next(first).checkpoint
    first.close()
    assert stopped.progress < 1
    stopped.save(tmp_path / "checkpoint.pt")

    later = StillCheckpoint.load(tmp_path / "checkpoint.pt")
    resumed = [tick.checkpoint for tick in local_sgd.train(later, data())][-1]
    assert resumed.step == whole.step
    assert torch.equal(resumed.average, whole.average)
    assert torch.equal(resumed.momentum, whole.momentum)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
def test_workers_end_with_a_parent_that_is_killed() -> None:
    parent = start_child([sys.executable, "-c", STANDS_STILL], stdout=PIPE, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.terminate()
    parent.wait(patience(10))
    _, alive = psutil.wait_procs([worker], timeout=patience(10))
    assert not alive


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pt"
    odd.write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        StillCheckpoint.load(odd)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        StillCheckpoint.load(tmp_path / "gone.pt")


def test_a_checkpoint_holds_plain_values_under_names_that_stay(tmp_path: Path) -> None:
    StillCheckpoint.start(SMALL).save(tmp_path / "checkpoint.pt")
    raw = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert raw.keys() == {
        "recipe", "weights", "momentum", "average", "step", "elapsed_s", "cpu_s", "progress",
    }  # fmt: skip
    as_lists = raw["recipe"] | {"sizes": [list(pair) for pair in raw["recipe"]["sizes"]]}
    assert StillRecipe.from_plain(as_lists) == SMALL
