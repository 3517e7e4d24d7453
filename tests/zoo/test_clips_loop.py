"""The loop: stopped anywhere it goes on bit for bit; batches, checkpoints and views of clips."""

from __future__ import annotations

import errno
import os
import signal
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for package in ("torch", "accelerate", "tensorboard"):
    pytest.importorskip(package, reason=f"{package} (extra 'zoo') is not installed")

import torch  # noqa: E402
from accelerate import Accelerator  # noqa: E402
from resonance_zoo.checkpoints.official import read_official  # noqa: E402
from resonance_zoo.train.checkpoint_file import CheckpointError  # noqa: E402
from resonance_zoo.train.clips import annotations, checkpoint, flags, recipes, session  # noqa: E402
from resonance_zoo.train.clips.batches import OrderedBatches, ShuffledBatches  # noqa: E402
from resonance_zoo.train.clips.evaluate import Batching, TestClips, Views, predict  # noqa: E402
from resonance_zoo.train.clips.fine_tune import FineTuning  # noqa: E402
from resonance_zoo.train.clips.flags import FlagError  # noqa: E402
from resonance_zoo.train.clips.loop import GracefulStop, Stopped, TrainingRun  # noqa: E402
from resonance_zoo.train.clips.watch import Watch, confusion_as_markdown  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from tests.zoo.made_up_clips import TINY, make  # noqa: E402

RECIPE = replace(recipes.FUSED, batch=4, epochs=2, warmup_epochs=1, base_lr=0.05)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clips"))


