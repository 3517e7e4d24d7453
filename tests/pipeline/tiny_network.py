"""A network of the zoo that is as small as can be, with random numbers as its weights."""

from __future__ import annotations

from pathlib import Path

import pytest

import resonance_zoo
from resonance_tui.engines.base import EngineOptions, weights_folder

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `zoo`)")

NAME = "mae_dfer"
TINY = {
    "img_size": 32,
    "num_frames": 16,
    "embed_dim": 16,
    "depth": 1,
    "num_heads": 2,
    "region_size": (2, 2, 2),
}
CPU = EngineOptions(device="cpu", precision="float32")


def imported(data_dir: Path, **overrides: object) -> torch.nn.Module:
    """A tiny network with random numbers, taken in as `models import` does."""
    from resonance_zoo.weights import import_weights

    torch.manual_seed(0)
    network = resonance_zoo.create(NAME, **(TINY | overrides))
    torch.nn.init.normal_(network.head.weight, std=1.0)
    data_dir.mkdir(exist_ok=True)
    file = data_dir / "checkpoint.pth"
    torch.save({"model": network.state_dict()}, file)
    import_weights(file, NAME, weights_folder(data_dir), **(TINY | overrides))
    return network.eval()
