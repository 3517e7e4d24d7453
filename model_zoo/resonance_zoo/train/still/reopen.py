"""A shipped network taken up again: ONNX file in, a network that can be trained on out.

The exporter folds every batch norm into the convolution before it. Here each gets back the mean
and the variance that it would measure on faces of today, and the scale that undoes them, so that
the network answers as the file does, in training as in use.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from resonance_zoo.static_cnn import DESIGNS, StaticCNN, static_cnn

Weights = dict[str, Tensor]
_PARTS = re.compile(r"(?:features|body|shortcut)\.\d+")
MEASURED = 1024  # faces that are enough to measure batch norms on
_FEW = 64  # faces a pass


class NotOurs(ValueError):
    """The file holds no network of the named design."""


def reopen(path: Path, faces: NDArray[np.float32], design: str = "t1w") -> StaticCNN:
    """The network of `path` before its bias and temperature, in evaluation mode.

    `faces` (float32[N, 1, S, S], grey 0..255) are what its batch norms are measured on:
    MEASURED of them, augmented as in training. Raises NotOurs.
    """
    if design not in DESIGNS:
        raise NotOurs(f"no design {design!r}; there are: {', '.join(DESIGNS)}")
    network = static_cnn(design).eval()
    try:
        _fill(network, path)
    except (KeyError, RuntimeError, ValueError, OSError) as error:
        raise NotOurs(f"{path.name} holds no network of the design {design} ({error})") from error
    except Exception as error:  # protobuf's own, of no common class
        raise NotOurs(f"{path.name} cannot be read as a network") from error
    _unfold(network, faces)
    return network


def _fill(network: StaticCNN, path: Path) -> None:
    """Each convolution gets its weights, the batch norm behind it only its bias."""
    graph = onnx.load(str(path)).graph
    values = {each.name.removesuffix(".half"): _tensor(each) for each in graph.initializer}
    named: dict[str, nn.Module] = dict(network.named_modules())
    state = network.state_dict()
    found: Weights = {
        name.removeprefix("network."): value
        for name, value in values.items()
        if name.startswith("network.")
    }
    for node in graph.node:
        if node.op_type == "Conv":
            conv = ".".join(_PARTS.findall(node.output[0]))
            head, _, place = conv.rpartition(".")
            norm = f"{head}.{int(place) + 1}"
            found[f"{conv}.weight"] = values[node.input[1]]
            found[f"{norm}.bias"] = values[node.input[2]]
            _open_norm(named[norm])
    missing = {n for n, each in state.items() if each.is_floating_point()} - found.keys()
    if lost := [name for name in missing if _is_needed(name, named)]:
        raise NotOurs(f"it lacks {sorted(lost)[0]}")
    network.load_state_dict(found, strict=False)


def _tensor(stored: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(stored).astype(np.float32))


def _is_needed(name: str, named: dict[str, nn.Module]) -> bool:
    """Whether the file must have it: all but what is measured anew."""
    module, _, last = name.rpartition(".")
    return not isinstance(named[module], nn.BatchNorm2d) or last == "bias"


def _open_norm(norm: nn.Module) -> None:
    """So that in evaluation only its bias counts."""
    if not isinstance(norm, nn.BatchNorm2d):
        raise NotOurs("a convolution has no batch norm behind it")
    norm.reset_running_stats()
    norm.weight.data.fill_((1 + norm.eps) ** 0.5)


def _unfold(network: StaticCNN, faces: NDArray[np.float32]) -> None:
    """Give each batch norm the statistics of its input; what the network answers stays."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    sums = {
        norm: [torch.zeros(norm.num_features, dtype=torch.float64) for _ in "12"] for norm in norms
    }
    counts = dict.fromkeys(norms, 0)

    def note(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        x = inputs[0].double()
        sums[norm][0] += x.sum((0, 2, 3))
        sums[norm][1] += (x * x).sum((0, 2, 3))
        counts[norm] += x.numel() // norm.num_features

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    with torch.inference_mode():
        for start in range(0, len(faces), _FEW):
            network(torch.from_numpy(faces[start : start + _FEW]))
    for hook in hooks:
        hook.remove()
    for norm, (first, second) in sums.items():
        mean = first / counts[norm]
        variance = second / counts[norm] - mean**2
        norm.running_mean = mean.float()
        norm.running_var = variance.float()
        norm.weight.data = (variance + norm.eps).sqrt().float()
        norm.bias.data += mean.float()