class StopAfter(GracefulStop):
    """Says stop when it is asked for the `steps + 1`-th time."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @property
    def is_set(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.left -= 1
        return self.left < 0


def run_in(out: Path, clips: Path, *, resume: bool = False, micro_batch: int = 4) -> TrainingRun:
    args = Namespace(
        out=out, resume=resume, seed=3, micro_batch=micro_batch, save_minutes=9, compile=False,
        workers=0,
    )  # fmt: skip
    listed = annotations.read(clips / "list.csv", clips)
    task = FineTuning("mae_dfer_mmnet_add", RECIPE, dict(TINY), listed, listed[:6], None)
    return session.assemble(task, args, Accelerator(cpu=True))[0]


def train(run: TrainingRun, stop: GracefulStop) -> None:
    with Watch(run.settings.out, run.steps, run.place.step, speaks=False) as watch:
        run.train(stop, watch)


@pytest.mark.parametrize("broken", ["loss", "weights"])
@pytest.mark.parametrize("save", ["stop", "timer"])
def test_numbers_that_are_none_never_replace_a_checkpoint(
    clips: Path, tmp_path: Path, broken: str, save: str
) -> None:
    run = run_in(tmp_path, clips)
    with pytest.raises(Stopped):
        train(run, StopAfter(1))
    good = (tmp_path / checkpoint.LAST).read_bytes()
    real_step = run._step

    def step(batches: Iterator[Any]) -> Tensor:
        loss = real_step(batches)
        if broken == "weights":
            nn.init.constant_(run.learner.network.head.weight, float("nan"))
        return loss * float("nan") if broken == "loss" else loss

    run._step = step  # type: ignore[method-assign]
    run._save_is_due = lambda: save == "timer"  # type: ignore[method-assign]
    said = "the loss is nan at step 2" if broken == "loss" else "head.weight is not finite"
    with pytest.raises(RuntimeError, match=said):
        train(run, StopAfter(1 if save == "stop" else 99))
    assert (tmp_path / checkpoint.LAST).read_bytes() == good


@pytest.mark.parametrize("steps", [0, 2, 4])
def test_a_stopped_run_goes_on_bit_for_bit(clips: Path, tmp_path: Path, steps: int) -> None:
    whole = run_in(tmp_path / "whole", clips)
    train(whole, StopAfter(99))
    parts = run_in(tmp_path / "parts", clips)
    with pytest.raises(Stopped):
        train(parts, StopAfter(steps))
    torch.rand(7)  # nothing that happens in between matters
    again = run_in(tmp_path / "parts", clips, resume=True)
    assert again.place.step == steps
    train(again, StopAfter(99))
    assert again.place == whole.place and whole.place.step == 6
    theirs = whole.learner.network.state_dict()
    for name, value in again.learner.network.state_dict().items():
        assert torch.equal(value, theirs[name]), name
    files = [checkpoint.read(run.settings.out / checkpoint.LAST) for run in (whole, again)]
    for one, other in zip(*(file.optimiser["state"].values() for file in files), strict=True):
        assert torch.equal(one["exp_avg_sq"], other["exp_avg_sq"])


def test_micro_batches_add_up_to_the_batch(clips: Path, tmp_path: Path) -> None:
    """Without mixing and batch norms, that is: with SGD one step moves by the mean gradient."""
    moved = []
    for size in (4, 2):
        run = run_in(tmp_path / str(size), clips, micro_batch=size)
        run.learner.prepare = lambda batch: batch  # type: ignore[method-assign]
        run.learner.loss = nn.CrossEntropyLoss()
        for module in run.learner.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
            if hasattr(module, "drop_prob"):
                module.drop_prob = 0.0
        run.place.step = 2
        data = iter(run.loader)
        run._step(next(data) for _ in range(run.batches.accumulation))
        moved.append(run.learner.network.head.weight.detach().clone())
    torch.testing.assert_close(moved[0], moved[1], rtol=1e-3, atol=1e-6)


def test_checkpoints_are_in_the_official_wrapping(clips: Path, tmp_path: Path) -> None:
    run = run_in(tmp_path, clips)
    with pytest.raises(Stopped):
        train(run, StopAfter(3))
    raw = torch.load(tmp_path / checkpoint.LAST, weights_only=True)
    assert {"model", "optimizer", "epoch", "scaler", "args"} <= raw.keys()
    assert (raw["epoch"], raw["step"]) == (0, 3)
    assert raw["args"]["network"] == "mae_dfer_mmnet_add"
    official = read_official(tmp_path / checkpoint.LAST)
    assert official.wrapping == "model"
    run.learner.network.load_state_dict(official.state, strict=True)
    assert (tmp_path / checkpoint.BEST).is_file() and run.place.best_epoch == 0
    assert not list(tmp_path.glob("*.partial"))


def test_resuming_another_run_is_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        run_in(tmp_path, clips, resume=True)
    about = {"network": "a", "recipe": {"batch": 4, "epochs": 2}}
    checkpoint.check_same(about, {**about}, tmp_path)
    other = {"network": "a", "recipe": {"batch": 8, "epochs": 2}}
    with pytest.raises(CheckpointError, match="trained with batch = 4, this command says 8"):
        checkpoint.check_same(about, other, tmp_path)
    whole = tmp_path / "whole.pth"
    checkpoint.ClipCheckpoint({"a": torch.zeros(200, 200)}, {}, None, checkpoint.Place(), {}).write(
        whole, 0
    )
    for length in (1, 100, 2_000, 20_000, 100_000, whole.stat().st_size - 1):
        (tmp_path / checkpoint.LAST).write_bytes(whole.read_bytes()[:length])
        with pytest.raises(CheckpointError, match="is damaged"):
            checkpoint.read(tmp_path / checkpoint.LAST)
        assert checkpoint.about(tmp_path / checkpoint.LAST) == {}
    (tmp_path / checkpoint.LAST).write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="is damaged"):
        run_in(tmp_path, clips, resume=True)
    with pytest.raises(CheckpointError, match="already holds a run: add --resume"):
        run_in(tmp_path, clips)


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    (tmp_path / checkpoint.LAST).write_bytes(b"locked")
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(CheckpointError, match=r"cannot be read \(Permission denied\)"):
        checkpoint.read(tmp_path / checkpoint.LAST)


def test_the_first_ctrl_c_asks_and_the_second_interrupts() -> None:
    with GracefulStop().listening() as stop:
        assert not stop.is_set
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.is_set
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_processes_share_out_every_step() -> None:
    def keys(rank: int, world: int, micro_batch: int, first_step: int = 0) -> list[list[int]]:
        batches = ShuffledBatches(23, 8, micro_batch, rank, world, 5, 1, first_step)
        found = [[index for _, index in batch] for batch in batches]
        assert len(found) == len(batches)
        return found

    whole = keys(0, 1, 8)
    assert len(whole) == 2 and len({*whole[0], *whole[1]}) == 16
    halves = [keys(rank, 2, 2) for rank in (0, 1)]
    first_step = [index for half in halves for batch in half[:2] for index in batch]
    assert first_step == whole[0]
    assert keys(0, 1, 8, first_step=1) == whole[1:]


def test_validation_looks_at_every_clip_once() -> None:
    parts = [OrderedBatches(11, 3, rank, 2) for rank in (0, 1)]
    found = [index for part in parts for batch in part for _, index in batch]
    assert sorted(found) == list(range(11))
    assert [len(list(part)) for part in parts] == [len(part) for part in parts]


class Watching(nn.Module):
    """Answers from the clip's brightness, and counts the views it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.views = 0

    def forward(self, clip: Tensor) -> Tensor:
        self.views += len(clip)
        return clip.mean((1, 2, 3, 4))[:, None] * torch.linspace(-40, 40, 7)


