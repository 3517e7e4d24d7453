"""Losses, mixing, and how parameters are grouped for the optimiser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import resonance_zoo
import torch
from resonance_zoo.ial_loss import intensity_aware_loss, total_loss
from resonance_zoo.train.clips import objectives, optim
from resonance_zoo.train.clips.randomness import seed_all
from resonance_zoo.train.clips.recipes import FORMER_DFER, FUSED, IAL, PRETRAIN, RecipeError
from torch import Tensor, nn

from tests.zoo import parity
from tests.zoo.made_up_clips import TINY

LABELS = torch.tensor([0, 6, 3, 2])


class Looking(nn.Module):
    """A network whose logits are the first seven numbers of the clip."""

    def forward(self, clip: Tensor) -> Tensor:
        return clip.flatten(1)[:, :7]


def clips() -> Tensor:
    return torch.randn(4, 3, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def test_plain_and_smoothed_cross_entropy() -> None:
    logits = Looking()(clips())
    plain = objectives.classifier(Looking(), FORMER_DFER, 4, 7)
    assert plain(clips(), LABELS) == nn.functional.cross_entropy(logits, LABELS)
    smoothed = objectives.classifier(Looking(), replace(FORMER_DFER, smoothing=0.1), 4, 7)
    expected = nn.functional.cross_entropy(logits, LABELS, label_smoothing=0.1)
    assert smoothed(clips(), LABELS) == expected


def test_mixing_cuts_the_same_box_from_all_frames_and_mixes_the_labels_by_its_area() -> None:
    learner = objectives.classifier(Looking(), replace(FUSED, mixup=0.0), 4, 7)
    seed_all(3)
    mixed, targets = learner.prepare((clips(), LABELS))
    changed = (mixed != clips()).flatten(0, 2)
    assert changed.any() and torch.equal(changed, changed[:1].expand_as(changed))
    share = changed[0].float().mean()
    assert targets.sum(1) == pytest.approx(np.ones(4))
    assert targets[0, 0] == pytest.approx(0.9 * (1 - share) + 0.1 / 7)
    assert targets[0, 2] == pytest.approx(0.9 * share + 0.1 / 7)  # the partner is clip 3
    assert learner(mixed, targets) > 0


def test_mixing_needs_pairs() -> None:
    with pytest.raises(RecipeError, match="micro-batch of 3 is odd"):
        objectives.classifier(Looking(), FUSED, 3, 7)


def test_the_intensity_aware_loss_with_any_network_and_with_its_own() -> None:
    learner = objectives.classifier(Looking(), IAL, 4, 7)
    logits = Looking()(clips())
    expected = nn.functional.cross_entropy(logits, LABELS) + 0.1 * intensity_aware_loss(
        logits, LABELS
    )
    assert learner(clips(), LABELS) == pytest.approx(expected)
    with pytest.raises(RecipeError, match="one label a clip"):
        objectives.classifier(Looking(), replace(IAL, mixup=0.8), 4, 7)

    own = resonance_zoo.create("ial", img_size=32, num_frames=4)
    faces = torch.rand(2, 3, 4, 32, 32)
    found = objectives.classifier(own, IAL, 2, 7).eval()(faces, LABELS[:2])
    out = own.eval().forward_all(faces)
    expected = total_loss(out.logits, out.aux2, out.aux3, LABELS[:2])
    assert found.item() == pytest.approx(expected.item())


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    assert objectives.check_finite(torch.tensor(1.5), 3) == 1.5
    with pytest.raises(RuntimeError, match="nan at step 3"):
        objectives.check_finite(torch.tensor(float("nan")), 3)


def test_layer_scales_of_sixteen_blocks() -> None:
    _, arrays = parity.fixture("sampling_schedule")
    np.testing.assert_allclose(optim.layer_scales(16, 0.75), arrays["layer_decay_scales_depth16"])


def test_groups_of_the_fused_network() -> None:
    with torch.device("meta"):
        network = resonance_zoo.create("mae_dfer_mmnet_add_pc")
    found = {
        id(parameter): (group["lr_scale"], group["weight_decay"])
        for group in optim.parameter_groups(network, FUSED)
        for parameter in group["params"]
    }
    of = {name: found[id(parameter)] for name, parameter in network.named_parameters()}
    assert of["patch_embed.proj.weight"] == (pytest.approx(0.75**17), 0.05)
    assert of["patch_embed.proj.bias"] == (pytest.approx(0.75**17), 0.0)
    assert of["blocks.0.mlp.fc1.weight"] == (pytest.approx(0.75**16), 0.05)
    assert of["blocks.15.first_attn.q_bias"] == (0.75, 0.0)
    for name in ("cablock.conv1.weight", "fc1.weight", "vit_pos.blocks.0.attn.qkv.weight"):
        assert of[name] == (1.0, 0.05)
    assert of["lg_region_tokens"] == of["fc_norm.weight"] == of["head.bias"] == (1.0, 0.0)


def test_pre_training_decays_the_region_tokens_as_the_authors_do() -> None:
    network = resonance_zoo.create("mae_dfer_pretrain", **TINY)
    groups = optim.parameter_groups(network, PRETRAIN)
    assert {group["lr_scale"] for group in groups} == {1.0}
    tokens = network.encoder.lg_region_tokens
    decayed = [g for g in groups if any(p is tokens for p in g["params"])]
    assert [group["weight_decay"] for group in decayed] == [0.05]


def test_optimisers_of_the_recipes() -> None:
    network = nn.Linear(3, 2)
    sgd = optim.build(network, FORMER_DFER)
    assert isinstance(sgd, torch.optim.SGD)
    assert sgd.param_groups[0]["momentum"] == 0.9
    assert sgd.param_groups[0]["weight_decay"] == 1e-4
    adam = optim.build(network, PRETRAIN)
    assert isinstance(adam, torch.optim.AdamW)
    assert adam.param_groups[0]["betas"] == (0.9, 0.95)
    optim.set_rate(adam, 0.5)
    assert {group["lr"] for group in adam.param_groups} == {0.5}
