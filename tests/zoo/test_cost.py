"""Parameters and multiply-accumulates of every network, against its card and the report."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

import pytest
import torch

import resonance_zoo
from resonance_zoo.cards import network_card
from resonance_zoo.cost import Measured, example_inputs, measure

NETWORKS = [name for name in resonance_zoo.list_models() if name != "static_cnn"]

# Tables 4 and 7 of the report: millions of parameters, 1e9 multiply-accumulates.
REPORT = {
    "mae_dfer": (85, 50),
    "mae_dfer_mmnet_add": (114, 52),
    "mae_dfer_mmnet_add_pc": (119, 53),
    "videomae_base": (86, 81),
    "former_dfer": (18, 9),
    "ial": (19, 10),
    "poster_v2": (58, 26),
    "c3d": (78, 39),
    "r3d_18": (33, 8),
}
# What the officially released code costs, counted by fvcore itself.
FVCORE = {
    "c3d": (78_024_455, 38.547),
    "r3d_18": (33_207_495, 8.319),
    "former_dfer": (18_031_943, 8.319),
    "ial": (19_083_527, 5.647),
    "videomae_base": (86_232_583, 80.762),
    "mae_dfer": (84_878_343, 49.752),
    "mae_dfer_mmnet_add": (114_324_610, 52.797),
    "mae_dfer_mmnet_concat": (114_328_194, 52.797),
    "mae_dfer_mmnet_add_pc": (118_588_040, 53.239),
}
# Where the report's figure cannot be met: ours minus its own, in 1e9, as the card says.
UNMET = {"mae_dfer_mmnet_add": 0.80, "former_dfer": -0.68, "ial": -4.35}


@cache
def measured(name: str) -> Measured:
    return measure(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_card_has_what_is_measured(name: str) -> None:
    cost = network_card(name).cost
    assert cost.params == measured(name).params
    assert cost.gmacs == pytest.approx(measured(name).gmacs, abs=0.0006, rel=1e-3)


@pytest.mark.parametrize("name", FVCORE)
def test_fvcore_counts_the_same(name: str) -> None:
    params, gmacs = FVCORE[name]
    assert measured(name).params == params
    assert measured(name).gmacs == pytest.approx(gmacs, abs=0.001)


def test_one_image_of_poster_v2() -> None:
    one = measure("poster_v2", num_classes=7)
    assert one.params == 58_316_594
    assert one.gmacs / 3 == pytest.approx(8.613, abs=0.001)


@pytest.mark.parametrize("name", REPORT)
def test_the_report(name: str) -> None:
    params_m, gmacs = REPORT[name]
    cost = network_card(name).cost
    assert (cost.reported_params_m, cost.reported_gmacs) == (params_m, gmacs)
    assert round(measured(name).params / 1e6) == params_m
    off = measured(name).gmacs - gmacs
    assert off == pytest.approx(UNMET.get(name, 0.0), abs=0.005 if name in UNMET else 0.5)
    assert bool(cost.note) or name not in UNMET


@pytest.mark.parametrize(("name", "words"), [
    ("mae_dfer_mmnet_add", "0.80 G above"),
    ("former_dfer", "0.68 G below"),
    ("ial", "4.35 G below"),
    ("poster_v2", "three images"),
])  # fmt: skip
def test_the_card_says_by_how_much_and_why(name: str, words: str) -> None:
    assert words in network_card(name).cost.note


def test_another_clip_costs_another_amount() -> None:
    half = measure("videomae_base", num_frames=8)
    assert 0.4 < half.gmacs / measured("videomae_base").gmacs < 0.5  # attention is quadratic


def test_batch_norm_counts_two_a_number() -> None:
    more = measure("c3d", batch_norm=True).gmacs - measured("c3d").gmacs
    assert more == pytest.approx(38.594 - 38.547, abs=0.001)


# Parameters that only the training loss reads.
TRAINING_ONLY = ("s_former.layer[23].0.AUX_fc.*",)


@pytest.mark.parametrize("name", [n for n in NETWORKS if network_card(n).input is not None])
def test_the_card_names_exactly_the_tensors_that_nothing_reads(name: str) -> None:
    card = network_card(name)
    with torch.device("meta"):
        network = resonance_zoo.create(name).eval().requires_grad_(True)
        network(*example_inputs(card, {})).sum().backward()
    unread = {key for key, value in network.named_parameters() if value.grad is None}
    unread = {key for key in unread if not any(fnmatchcase(key, each) for each in TRAINING_ONLY)}
    named = {
        key
        for key, _ in network.named_parameters()
        if any(fnmatchcase(key, pattern) for pattern in card.unused_tensors)
    }
    assert named == unread
    keys = list(network.state_dict())
    for pattern in card.unused_tensors:
        assert any(fnmatchcase(key, pattern) for key in keys), f"{pattern} matches nothing"
