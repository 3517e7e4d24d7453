"""Every network of the registry answers to the methods that timm calls on a model."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import resonance_zoo
import torch
from resonance_zoo.layers import Classifier
from resonance_zoo.train.clips.optim import layer_id
from timm.models import group_parameters
from timm.optim import param_groups_layer_decay
from torch import Tensor, nn

VIT: dict[str, Any] = {
    "img_size": 32, "num_frames": 4, "embed_dim": 16, "depth": 3, "num_heads": 2,
}  # fmt: skip
LGI = VIT | {"region_size": (1, 1, 2)}
SMALL: dict[str, dict[str, Any]] = {
    "c3d": {"img_size": 16},
    "r3d_18": {"img_size": 32},
    "former_dfer": {"img_size": 32, "num_frames": 4},
    "ial": {"img_size": 32, "num_frames": 4},
    "mmnet": {"img_size": 32},
    "videomae_base": VIT,
    "mae_dfer": LGI,
    "mae_dfer_mmnet_add": LGI,
    "mae_dfer_mmnet_concat": LGI,
    "mae_dfer_mmnet_add_pc": LGI,
    "mae_dfer_pretrain": LGI | {"decoder_dim": 12, "decoder_depth": 2, "decoder_num_heads": 2},
}
SIZES = {"static_cnn": (2, 48), "poster_v2": (2, 224), "mmnet": (2, 32), "c3d": (16, 16)}
NAMES = resonance_zoo.list_models()
VIDEO_TRANSFORMERS = [name for name in NAMES if name.startswith(("videomae", "mae_dfer"))]


def build(name: str) -> Classifier:
    torch.manual_seed(0)
    return resonance_zoo.create(name, **SMALL.get(name, {})).eval()


@cache
def inputs(name: str) -> tuple[Tensor, ...]:
    """A batch of two for the network of that name."""
    seeded = torch.Generator().manual_seed(1)
    if name.startswith("mmer"):
        sequences = torch.rand(2, *([] if name == "mmer_mlp" else [5]), 35, generator=seeded)
        return (sequences,) if name == "mmer_mlp" else (sequences, torch.tensor([5, 3]))
    settings = SMALL.get(name, {})
    frames, size = SIZES.get(name, (settings.get("num_frames", 16), settings.get("img_size", 112)))
    clip = torch.rand(2, 3, frames, size, size, generator=seeded)
    if name != "mae_dfer_pretrain":
        return (clip,)
    return clip, torch.tensor([[True, False, True, False] * 2] * 2)


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_head_of_the_features(name: str) -> None:
    network = build(name)
    with torch.inference_mode():
        features = network.forward_features(*inputs(name))
        assert features.shape[-1] == network.num_features
        assert torch.equal(network.forward_head(features), network(*inputs(name)))
        assert torch.equal(network.forward_head(features, pre_logits=True), features)
        assert torch.equal(network.get_classifier()(features), network.forward_head(features))


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_classifier_leaves_the_rest_alone(name: str) -> None:
    network = build(name).half()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.reset_classifier(5)
    fresh = network.get_classifier()
    assert isinstance(fresh, nn.Linear) and fresh.out_features == network.num_classes == 5
    assert fresh.weight.dtype == torch.float16 and not fresh.training
    after = network.state_dict()
    changed = {key for key, value in after.items() if not torch.equal(value, before[key])}
    head = f"{network.classifier_name}."
    assert all(key.startswith(head) or ".AUX_fc." in key for key in changed), changed


@pytest.mark.parametrize("name", NAMES)
def test_without_classes_it_answers_with_its_features(name: str) -> None:
    network = build(name)
    network.reset_classifier(0)
    with torch.inference_mode():
        assert torch.equal(network(*inputs(name)), network.forward_features(*inputs(name)))
    assert network.num_classes == 0
    network.reset_classifier(3)
    with torch.inference_mode():
        assert network(*inputs(name)).shape[-1] == 3


@pytest.mark.parametrize(("classes", "pool"), [(-1, None), (7, "avg")])
def test_a_classifier_that_cannot_be_is_refused(classes: int, pool: str | None) -> None:
    with pytest.raises(ValueError, match="cannot reset"):
        build("mmer_mlp").reset_classifier(classes, pool)


def test_ial_resets_its_auxiliary_classifiers_too() -> None:
    network = resonance_zoo.create("ial", **SMALL["ial"])
    network.reset_classifier(4)
    out = network.forward_all(*inputs("ial"))
    assert out.logits.shape == out.aux2.shape == out.aux3.shape == (2, 4)


@pytest.mark.parametrize("name", ["mae_dfer", "mae_dfer_mmnet_concat", "videomae_base"])
def test_a_fresh_classifier_starts_as_small_as_the_first(name: str) -> None:
    network = build(name)
    network.reset_classifier(7)
    weight = network.get_parameter("head.weight")
    assert 0 < weight.detach().abs().max().item() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_depth_grows_from_the_stem_to_the_classifier(name: str) -> None:
    network = build(name)
    depth = group_parameters(network, network.group_matcher(), reverse=True)
    names = [key for key, _ in network.named_parameters()]
    assert depth.keys() == set(names)
    stem = [key for key in names if depth[key] == 0]
    assert stem and not any(key.startswith(network.classifier_name) for key in stem)
    last = {depth[key] for key in names if key.startswith(f"{network.classifier_name}.")}
    assert last == {max(depth.values())} and max(depth.values()) >= 1
    for coarse in (False, True):
        groups = group_parameters(network, network.group_matcher(coarse))
        assert sorted(key for group in groups.values() for key in group) == sorted(names)


@pytest.mark.parametrize("name", NAMES)
def test_layer_decay_slows_the_stem_and_spares_the_classifier(name: str) -> None:
    network = build(name)
    groups = param_groups_layer_decay(network, layer_decay=0.5)
    scale = {parameter: group["lr_scale"] for group in groups for parameter in group["params"]}
    assert scale.keys() == {p for p in network.parameters() if p.requires_grad}
    assert {scale[p] for p in network.get_classifier().parameters()} == {1.0}
    assert min(scale.values()) < 1


@pytest.mark.parametrize("name", [n for n in VIDEO_TRANSFORMERS if n != "mae_dfer_pretrain"])
def test_timm_sees_the_depth_that_our_recipes_train_with(name: str) -> None:
    network = build(name)
    depth = group_parameters(network, network.group_matcher(), reverse=True)
    assert depth == {key: layer_id(key, VIT["depth"]) for key, _ in network.named_parameters()}


def test_stages_are_coarser_than_blocks() -> None:
    network = build("r3d_18")
    fine, coarse = (group_parameters(network, network.group_matcher(c)) for c in (False, True))
    assert (len(fine), len(coarse)) == (10, 6)  # stem, 8 blocks in 4 stages, classifier
