"""timm finds the networks when it is told of them, and not before."""

from __future__ import annotations

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


@pytest.fixture(autouse=True)
def registered() -> None:
    resonance_zoo.register_with_timm()


def said(code: str) -> str:
    """What a fresh interpreter prints; warnings of users' concern are errors."""
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    done = run_child(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def test_every_network_is_found_once_it_is_registered() -> None:
    ask = "print(*sorted(set(timm.list_models()) & set(resonance_zoo.list_models())))"
    out = said(f"import resonance_zoo, timm; {ask}; resonance_zoo.register_with_timm(); {ask}")
    assert out.split("\n") == ["", " ".join(resonance_zoo.list_models())]


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
        resonance_zoo.register_with_timm()
    assert timm.models.model_entrypoint("resnet18").__module__ == "timm.models.resnet"


def test_registering_twice_is_harmless(recwarn: pytest.WarningsRecorder) -> None:
    resonance_zoo.register_with_timm()
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
