"""The int8 twin: what is rounded, what is not, and that the same faces make the same file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")
onnx = pytest.importorskip("onnx", reason="onnx (extra 'zoo') is not installed")

from resonance_zoo.cards import still_card  # noqa: E402
from resonance_zoo.files import int8_path, sha256, weights_path  # noqa: E402
from resonance_zoo.runtime import open_network  # noqa: E402
from resonance_zoo.train.still import evaluate, ferplus, quantise  # noqa: E402


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (20, 48, 48), dtype=np.uint8)


def test_all_convolutions_but_the_first_are_rounded() -> None:
    model = onnx.load(str(int8_path("static_cnn")))
    made_by = {out: node.op_type for node in model.graph.node for out in node.output}
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    rounded = [made_by.get(node.input[0]) == "DequantizeLinear" for node in convs]
    assert rounded == [False] + [True] * (len(convs) - 1)


def test_activations_are_unsigned_and_weights_have_a_scale_a_channel() -> None:
    model = onnx.load(str(int8_path("static_cnn")))
    kept = {tensor.name: tensor for tensor in model.graph.initializer}
    kinds: Counter[int] = Counter()
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            kinds[kept[node.input[2]].data_type] += 1
        elif node.op_type == "DequantizeLinear" and node.input[0] in kept:
            weights, scale = (kept[name] for name in node.input[:2])
            if len(weights.dims) == 4:
                assert weights.data_type == onnx.TensorProto.INT8
                assert list(scale.dims) == [weights.dims[0]]
    assert set(kinds) == {onnx.TensorProto.UINT8}


def test_the_same_faces_make_the_same_file(tmp_path: Path, faces: np.ndarray) -> None:
    for name in ("one.onnx", "other.onnx"):
        quantise.quantise(weights_path("static_cnn"), faces, tmp_path / name)
    assert sha256(tmp_path / "one.onnx") == sha256(tmp_path / "other.onnx")


def test_the_logits_of_the_calibration_faces_are_right_on_average(
    tmp_path: Path, faces: np.ndarray
) -> None:
    weights, twin = weights_path("static_cnn"), tmp_path / "twin.onnx"
    quantise.quantise(weights, faces, twin)
    ours, theirs = (evaluate.onnx_predictor(open_network(path))(faces) for path in (twin, weights))
    assert np.abs((ours - theirs).mean(0)).max() < 2e-3


def test_copies_of_other_splits_set_no_range() -> None:
    votes = np.zeros((4, 10), np.float32)
    votes[:, 0] = 9
    columns = ("happiness", "sadness", "neutral", "anger", "surprise", "disgust", "fear")
    images = np.arange(4, dtype=np.uint8)[:, None, None].repeat(48, 1).repeat(48, 2)
    train = ferplus.FaceSet(
        images, votes, (*columns, "contempt", "unknown", "NF"), np.float32([0, 0.99, 0.5, 0.94])
    )
    assert [int(face[0, 0]) for face in quantise.calibration_faces(train)] == [0, 2]


def test_the_card_says_how_little_int8_changes() -> None:
    figures, shipped = still_card("static_cnn").metrics, still_card("static_cnn").metrics["shipped"]
    assert abs(figures["int8"]["accuracy"] - shipped["accuracy"]) <= 0.003
    assert figures["int8"]["ece"] <= 0.02 and figures["int8"]["same_class"] >= 0.99
    assert figures["int8"]["file_bytes"] == int8_path("static_cnn").stat().st_size
