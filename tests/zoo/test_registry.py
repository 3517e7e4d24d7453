"""Networks by name, and nothing heavy loaded before one is built."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from children import run_child

import resonance_zoo
from resonance_zoo import registry

from .conftest import ROOT


def test_listing_and_reading_cards_loads_nothing_heavy() -> None:
    code = (
        "import sys, resonance_zoo as zoo; zoo.list_models(); zoo.weights_path('static_cnn');"
        "print(*({'torch', 'numpy', 'cv2', 'onnx', 'onnxruntime', 'timm'} & set(sys.modules)))"
    )
    done = run_child(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""


def test_wildcards() -> None:
    assert "static_cnn" in resonance_zoo.list_models()
    assert resonance_zoo.list_models("static*") == ["static_cnn"]
    assert resonance_zoo.list_models("nothing*") == []


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(resonance_zoo.UnknownModel, match=r"no network 'resnet'.*static_cnn"):
        resonance_zoo.create("resnet")


@pytest.mark.parametrize("name", [3, None, ["c3d"], ""])
def test_what_is_no_name_is_answered_alike(name: Any) -> None:
    with pytest.raises(resonance_zoo.UnknownModel, match=r"no network .*there are: c3d, "):
        resonance_zoo.create(name)


@pytest.mark.parametrize("name", resonance_zoo.list_models())
@pytest.mark.parametrize("classes", [0, -1, 2.5, "seven", None])
def test_a_number_of_classes_is_one_or_more(name: str, classes: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot be built with num_classes=.* from 1"):
        resonance_zoo.create(name, num_classes=classes)


@pytest.mark.parametrize("name", ["mae_dfer", "mae_dfer_mmnet_add", "videomae_base"])
@pytest.mark.parametrize(("width", "heads"), [(7, 8), (512, 0), (0, 8), (64, -8)])
def test_a_width_that_does_not_split_into_heads(name: str, width: int, heads: int) -> None:
    with pytest.raises(ValueError, match=f"embed_dim={width} does not split into num_heads="):
        resonance_zoo.create(name, embed_dim=width, num_heads=heads)


def test_an_entry_point_must_be_in_the_table() -> None:
    def stray() -> None: ...

    with pytest.raises(ValueError, match="stray"):
        registry.register(stray)
