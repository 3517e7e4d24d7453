"""Writes a trained network as ONNX: half-precision weights, single-precision input and output."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from resonance_zoo.train.still.calibrate import Calibration

INPUT, OUTPUT = "faces", "logits"
OPSET = 17
SMALLEST_HALVED = 32  # vectors this short save nothing in half precision


class Shipped(nn.Module):
    """The network with its operating point: softmax of the output is the shipped probability."""

    def __init__(self, network: nn.Module, calibration: Calibration) -> None:
        super().__init__()
        self.network = network
        bias = torch.from_numpy(np.asarray(calibration.bias, np.float32))
        self.register_buffer("bias", bias)
        self.temperature = calibration.temperature

    def forward(self, faces: Tensor) -> Tensor:
        """Raw grey float[N, 1, S, S] in 0..255 -> logits float[N, 7]."""
        return (self.network(faces) + self.bias) / self.temperature


def export_onnx(network: nn.Module, calibration: Calibration, size: int, path: Path) -> None:
    """Write `path`, with any number of faces of side `size` as input."""
    shipped = Shipped(network, calibration).eval()
    example = torch.rand(2, 1, size, size) * 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks about itself
        torch.onnx.export(
            shipped,
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = halve_weights(onnx.load(str(path)))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def halve_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large weights as float16 behind a Cast; the runtime folds the casts when it loads.

    So the file halves while all arithmetic stays in float32, as fast and exact as before.
    """
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_HALVED:
            continue
        values: NDArray[np.float16] = numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model
