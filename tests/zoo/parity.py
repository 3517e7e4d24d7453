"""The rules by which stored reference outputs are compared: weights and inputs made from seeds,
the fixtures themselves, and the sample of indices at which a layer's output was kept."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "parity"
PROBES = 256


def _normal(shape: Sequence[int], seed: int) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(tuple(shape))


def _value(last: str, shape: Sequence[int], z: np.ndarray) -> np.ndarray:
    """Rule r1 for one tensor whose key ends in `last`; the first case that fits decides."""
    if last == "running_var":
        return 1 + 0.1 * np.abs(z)
    if last == "running_mean":
        return 0.05 * z
    if len(shape) >= 2 and last.startswith("weight"):
        gain = 1.0 if len(shape) == 2 else 0.8
        return z * gain / np.sqrt(math.prod(shape[1:]))
    if len(shape) >= 2:  # tokens, position and bias tables
        return 0.2 * z
    return 1 + 0.1 * z if last == "weight" else 0.1 * z


def weights(module: nn.Module) -> dict[str, Tensor]:
    """The state dict that rule r1 makes for `module`; counts are 0, other integers stay."""
    import torch

    state = dict(module.state_dict())
    for index, key in enumerate(sorted(state)):
        last = key.rpartition(".")[2]
        if state[key].is_floating_point():
            shape = tuple(state[key].shape)
            value = np.asarray(_value(last, shape, _normal(shape, 1000 + index)), np.float32)
            state[key] = torch.from_numpy(value)
        elif last == "num_batches_tracked":
            state[key] = torch.zeros_like(state[key])
    return state


def fill(module: nn.Module) -> str:
    """Give `module` the weights of rule r1; returns their SHA-256, which fixtures name."""
    state = weights(module)
    module.load_state_dict(state, strict=True)
    digest = hashlib.sha256()
    for key in sorted(state):
        if state[key].is_floating_point():
            digest.update(state[key].numpy().tobytes())
    return digest.hexdigest()


def inp(shape: Sequence[int], seed: int) -> Tensor:
    """White noise of standard deviation 1, float32."""
    import torch

    return torch.from_numpy(_normal(shape, seed).astype(np.float32))


def inp_block(coarse: Sequence[int], repeat: Sequence[int], seed: int, scale: float) -> Tensor:
    """Noise in blocks: every value repeated `repeat[i]` times along axis i, float32."""
    import torch

    value = _normal(coarse, seed) * scale
    for axis, times in enumerate(repeat):
        value = np.repeat(value, times, axis)
    return torch.from_numpy(value.astype(np.float32))


def fixture(name: str) -> tuple[dict[str, Any], Mapping[str, np.ndarray]]:
    """What is known of a reference run, and its arrays; skips where the data are absent."""
    if not (FOLDER / f"{name}.json").is_file():
        pytest.skip(f"the reference outputs (../shared/data/parity/{name}) are not on this machine")
    about = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return about, dict(arrays)


def probe(tensor: Tensor) -> np.ndarray:
    """The values at 256 evenly spread places of the flattened tensor (all, if there are fewer)."""
    flat = tensor.detach().cpu().flatten()
    places = np.linspace(0, len(flat) - 1, min(PROBES, len(flat))).astype(np.int64)
    return flat.numpy()[places]


def assert_probe(arrays: Mapping[str, np.ndarray], name: str, tensor: Tensor) -> None:
    """`tensor` is the stored output `name`: its shape, and its probes within 1e-5 of its std."""
    assert tuple(tensor.shape) == tuple(arrays[f"{name}.shape"]), name
    tolerance = 1e-5 * float(arrays[f"{name}.std"])
    np.testing.assert_allclose(
        probe(tensor), arrays[f"{name}.probe"], rtol=0, atol=tolerance, err_msg=name
    )


def assert_same_layout(module: nn.Module, about: Mapping[str, Any]) -> None:
    """The state dict has the official entries: names, order, shapes and float or not."""
    ours = [
        [key, list(value.shape), value.is_floating_point()]
        for key, value in module.state_dict().items()
    ]
    theirs = [
        [key, shape, dtype.startswith("float")] for key, shape, dtype, *_ in about["state_dict"]
    ]
    assert ours == theirs