def test_equal_views_are_computed_once_for_the_same_answer(clips: Path) -> None:
    listed = annotations.read(clips / "list.csv", clips)
    look = session.look_of("mae_dfer", {"num_frames": 12, "img_size": 16})
    sampling = recipes.sampling_of(recipes.VIDEOMAE, 12)
    answers, views = [], []
    for all_views in (False, True):
        network = Watching()
        data = TestClips(listed, sampling, look, Views(2, 2, all_views))
        found = dict(predict(network, data, Batching(torch.device("cpu"), clips=5)))
        assert list(found) == list(range(14))
        answers.append(np.array(list(found.values())))
        views.append(network.views)
    short = sum(9 + 5 * number + label <= 12 for label in range(7) for number in range(2))
    assert views == [2 * (14 - short) + short, 4 * 14]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-12)
    np.testing.assert_allclose(answers[0].sum(1), 1)


def test_confusion_is_a_table_for_tensorboard() -> None:
    lines = confusion_as_markdown(np.eye(7, dtype=int)).splitlines()
    assert len(lines) == 9 and lines[2] == "| happiness | 1 | 0 | 0 | 0 | 0 | 0 | 0 |"


@pytest.mark.parametrize(
    ("pairs", "said"),
    [(["depth"], "NAME=VALUE, not 'depth'"), (["a b=1"], "'a b=1'"), (["depth="], "'depth='")],
)
def test_settings_that_are_none(pairs: list[str], said: str) -> None:
    with pytest.raises(FlagError, match=said):
        flags.overrides(Namespace(set=pairs))


def test_settings_are_numbers_tuples_or_words() -> None:
    pairs = ["depth=2", "region_size=(1,2,4)", "classify_tokens=org"]
    found = flags.overrides(Namespace(set=pairs))
    assert found == {"depth": 2, "region_size": (1, 2, 4), "classify_tokens": "org"}


def test_networks_that_cannot_be_built_say_so() -> None:
    with pytest.raises(ValueError, match="has no setting 'deep'; it has: "):
        session.create("mae_dfer", {"deep": 3})
    with pytest.raises(FlagError, match="mae_dfer cannot be built with depth='two'"):
        session.create("mae_dfer", {"depth": "two"})
    with pytest.raises(FlagError, match="whole numbers"):
        session.look_of("mae_dfer", {"img_size": "big"})
