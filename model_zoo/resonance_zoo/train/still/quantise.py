"""Writes the int8 twin of a shipped network: smaller, and faster where the processor gains from it.

Convolutions run on unsigned 8-bit activations and signed 8-bit weights, one scale a channel
(Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
Only Inference"). With signed activations ONNX Runtime leaves most residual convolutions in float.
The first convolution stays in float: it reads one channel, so int8 saves nothing there, and its
rounding would reach everything behind it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from resonance_zoo.runtime import keep_silent, open_network
from resonance_zoo.train.still import evaluate, ferplus
from resonance_zoo.train.still.export import INPUT, OUTPUT

CALIBRATION_FACES = 300
SEED = 0
# Keeps the library from advising, through the root logger, what would change nothing here.
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
_BIAS = "bias"  # of `export.Shipped`

Floats = NDArray[np.float32]
Images = NDArray[np.uint8]


def calibration_faces(train: ferplus.FaceSet) -> Images:
    """The faces that set the ranges: trainable ones (no copy of another split), drawn by a seed."""
    usable = np.flatnonzero(ferplus.trainable(train))
    count = min(CALIBRATION_FACES, len(usable))
    chosen = np.random.default_rng(SEED).choice(usable, count, replace=False)
    return train.images[np.sort(chosen)]


def quantise(weights: Path, faces: Images, target: Path) -> None:
    """Write `target`, the int8 twin of the network in `weights`, ranges taken from `faces`.

    Same input and output. The same file each time on the same processor and version of ONNX
    Runtime; elsewhere the last digit of a range may differ.
    """
    keep_silent()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    whole = whole_weights(onnx.load(str(weights)))
    onnx.helper.set_model_props(whole, _PREPARED)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "whole.onnx"
        onnx.save(whole, str(plain))
        quantize_static(
            str(plain),
            str(target),
            _reader(evaluate.as_input(faces, evaluate.input_size(open_network(plain)))),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv", "Relu"],
            nodes_to_exclude=_first_layer(whole),
        )
    _centre(target, weights, faces)


def whole_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Undo `export.halve_weights`: float32 weights, no Cast in front of them."""
    kept = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "Cast" and node.input[0] in kept:
            tensor = kept[node.input[0]]
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _first_layer(model: onnx.ModelProto) -> list[str]:
    """The names of the first convolution and of the rectifier behind it."""
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    behind = [node.name for node in model.graph.node if first.output[0] in node.input]
    return [first.name, *behind]


def _reader(faces: Floats) -> Any:
    """What the library's calibration reads: one face a step."""
    from onnxruntime.quantization import CalibrationDataReader

    class Faces(CalibrationDataReader):
        def __init__(self) -> None:
            self._left: Iterator[Floats] = iter(faces[:, None])

        def get_next(self) -> Any:
            face = next(self._left, None)
            return None if face is None else {INPUT: face}

    return Faces()


def _centre(target: Path, weights: Path, faces: Images) -> None:
    """Take the mean shift of the logits that rounding brings out of the last bias."""
    shift = (_logits(target, faces) - _logits(weights, faces)).mean(0)
    model = onnx.load(str(target))
    divided = next(node for node in model.graph.node if OUTPUT in node.output)
    named = {node.output[0]: node for node in model.graph.node if node.op_type == "Constant"}
    temperature = numpy_helper.to_array(named[divided.input[1]].attribute[0].t)
    (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == _BIAS)
    centred = (numpy_helper.to_array(bias) - shift * temperature).astype(np.float32)
    bias.CopyFrom(numpy_helper.from_array(centred, _BIAS))
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(target))


def _logits(path: Path, faces: Images) -> Floats:
    return evaluate.onnx_predictor(open_network(path))(faces)
