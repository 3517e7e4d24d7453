"""The three training scripts from outside: they learn, stop, go on, score and refuse."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest

for package in ("torch", "accelerate", "tensorboard"):
    pytest.importorskip(package, reason=f"{package} (extra 'zoo') is not installed")

import torch  # noqa: E402

from model_zoo import metrics  # noqa: E402
from model_zoo.dfer.checkpoint import LAST, read  # noqa: E402
from model_zoo.weights import read_official  # noqa: E402
from tests.zoo.dfer_clips import SETTINGS, make  # noqa: E402

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OVERFIT = [
    *SETTINGS,
    *("--network", "mae_dfer_mmnet_add", "--set", "drop_path_rate=0", "--device", "cpu"),
    *("--augmentation", "none", "--mixup", "0", "--cutmix", "0", "--smoothing", "0"),
    *("--batch", "7", "--epochs", "30", "--base-lr", "0.1", "--warmup-epochs", "2"),
    *("--layer-decay", "1", "--save-minutes", "0"),
]
PRETRAIN = [
    *SETTINGS,
    *("--set", "decoder_dim=24", "--set", "decoder_depth=1", "--set", "decoder_num_heads=2"),
    *("--batch", "7", "--epochs", "12", "--base-lr", "0.3", "--warmup-epochs", "1"),
    *("--mask-ratio", "0.75", "--crop", "2", "0", "42", "40", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clips"))


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a script's main in this process."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def call(name: str, *arguments: object) -> int:
        spec = spec_from_loader(name, SourceFileLoader(name, str(SCRIPTS / name)))
        assert spec and spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.main([str(argument) for argument in arguments])

    return call


def interrupted(arguments: list[str], out: Path) -> subprocess.CompletedProcess[str]:
    """Start training, press Ctrl-C once there is a checkpoint."""
    command = [sys.executable, str(SCRIPTS / "train_dfer"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / LAST).exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@pytest.mark.timeout(180)
def test_the_fused_network_overfits_after_an_interruption(
    main: Callable[..., int], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, table = tmp_path / "out", tmp_path / "predictions.csv"
    listed = ["--annotations", str(clips / "list.csv")]
    arguments = [str(clips), *listed, "--out", str(out), *OVERFIT]
    stopped = interrupted(arguments, out)
    assert stopped.returncode == 130, stopped.stderr
    assert f"saved; go on with --resume (checkpoint: {out / LAST})" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    before = read(out / LAST).place.step
    assert 0 < before < 60

    assert main("train_dfer", *arguments, "--resume") == 0
    heard = capsys.readouterr()
    assert heard.out.strip() == str(out / LAST)
    assert f"going on at step {before}" in heard.err
    assert any((out / "tensorboard").iterdir())

    scored = [clips, *listed, "--network", "mae_dfer_mmnet_add", "--weights", out / LAST]
    scored += ["--predictions", table, "--device", "cpu"]
    assert main("evaluate_dfer", *scored, "--json", "--all-views", "--shares") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["war"], figures["uar"], figures["clips"]) == (100, 100, 14)
    rows = list(csv.DictReader(table.open()))
    assert list(rows[0])[:3] == ["clip", "label", "pred"] and rows[0]["clip"] == "Daily/Happy/0000"
    said, labels = (np.array([int(row[key]) for row in rows]) for key in ("pred", "label"))
    assert metrics.confusion(said, labels).tolist() == figures["confusion"]
    assert sum(float(rows[0][key]) for key in rows[0] if key.startswith("p_")) == pytest.approx(
        1, abs=1e-5
    )

    assert main("evaluate_dfer", *scored) == 0
    assert "WAR 100.00   UAR 100.00" in capsys.readouterr().out
    assert main("train_dfer", *arguments) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert main("train_dfer", *arguments, "--resume", "--batch", "2") == 2
    assert "batch = 7, this command says 2" in capsys.readouterr().err


@pytest.mark.timeout(120)
def test_pre_training_learns_and_starts_a_classifier(
    main: Callable[..., int],
    clips: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses: list[float] = []
    monkeypatch.setattr(
        "model_zoo.dfer.watch.Watch.trained",
        lambda _self, _step, values: losses.append(values["loss"]),
    )
    out = tmp_path / "pretrained"
    assert main("pretrain_dfer", clips, "--out", out, *PRETRAIN) == 0
    assert len(losses) == 12 and np.mean(losses[-2:]) < 0.9 * losses[0]
    capsys.readouterr()

    # One epoch at a rate of 0 leaves the encoder as it was read.
    tuned = tmp_path / "tuned"
    arguments = [clips, "--annotations", clips / "list.csv", "--out", tuned, *OVERFIT]
    arguments += ["--init", out / LAST, "--epochs", "1", "--base-lr", "0", "--min-lr", "0"]
    assert main("train_dfer", *arguments) == 0
    assert "left out of the file: decoder, encoder, encoder_to_decoder, mask_token" in (
        capsys.readouterr().err
    )
    encoder = read_official(out / LAST).state["encoder.blocks.1.mlp.fc1.weight"]
    found = read_official(tuned / LAST).state
    assert torch.equal(found["blocks.1.mlp.fc1.weight"], encoder)


@pytest.mark.timeout(120)
def test_two_processes_share_a_step(clips: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    listed = ["--annotations", str(clips / "list.csv"), "--valid", str(clips / "list.csv")]
    command += [str(SCRIPTS / "train_dfer"), str(clips), *listed, "--out", str(tmp_path)]
    command += [*OVERFIT, "--epochs", "2", "--batch", "4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "batch 4 = 2 x 2 x 1" in done.stderr
    assert done.stderr.count("epoch 2  WAR") == 1  # one voice, one table over both halves
    assert done.stdout.strip() == str(tmp_path / LAST)
    assert read(tmp_path / LAST).place.step == 6


def test_bad_input_is_one_sentence_and_exit_code_2(
    main: Callable[..., int], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = ["--annotations", clips / "list.csv"]
    (tmp_path / "bad.csv").write_text("Daily/Happy/0000 Happy\nDaily/Sad/0000 9\n")
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    train = [clips, *OVERFIT, "--out", tmp_path / "out"]
    fused = ["--network", "mae_dfer_mmnet_add", "--device", "cpu"]
    cases = [
        (
            "train_dfer",
            [*train, "--annotations", tmp_path / "bad.csv"],
            "bad.csv, line 2: ",
        ),
        ("train_dfer", [*train, *listed, "--network", "mae_dfr"], "did you mean mae_dfer"),
        ("train_dfer", [*train, *listed, "--batch", 500], "14 clips are fewer than one batch"),
        ("train_dfer", [*train, *listed, "--micro-batch", 3], "micro-batches of 3 on 1 processes"),
        ("train_dfer", [*train, *listed, "--mixup", 1], "a micro-batch of 7 is odd"),
        ("train_dfer", [*train, *listed, "--set", "num_classes=5"], "7 emotions"),
        ("train_dfer", [*train, *listed, "--set", "deep=5"], "has no setting 'deep'"),
        ("train_dfer", [*train, *listed, "--init", tmp_path / "weights.pth"], "no checkpoint"),
        ("train_dfer", [*train, *listed, "--resume"], "there is no checkpoint"),
        ("train_dfer", [*train, *listed, "--epochs", 0], "--epochs must be at least 1"),
        ("evaluate_dfer", [clips, *fused, *listed, "--weights", "gone.pth"], "gone.pth"),
        ("evaluate_dfer", [tmp_path, *fused, *listed, "--weights", "gone.pth"], "14 of the 14"),
        ("pretrain_dfer", [tmp_path, *PRETRAIN, "--out", tmp_path / "out"], "no folder of frames"),
        (
            "pretrain_dfer",
            [clips, *PRETRAIN, "--out", tmp_path / "out", "--motion-weight", 2],
            "from 0 to 1",
        ),
    ]
    for name, arguments, said in cases:
        assert main(name, *arguments) == 2, said
        heard = capsys.readouterr()
        assert said in heard.err and heard.err.startswith(f"{name}: "), heard.err
        assert len(heard.err.strip().splitlines()) == 1 and not heard.out


def test_a_damaged_frame_is_named_wherever_it_is_decoded(
    main: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = make(tmp_path / "clips")
    folder = clips / "Daily/Sad/0001"
    for path in folder.iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    arguments = [clips, "--annotations", clips / "list.csv", *OVERFIT, "--epochs", 3]
    for workers in (0, 1):
        out = tmp_path / f"out{workers}"
        assert main("train_dfer", *arguments, "--out", out, "--workers", workers) == 2
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert last.startswith(f"train_dfer: the frame {folder}/"), last
        assert "no readable image" in last


@pytest.mark.parametrize("name", ["train_dfer", "evaluate_dfer", "pretrain_dfer"])
def test_help_teaches_by_example(
    main: Callable[..., int], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(name, "--help")
    assert left.value.code == 0
    assert f"scripts/{name} " in capsys.readouterr().out
