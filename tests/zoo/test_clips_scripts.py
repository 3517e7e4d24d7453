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
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import run_child, start_child
from limits import Limit, patience

for package in ("torch", "accelerate", "tensorboard"):
    pytest.importorskip(package, reason=f"{package} (extra 'zoo') is not installed")

import torch  # noqa: E402

from resonance_zoo import metrics  # noqa: E402
from resonance_zoo.checkpoints.official import read_official  # noqa: E402
from resonance_zoo.registry import create  # noqa: E402
from resonance_zoo.train.clips.checkpoint import LAST, read  # noqa: E402
from resonance_zoo.train.clips.evaluate import TestClips  # noqa: E402
from resonance_zoo.train.clips.recipes import RECIPES  # noqa: E402
from resonance_zoo.train.clips.sampling import Dense, Spread  # noqa: E402
from tests.zoo.made_up_clips import SETTINGS, TINY, make  # noqa: E402

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


def interrupted(arguments: list[str], out: Path) -> subprocess.CompletedProcess[str]:
    """Start training, press Ctrl-C once there is a checkpoint."""
    command = [sys.executable, str(SCRIPTS / "train_dfer"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = start_child(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        deadline = Limit(60)
        while not (out / LAST).exists() and process.poll() is None:
            assert not deadline.ran_out()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=patience(60))
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
    assert metrics.figures(metrics.confusion(said, labels)) == figures
    assert np.trace(figures["counts"]) == 14 and np.trace(figures["confusion"]) == 700
    assert sum(float(rows[0][key]) for key in rows[0] if key.startswith("p_")) == pytest.approx(
        1, abs=1e-5
    )

    mixed, half = tmp_path / "mixed.csv", [0.5, table]
    assert main("evaluate_dfer", "--mix", *half, *half, "--predictions", mixed, "--shares") == 0
    assert "WAR  100.00 %" in capsys.readouterr().out
    assert mixed.read_text() == table.read_text()

    assert main("evaluate_dfer", *scored) == 0
    out_text = capsys.readouterr().out
    assert "mae_dfer_mmnet_add: 14 clips" in out_text and "UAR  100.00 %" in out_text
    blocked = [*scored, "--predictions", tmp_path]
    assert main("evaluate_dfer", *blocked) == 2
    assert f"cannot write {tmp_path}: it is a folder" in capsys.readouterr().err
    assert main("evaluate_dfer", *scored, "--stride", "0") == 2
    assert "the stride is at least 1, not 0" in capsys.readouterr().err

    whole = (out / LAST).read_bytes()
    (out / LAST).write_bytes(whole[:20_000])
    for name, cut in (("train_dfer", [*arguments, "--resume"]), ("evaluate_dfer", scored)):
        assert main(name, *cut) == 2
        last = capsys.readouterr().err.strip().splitlines()[-1]
        assert str(LAST) in last and ("cut off" in last or "damaged" in last), last
    (out / LAST).write_bytes(whole)
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
        "resonance_zoo.train.clips.watch.Watch.trained",
        lambda _self, _step, values: losses.append(values["loss"]),
    )
    out = tmp_path / "pretrained"
    assert main("pretrain_dfer", clips, "--out", out, *PRETRAIN) == 0
    assert len(losses) == 12 and np.mean(losses[-2:]) < 0.9 * losses[0]
    capsys.readouterr()

    # One epoch at next to no rate leaves the encoder as it was read.
    tuned = tmp_path / "tuned"
    arguments = [clips, "--annotations", clips / "list.csv", "--out", tuned, *OVERFIT]
    arguments += ["--init", out / LAST, "--epochs", "1", "--base-lr", "1e-30", "--min-lr", "0"]
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
    done = run_child(command, capture_output=True, text=True, env=environment, check=False)
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
        ("train_dfer", [*train, *listed, "--network", "mae_dfr"], "id you mean mae_dfer"),
        ("train_dfer", [*train, *listed, "--batch", 500], "14 clips are fewer than one batch"),
        ("train_dfer", [*train, *listed, "--micro-batch", 3], "micro-batches of 3 on 1 processes"),
        ("train_dfer", [*train, *listed, "--micro-batch", 0], "micro-batches of 0 on 1 processes"),
        ("train_dfer", [*train, *listed, "--base-lr", "nan"], "--base-lr must be a finite number"),
        ("train_dfer", [*train, *listed, "--base-lr", "0"], "--base-lr must be more than 0"),
        ("train_dfer", [*train, *listed, "--min-lr", "inf"], "--min-lr must be a finite number"),
        ("train_dfer", [*train, *listed, "--mixup", 1], "a micro-batch of 7 is odd"),
        ("train_dfer", [*train, *listed, "--set", "num_classes=5"], "7 emotions"),
        ("train_dfer", [*train, *listed, "--set", "deep=5"], "has no setting 'deep'"),
        ("train_dfer", [*train, *listed, "--init", tmp_path / "weights.pth"], "no checkpoint"),
        ("train_dfer", [*train, *listed, "--resume"], "there is no checkpoint"),
        ("train_dfer", [*train, *listed, "--epochs", 0], "--epochs must be at least 1"),
        ("evaluate_dfer", [clips, *fused, *listed, "--weights", "gone.pth"], "gone.pth"),
        ("evaluate_dfer", [tmp_path, *fused, *listed, "--weights", "gone.pth"], "14 of the 14"),
        (
            "evaluate_dfer",
            [clips, *listed, "--network", "mmer_mlp", "--weights", "gone.pth"],
            "mmer_mlp does not tell emotions from clips",
        ),
        (
            "evaluate_dfer",
            [clips, *listed, "--network", "poster_v3", "--weights", "gone.pth"],
            "id you mean poster_v2",
        ),
        ("evaluate_dfer", ["--mix", "a", "b.csv", "0.2", "c.csv"], "--mix takes SHARE CSV"),
        ("evaluate_dfer", ["--mix", 0.8, "b.csv", 0.2, "c.csv"], "cannot read b.csv: No such"),
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


def test_a_run_that_breaks_at_once_leaves_and_names_no_checkpoint(
    main: Callable[..., int], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [clips, "--annotations", clips / "list.csv", *OVERFIT, "--out", tmp_path]
    arguments += ["--save-minutes", 10, "--base-lr", "1e38", "--warmup-epochs", 0]
    assert main("train_dfer", *arguments) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "try a smaller --base-lr" in last and str(LAST) not in last, last
    assert not (tmp_path / LAST).exists()


@pytest.mark.parametrize(
    "arguments", [["--network", "poster_v2"], ["frames", "--mix", "1", "a.csv", "0", "b.csv"], []]
)
def test_scoring_wants_clips_or_two_files(
    main: Callable[..., int], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main("evaluate_dfer", *arguments)
    assert left.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "--mix takes no DATA" in said or "missing: " in said


def test_a_network_without_a_recipe_is_scored(
    main: Callable[..., int],
    clips: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """POSTER-V2 of full size is slow here, so a small network stands in, its recipe taken away."""
    monkeypatch.delitem(RECIPES, "mae_dfer")
    torch.save({"model": create("mae_dfer", **TINY).state_dict()}, tmp_path / "weights.pth")
    arguments = [clips, "--annotations", clips / "list.csv", "--network", "mae_dfer", *SETTINGS]
    arguments += ["--weights", tmp_path / "weights.pth", "--device", "cpu"]
    chosen: list[object] = []
    make_clips = TestClips.__init__

    def noting(self: TestClips, listed: Any, sampling: Any, *rest: Any) -> None:
        chosen.append(sampling)
        make_clips(self, listed, sampling, *rest)

    monkeypatch.setattr(TestClips, "__init__", noting)
    assert main("evaluate_dfer", *arguments) == 0
    assert "mae_dfer: 14 clips" in capsys.readouterr().out
    assert main("evaluate_dfer", *arguments, "--sampling", "dense", "--stride", "2") == 0
    assert chosen == [Spread(4), Dense(4, 2)]
    capsys.readouterr()
    assert main("evaluate_dfer", *arguments, "--stride", "2") == 2
    assert "--stride is for dense sampling, not spread" in capsys.readouterr().err


def test_weights_whose_classes_stand_in_another_order_are_refused(
    main: Callable[..., int], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """POSTER-V2's own trainer wrote RAF-DB's order; scoring that as ours would be wrong."""
    state = {"state_dict": {"weight": torch.zeros(2)}, "recorder": 1}
    torch.save(state, tmp_path / "raf-db.pth")
    arguments = [clips, "--annotations", clips / "list.csv", "--network", "poster_v2"]
    assert main("evaluate_dfer", *arguments, "--weights", tmp_path / "raf-db.pth") == 2
    said = capsys.readouterr().err
    assert "stand in its authors' order; `resonance-tui models import" in said


def test_predictions_that_cannot_be_written_are_refused_before_the_work(
    main: Callable[..., int],
    clips: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.save({"model": create("mae_dfer", **TINY).state_dict()}, tmp_path / "weights.pth")
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(
        "resonance_zoo.train.clips.evaluate.predict", lambda *_: pytest.fail("computed")
    )
    arguments = [clips, "--annotations", clips / "list.csv", "--network", "mae_dfer", *SETTINGS]
    arguments += ["--weights", tmp_path / "weights.pth", "--device", "cpu"]
    wished = tmp_path / "file/said.csv"
    assert main("evaluate_dfer", *arguments, "--predictions", wished) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"evaluate_dfer: cannot write {wished}: ") and ".partial" not in said


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
