"""Cards say what the shipped files want and give; files that differ from them are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import model_zoo
from model_zoo import cards, files

CARD = cards.CARDS / "static_cnn.toml"


@pytest.fixture
def raw() -> dict[str, Any]:
    return tomllib.loads(CARD.read_text(encoding="utf-8"))


def test_the_shipped_card_tells_the_input_contract() -> None:
    card = model_zoo.card("static_cnn")
    assert (card.input.colour, card.input.border) == ("grey", "replicate")
    assert (card.input.box_scale, card.input.shift_up) == (1.09, 0.055)
    assert card.input.value_range == (0.0, 255.0)
    assert card.output.classes == model_zoo.CLASSES
    assert len(card.output.logit_bias) == 7
    assert 0 < card.output.unsure_below < 1
    assert card.licence == "MIT"
    assert card.weaknesses


def test_every_shipped_file_matches_its_card() -> None:
    for path in cards.CARDS.glob("*.toml"):
        weights = model_zoo.weights_path(path.stem)
        assert weights.stat().st_size <= 6e6


@pytest.mark.parametrize("entry", ["name", "input", "output", "weights"])
def test_a_card_with_a_hole_is_named(raw: dict[str, Any], entry: str) -> None:
    del raw[entry]
    with pytest.raises(cards.CardError, match=rf"odd\.toml lacks the entry '{entry}'"):
        cards.parse_card(raw, "odd.toml")


def test_a_card_with_unknown_or_missing_contract_fields_is_refused(raw: dict[str, Any]) -> None:
    raw["input"]["colour_depth"] = 8
    with pytest.raises(cards.CardError, match=r"odd\.toml.*colour_depth"):
        cards.parse_card(raw, "odd.toml")


def test_another_class_order_is_refused(raw: dict[str, Any]) -> None:
    raw["output"]["classes"].reverse()
    with pytest.raises(cards.CardError, match="in this order"):
        cards.parse_card(raw, "odd.toml")


def test_an_unknown_card_is_a_clear_error() -> None:
    with pytest.raises(cards.CardError, match=r"no card nobody\.toml"):
        model_zoo.card("nobody")


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    changed = tmp_path / "static_cnn.onnx"
    changed.write_bytes(b"not the network")
    expected = model_zoo.card("static_cnn").sha256
    with pytest.raises(files.WeightsMismatch) as caught:
        files.verify(changed, expected)
    for part in (str(changed), expected, files.sha256(changed), "Reinstall"):
        assert part in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(files.WeightsMissing, match=r"gone\.onnx is missing"):
        files.verify(tmp_path / "gone.onnx", "0" * 64)
