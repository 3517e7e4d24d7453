"""timm finds the networks, whichever package comes first, and neither loads the other."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import resonance_zoo
import timm
import torch
from children import run_child
from resonance_zoo import timm_bridge, weights

from .conftest import ROOT

SMALL: dict[str, Any] = {
    "img_size": 32, "num_frames": 4, "embed_dim": 16, "depth": 1, "num_heads": 2,
    "region_size": (1, 1, 2),
}  # fmt: skip


def said(code: str, *arguments: str) -> str:
    """What a fresh interpreter prints; warnings of users' concern are errors."""
    command = [sys.executable, "-W", "error::UserWarning", "-c", code, *arguments]
    done = run_child(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ORDERS = [
    "import resonance_zoo, timm",
    "import timm, resonance_zoo",
    "import resonance_zoo, importlib.util as u; assert u.find_spec('timm'); import timm",
    "import resonance_zoo, timm.layers, timm",
    "import resonance_zoo; resonance_zoo.create('mmer_mlp'); import timm",
]
# torch takes seconds to import and plays no part in who finds whom: one interpreter that has it
# is forked for each order.
EACH_ORDER = """
import importlib, json, os, sys
for name in ("torch", "torchvision"):
    importlib.import_module(name)
for first in json.loads(sys.argv[1]):
    assert not {"timm", "model_zoo"} & set(sys.modules)
    sys.stdout.flush()
    if not (child := os.fork()):
        exec(f"import sys; {first}")
        import resonance_zoo, timm
        both = sorted(set(timm.list_models()) & set(resonance_zoo.list_models()))
        left = [type(f).__name__ for f in sys.meta_path if "Timm" in type(f).__name__]
        print(json.dumps([first, both, left, type(timm.__spec__.loader).__name__]), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, first
"""


@pytest.fixture(scope="module")
def found() -> dict[str, list[Any]]:
    """By order of the imports: networks that both know, leftovers, the loader of timm."""
    told = said(EACH_ORDER, json.dumps(ORDERS)).splitlines()
    return {first: rest for first, *rest in map(json.loads, told)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("first", ORDERS)
def test_every_network_is_found(first: str, found: dict[str, list[Any]]) -> None:
    assert found[first] == [resonance_zoo.list_models(), [], "SourceFileLoader"]


def test_neither_is_loaded_by_the_zoo_alone() -> None:
    assert said("import sys, resonance_zoo; print({'torch', 'timm'} & set(sys.modules))") == "set()"


def test_timm_creates_them_with_their_settings() -> None:
    network = timm.create_model("mae_dfer", **SMALL, drop_rate=None)
    assert type(network) is type(resonance_zoo.create("mae_dfer", **SMALL))
    with pytest.raises(resonance_zoo.UnknownOverride, match="in_chans"):
        timm.create_model("mae_dfer", in_chans=1)


def test_a_name_that_timm_has_stays_timms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_bridge, "MODULES", {"resnet18": "resonance_zoo.r3d_18"})
    with pytest.warns(UserWarning, match="timm has a network of its own called resnet18"):
        timm_bridge.attach()
    assert timm.models.model_entrypoint("resnet18").__module__ == "timm.models.resnet"


def test_attaching_twice_is_harmless(recwarn: pytest.WarningsRecorder) -> None:
    timm_bridge.attach()
    assert not recwarn.list


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with imported weights, as the app keeps it below its data directory."""
    torch.save(resonance_zoo.create("mae_dfer", **SMALL).state_dict(), tmp_path / "best.pth")
    weights.import_weights(tmp_path / "best.pth", "mae_dfer", tmp_path / "models", **SMALL)
    return tmp_path


def test_pretrained_from_a_named_folder(kept: Path) -> None:
    network = timm.create_model("mae_dfer", pretrained=True, weights_folder=kept / "models")
    stored = weights.load("mae_dfer", kept / "models").state_dict()
    assert all(torch.equal(stored[key], value) for key, value in network.state_dict().items())


def test_pretrained_from_the_data_directory_with_another_head(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(kept))
    network = timm.create_model("mae_dfer", pretrained=True, num_classes=3)
    stored = weights.load("mae_dfer", kept / "models").state_dict()
    found = network.state_dict()
    assert found["head.weight"].shape == (3, 16)
    assert torch.equal(found["patch_embed.proj.weight"], stored["patch_embed.proj.weight"])


def test_pretrained_without_a_folder_or_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RESONANCE_DATA_DIR", raising=False)
    with pytest.raises(weights.WeightsNotHere) as caught:
        timm.create_model("mae_dfer", pretrained=True)
    assert "RESONANCE_DATA_DIR" in caught.value.hint and "models pull" in caught.value.hint
    with pytest.raises(weights.WeightsNotHere, match="no weights for mae_dfer"):
        timm.create_model("mae_dfer", pretrained=True, weights_folder=tmp_path)
