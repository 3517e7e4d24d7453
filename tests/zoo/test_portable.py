"""Networks as ONNX files: the same answers as torch, from an interpreter that has no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from children import run_child
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import nn

import resonance_zoo
from resonance_tui.engines import catalog, registry
from resonance_tui.engines.base import EngineOptions
from resonance_tui.engines.catalog import OnnxChoice, onnx_choice
from resonance_zoo.benchmark import bench, fill
from resonance_zoo.card_types import ClipInput
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.errors import WeightsChanged
from resonance_zoo.checkpoints.stored import StoredWeights, stored
from resonance_zoo.portable import export, faces, files, write
from resonance_zoo.portable.int8 import Int8Linear, rounded
from resonance_zoo.portable.predictor import OnnxPredictor
from resonance_zoo.portable.rounding import gptq, int8_scale, nearest
from resonance_zoo.problems import ClipError
from resonance_zoo.runtime import open_network
from resonance_zoo.weights import import_weights

SMALL_VIT: dict[str, Any] = {
    "img_size": 64, "num_frames": 8, "embed_dim": 128, "depth": 2, "num_heads": 4,
}  # fmt: skip
SMALL_LGI: dict[str, Any] = {**SMALL_VIT, "region_size": (2, 2, 4)}
CASES: list[tuple[str, dict[str, Any], int, int]] = [
    ("mae_dfer", SMALL_LGI, 8, 64),
    ("mae_dfer", {**SMALL_LGI, "classify_tokens": "all"}, 8, 64),
    ("mae_dfer", {**SMALL_LGI, "first": "cross", "third": "self"}, 8, 64),
    ("mae_dfer_mmnet_add", SMALL_LGI, 8, 64),
    ("mae_dfer_mmnet_concat", SMALL_LGI, 8, 64),
    ("mae_dfer_mmnet_add_pc", SMALL_LGI, 8, 64),
    ("videomae_base", SMALL_VIT, 8, 64),
    ("mmnet", {"img_size": 224}, 2, 224),
    ("former_dfer", {}, 16, 112),
    ("ial", {}, 16, 112),
    ("poster_v2", {}, 1, 224),
    ("r3d_18", {}, 16, 112),
    ("c3d", {"img_size": 16, "batch_norm": True}, 16, 16),
]


def reads(frames: int, size: int) -> ClipInput:
    return ClipInput(frames, 15.0, size, "rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def built(name: str, settings: dict[str, Any]) -> nn.Module:
    return fill(resonance_zoo.create(name, **settings), seed=3).eval()


@pytest.mark.parametrize(("name", "settings", "frames", "size"), CASES)
def test_the_onnx_file_answers_as_torch_does(
    name: str, settings: dict[str, Any], frames: int, size: int, tmp_path: Path
) -> None:
    seen = reads(frames, size)
    clips = list(faces.moving_faces(2, frames, size, seed=5))
    normed = list(export.calibration_clips(seen, 2, seed=5))
    with torch.inference_mode():
        wanted = [built(name, settings)(clip)[0].numpy() for clip in normed]
    export.write_onnx(export.prepared(built(name, settings), seen), seen, tmp_path / "n.onnx")
    network = OnnxPredictor(tmp_path / "n.onnx", seen, "float32")
    given = [network.logits(clip) for clip in clips]
    np.testing.assert_allclose(given, wanted, atol=1e-4)
    assert not np.allclose(wanted[0], wanted[1], atol=1e-3)  # it does read its clip


def test_int8_answers_nearly_as_float32(tmp_path: Path) -> None:
    seen = reads(8, 64)
    settings = {**SMALL_LGI, "embed_dim": 256}
    network = export.prepared(built("mae_dfer_mmnet_add", settings), seen)
    assert export.gains_from_int8(network)
    export.write_onnx(network, seen, tmp_path / "exact.onnx")
    export.write_onnx(export.rounded(network, seen), seen, tmp_path / "int8.onnx")
    found = write.compared(tmp_path / "exact.onnx", tmp_path / "int8.onnx", seen, clips=12)
    assert 0 < found.max_difference < 0.1
    assert (tmp_path / "int8.onnx").stat().st_size < (tmp_path / "exact.onnx").stat().st_size * 0.7


def test_the_runtime_multiplies_bytes_as_the_layer_says(tmp_path: Path) -> None:
    drawn = torch.Generator().manual_seed(0)
    weight = torch.randn(24, 40, generator=drawn)
    scale = int8_scale(weight)
    for twice in (False, True):
        layer = Int8Linear(nearest(weight, scale), scale, torch.ones(24), twice=twice)
        network = nn.Sequential(nn.Flatten(0, 3), layer)  # [1, 3, 2, 2, 40] -> [12, 24]
        example = torch.randn(1, 3, 2, 2, 40, generator=drawn)
        torch.onnx.export(network, (example,), str(tmp_path / "n.onnx"), dynamo=False)
        session = cast(Any, open_network(tmp_path / "n.onnx"))
        answers = session.run(None, {session.get_inputs()[0].name: example.numpy()})
        given = np.asarray(answers[0], np.float32)
        np.testing.assert_allclose(given, network(example).numpy(), atol=1e-3)


def test_rounding_by_how_inputs_go_together_errs_less_than_to_the_nearest() -> None:
    drawn = torch.Generator().manual_seed(1)
    x = torch.randn(600, 8, generator=drawn) @ torch.randn(8, 96, generator=drawn)
    weight = torch.randn(32, 96, generator=drawn)
    scale = int8_scale(weight)

    def error(whole: torch.Tensor) -> float:
        return float((x @ (whole * scale[:, None] - weight).t()).std())

    better = gptq(weight, scale, x.t() @ x / len(x))
    assert better.dtype == torch.int8
    assert error(better) < error(nearest(weight, scale)) / 2


def test_activations_keep_zero_exact_and_err_by_half_a_step() -> None:
    x = torch.tensor([-1.0, 0.0, 0.3, 4.1])
    assert rounded(x)[1] == 0
    assert float((rounded(x) - x).abs().max()) <= 5.1 / 255 / 2 + 1e-6


def test_moving_faces_are_bytes_that_differ_and_come_again_with_the_same_seed() -> None:
    first, second = faces.moving_faces(2, 5, 48, seed=1)
    assert first.shape == (5, 48, 48, 3)
    assert first.dtype == np.uint8
    assert np.abs(first.astype(int) - second).mean() > 10
    assert np.abs(first[0].astype(int) - first[-1]).mean() > 1  # it moves
    np.testing.assert_array_equal(first, next(faces.moving_faces(1, 5, 48, seed=1)))


def test_stills_that_are_given_are_what_moves() -> None:
    still = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (48, 1))
    clip = next(faces.moving_faces(1, 3, 48, seed=1, stills=[still]))
    across = clip[0].mean((0, 2))
    assert across[40] > across[24] > across[8]


@pytest.fixture
def kept(tmp_path: Path) -> StoredWeights:
    """Weights of a small network, imported."""
    network = built("mae_dfer", SMALL_LGI)
    save_file(network.state_dict(), tmp_path / "mine.safetensors")
    folder = tmp_path / "models"
    import_weights(tmp_path / "mine.safetensors", "mae_dfer", folder, **SMALL_LGI)
    found = stored("mae_dfer", folder)
    assert found is not None
    return found


def test_both_precisions_lie_beside_the_weights_with_their_hashes(kept: StoredWeights) -> None:
    made = write.write_portable(kept)
    assert set(made.files) == {"float32", "int8"}
    assert files.portable(kept) == made
    for precision in made.files:
        files.verified(kept.name, precision, kept.path.parent, made)


def test_how_far_it_is_is_told_from_nought_to_one(kept: StoredWeights) -> None:
    heard: dict[str, list[float]] = {}
    write.write_portable(kept, lambda doing, share: heard.setdefault(doing, []).append(share))
    assert list(heard) == ["writing ONNX, float32", write.CALIBRATING, write.COMPARING]
    for shares in (heard[write.CALIBRATING], heard[write.COMPARING]):
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0, pytest.approx(1))
        assert len(shares) >= 16


def test_a_file_that_was_changed_is_refused(kept: StoredWeights) -> None:
    made = write.write_portable(kept)
    path = files.onnx_place(kept.name, "int8", kept.path.parent)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(WeightsChanged, match="not the file that was written"):
        files.verified(kept.name, "int8", kept.path.parent, made)


def test_files_of_other_weights_or_a_damaged_record_do_not_count(kept: StoredWeights) -> None:
    write.write_portable(kept)
    record = files.portable_record(kept.name, kept.path.parent)
    text = record.read_text()
    for damaged in ("[]", "{", json.dumps({**json.loads(text), "weights": "0" * 64})):
        record.write_text(damaged)
        assert files.portable(kept) is None
    record.write_text(text)
    assert files.portable(kept) is not None
    files.onnx_place(kept.name, "int8", kept.path.parent).unlink()
    assert files.portable(kept) is None


def test_int8_that_answers_otherwise_is_not_the_default() -> None:
    exact = files.PortableFile("0")
    near = files.PortableNetwork("0", {"float32": exact, "int8": files.PortableFile("1", 0.98)})
    far = files.PortableNetwork("0", {"float32": exact, "int8": files.PortableFile("1", 0.9)})
    assert (near.best, far.best) == ("int8", "float32")


CPU = EngineOptions(device="cpu")


def test_auto_runs_the_onnx_file_where_there_is_one(kept: StoredWeights) -> None:
    """And times it anew: what torch took says nothing of it."""
    folder = kept.path.parent
    by_torch = registry.create("auto", folder, CPU)
    made = write.write_portable(kept)
    by_onnx = registry.create("auto", folder, CPU)
    assert (by_torch.spec.name, by_onnx.spec.name) == ("mae_dfer", "mae_dfer")
    assert "ONNX" not in by_torch.spec.runs_on
    assert by_onnx.spec.runs_on == f"{made.best} on cpu, ONNX Runtime"
    timed = json.loads((folder / "speed.json").read_text())
    assert {runs_on for _, _, runs_on in timed.values()} == {
        by_torch.spec.runs_on, by_onnx.spec.runs_on,
    }  # fmt: skip


def test_what_runs_where_torch_is_and_where_it_is_not(
    kept: StoredWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write.write_portable(kept)
    assert onnx_choice(kept, CPU) == OnnxChoice(made, made.best)
    assert onnx_choice(kept, EngineOptions("cpu", "float32")) == OnnxChoice(made, "float32")
    assert onnx_choice(kept, EngineOptions("cpu", "bfloat16")) is None
    assert onnx_choice(kept, EngineOptions("cuda")) is None
    exact = files.PortableNetwork(made.weights, {"float32": made.files["float32"]})
    files.note(kept.name, kept.path.parent, exact)
    assert onnx_choice(kept, CPU) is None  # torch is faster
    monkeypatch.setattr(catalog, "missing_packages", list[str](["torch"]).copy)
    assert onnx_choice(kept, CPU) == OnnxChoice(exact, "float32")


WITHOUT_TORCH = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "timm", "safetensors", "onnx"):
            raise ModuleNotFoundError(f"no {name}", name=name)
sys.meta_path.insert(0, Refuse())
import importlib.util
before = importlib.util.find_spec
def find_spec(name, package=None):
    try:
        return before(name, package)
    except ModuleNotFoundError:
        return None
importlib.util.find_spec = find_spec
from pathlib import Path
import numpy as np
from resonance_tui.engines import registry
folder = Path(sys.argv[1])
assert registry.resolve("mae_dfer", folder) == "mae_dfer"
engine = registry.create("mae_dfer", folder)
spec = engine.spec
side = spec.crop_size
probabilities = engine.predict(np.zeros((spec.clip_frames, side, side, 3), np.uint8))
assert probabilities.shape == (7,) and abs(probabilities.sum() - 1) < 1e-5
assert spec.is_trained
assert not any(name.partition(".")[0] == "torch" for name in sys.modules)
print(spec.runs_on)
"""


def test_an_imported_network_runs_where_torch_cannot_be_imported(kept: StoredWeights) -> None:
    write.write_portable(kept)
    done = run_child(
        [sys.executable, "-c", WITHOUT_TORCH, str(kept.path.parent)],
        capture_output=True, text=True, timeout=50, env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("on cpu, ONNX Runtime")


def test_another_shape_is_refused_in_words(kept: StoredWeights) -> None:
    write.write_portable(kept)
    seen = write.as_built(network_card("mae_dfer").input, kept)
    path = files.onnx_place(kept.name, "float32", kept.path.parent)
    with pytest.raises(ClipError, match="reads clips uint8"):
        OnnxPredictor(path, seen, "float32").predict(np.zeros((1, 64, 64, 3), np.uint8))


def test_the_benchmark_times_onnx_beside_torch() -> None:
    settings: dict[str, Any] = {**SMALL_LGI, "embed_dim": 256}
    found = bench(
        "mae_dfer_mmnet_add_pc", device="cpu", onnx=("int8",), repeats=1, clips=3, **settings
    )
    assert [each.how for each in found][1:] == ["int8 on cpu, ONNX Runtime"]
    assert 0 < found[1].max_difference < 0.2
