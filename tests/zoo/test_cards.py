"""Cards say what networks want, give and cost; shipped files that differ from them are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonance_zoo
from resonance_zoo import cards, files

CARD = cards.CARDS / "static_cnn.toml"
NAMES = resonance_zoo.list_models()
NETWORKS = [name for name in NAMES if name != "static_cnn"]


@pytest.fixture
def raw() -> dict[str, Any]:
    return tomllib.loads(CARD.read_text(encoding="utf-8"))


def test_the_shipped_card_tells_the_input_contract() -> None:
    card = cards.still_card("static_cnn")
    assert (card.input.colour, card.input.border) == ("grey", "replicate")
    assert (card.input.box_scale, card.input.shift_up) == (1.09, 0.055)
    assert card.input.value_range == (0.0, 255.0)
    assert card.output.classes == resonance_zoo.CLASSES
    assert len(card.output.logit_bias) == 7
    assert 0 < card.output.unsure_below < 1
    assert card.licence == "MIT"
    assert card.weaknesses


def test_every_shipped_file_matches_its_card() -> None:
    shipped = [name for name in NAMES if isinstance(resonance_zoo.card(name), cards.StillCard)]
    assert shipped == ["static_cnn"]
    assert resonance_zoo.weights_path(shipped[0]).stat().st_size <= 6e6


def test_every_network_has_a_card_and_every_card_a_network() -> None:
    assert sorted(path.stem for path in cards.CARDS.glob("*.toml")) == NAMES
    assert all(resonance_zoo.card(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_card_says_what_a_user_needs(name: str) -> None:
    card = cards.network_card(name)
    assert card.summary and card.paper and "@" in card.source and "MIT" in card.licence
    assert (card.input is None) == (card.takes == "features")
    if card.takes in ("clip", "image"):
        assert card.classes == resonance_zoo.CLASSES
    for published in card.weights:
        assert "https://" in published.terms or "http://" in published.terms
        assert published.location.startswith(("https://", "http://"))
        assert published.note or published.kind != "none"  # whom to ask
        assert sorted(published.classes) in ([], sorted(card.classes))


@pytest.mark.parametrize("name", NETWORKS)
def test_publications_have_tags_of_their_own(name: str) -> None:
    tags = [published.name for published in cards.network_card(name).weights]
    assert tags and len(set(tags)) == len(tags)


def test_the_scores_of_the_report() -> None:
    def scores(name: str, who: str) -> object:
        return cards.network_card(name).reported["ferv39k"][who]

    assert scores("mae_dfer_mmnet_add", "report") == (42.30, 52.40)
    assert scores("mae_dfer_mmnet_concat", "official") == (42.20, 52.30)
    assert scores("mae_dfer_mmnet_add_pc", "report") == (42.02, 52.08)
    assert scores("mae_dfer", "report") == (42.09, 51.82)
    assert scores("mae_dfer", "official") == (43.12, 52.07)
    assert scores("poster_v2", "report") == (40.89, 49.79)
    assert cards.network_card("poster_v2").reported["raf_db"]["official"] == (None, 92.21)


@pytest.mark.parametrize(
    ("name", "war"),
    [
        ("mae_dfer", 74.88),  # of the weights dfew_fold1
        ("mae_dfer_mmnet_add", 52.40),
        ("mae_dfer_mmnet_add_pc", 52.08),
        ("mae_dfer_mmnet_concat", 52.30),
    ],
)
def test_confusion_tables_are_of_the_published_weights(name: str, war: float) -> None:
    card = cards.network_card(name)
    assert card.confusion is not None
    table = np.array(card.confusion.table)
    assert table.shape == (7, 7)
    assert round(100 * np.trace(table) / table.sum(), 2) == war
    assert any(weights.name in card.confusion.data for weights in card.weights)


def test_a_confusion_table_with_a_hole_is_named() -> None:
    raw = tomllib.loads((cards.CARDS / "mae_dfer.toml").read_text(encoding="utf-8"))
    raw["confusion"]["table"][3].pop()
    with pytest.raises(cards.CardError, match=r"odd\.toml: the confusion table has a row"):
        cards.parse_card(raw, "odd.toml")


def test_clips_are_normalised_as_the_authors_do() -> None:
    plain = {name for name in NETWORKS if (i := cards.network_card(name).input) and not any(i.mean)}
    assert plain == {"c3d", "r3d_18", "former_dfer", "ial"}
    clip = cards.network_card("mae_dfer").input
    assert clip == cards.ClipInput(
        16, 15.0, 160, "rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    )


def test_settings_of_published_weights_are_values_that_networks_take() -> None:
    add = cards.network_card("mae_dfer_mmnet_add")
    assert [dict(each.overrides) for each in add.weights] == [{}, {"region_size": (4, 5, 10)}]


def test_the_two_kinds_of_card_are_not_mixed_up() -> None:
    with pytest.raises(cards.CardError, match="static_cnn reads still images"):
        cards.network_card("static_cnn")
    with pytest.raises(cards.CardError, match="mae_dfer is no still-image network"):
        cards.still_card("mae_dfer")


def test_a_network_card_with_a_hole_is_named() -> None:
    raw = tomllib.loads((cards.CARDS / "mae_dfer.toml").read_text(encoding="utf-8"))
    with pytest.raises(cards.CardError, match=r"odd\.toml lacks the entry 'cost'"):
        cards.parse_card({key: raw[key] for key in raw if key != "cost"}, "odd.toml")
    with pytest.raises(cards.CardError, match=r"odd\.toml: takes is .*, not 'soup'"):
        cards.parse_card(raw | {"takes": "soup"}, "odd.toml")


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


@pytest.mark.parametrize("name", ["nobody", "../cards/c3d", "c3d.toml", "", 3, None])
def test_a_card_is_that_of_a_network(name: Any) -> None:
    with pytest.raises(resonance_zoo.UnknownModel, match=r"no network .*there are: c3d, "):
        resonance_zoo.card(name)
    with pytest.raises(resonance_zoo.UnknownModel, match="did you mean mae_dfer"):
        resonance_zoo.card("mae_dferr")


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(cards.CardError, match=r"no card c3d\.toml"):
        cards.load_card("c3d", tmp_path)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    changed = tmp_path / "static_cnn.onnx"
    changed.write_bytes(b"not the network")
    expected = cards.still_card("static_cnn").sha256
    with pytest.raises(files.WeightsMismatch) as caught:
        files.verify(changed, expected)
    for part in (str(changed), expected, files.sha256(changed), "Reinstall"):
        assert part in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(files.WeightsMissing, match=r"gone\.onnx is missing"):
        files.verify(tmp_path / "gone.onnx", "0" * 64)
