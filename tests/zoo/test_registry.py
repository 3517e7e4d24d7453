"""Networks by name, and nothing heavy loaded before one is built."""

from __future__ import annotations

import subprocess
import sys

import pytest

import model_zoo
from model_zoo import registry

from .conftest import ROOT


def test_listing_and_reading_cards_loads_nothing_heavy() -> None:
    code = (
        "import sys, model_zoo; model_zoo.list_models(); model_zoo.weights_path('static_cnn');"
        "print(*({'torch', 'numpy', 'cv2', 'onnx', 'onnxruntime', 'timm'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == ""


def test_wildcards() -> None:
    assert "static_cnn" in model_zoo.list_models()
    assert model_zoo.list_models("static*") == ["static_cnn"]
    assert model_zoo.list_models("nothing*") == []


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(model_zoo.UnknownModel, match=r"no network 'resnet'.*static_cnn"):
        model_zoo.create("resnet")


def test_an_entry_point_must_be_in_the_table() -> None:
    def stray() -> None: ...

    with pytest.raises(ValueError, match="stray"):
        registry.register(stray)
