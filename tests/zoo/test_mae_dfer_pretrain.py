"""MAE-DFER's pre-training: the official layout, reconstruction, losses, gradients and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import resonance_zoo

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from resonance_zoo.mae_dfer_pretrain import joint_loss, reconstruction_target  # noqa: E402
from resonance_zoo.masking import part_window_mask  # noqa: E402

from tests.zoo import parity  # noqa: E402

if TYPE_CHECKING:
    from resonance_zoo.mae_dfer_pretrain import MaeDferPretrain
    from torch import Tensor, nn

TINY = {
    "img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 2, "num_heads": 4,
    "decoder_dim": 32, "decoder_depth": 2, "decoder_num_heads": 4, "region_size": (2, 2, 4),
}  # fmt: skip
VARIANTS = {
    "default": ({}, 0.5),
    "w05": ({}, 0.5),
    "w02": ({}, 0.2),
    "appearance_only": ({"motion": False}, 0.5),
    "unnormalised": ({"normalised": False}, 0.5),
}


def tiny(**overrides: object) -> MaeDferPretrain:
    network = resonance_zoo.create("mae_dfer_pretrain", **{**TINY, **overrides})
    parity.fill(network)
    return network.eval()


def tiny_mask(clips: int = 2, seed: int = 0) -> Tensor:
    rng = np.random.RandomState(seed)
    masks = [part_window_mask(rng, (8, 4, 4), (2, 4), 0.75) for _ in range(clips)]
    return torch.from_numpy(np.stack(masks))


def test_the_full_size_has_the_official_count_and_entries() -> None:
    with torch.device("meta"):
        network = resonance_zoo.create("mae_dfer_pretrain")
    assert sum(p.numel() for p in network.parameters()) == 92_760_192
    state = network.state_dict()
    assert len(state) == 575
    assert state["encoder_to_decoder.weight"].shape == (384, 512)
    assert state["decoder.blocks.3.attn.qkv.weight"].shape == (1152, 384)
    assert state["decoder.head.weight"].shape == (1536, 384)


def test_the_encoder_fits_the_network_that_is_fine_tuned() -> None:
    with torch.device("meta"):
        encoder = resonance_zoo.create("mae_dfer_pretrain").encoder.state_dict()
        classifier = resonance_zoo.create("mae_dfer").state_dict()
    common = encoder.keys() & classifier.keys()
    assert len(common) == 515
    assert all(encoder[key].shape == classifier[key].shape for key in common)
    assert encoder.keys() - common == {"norm.weight", "norm.bias"}


def test_the_official_reconstruction() -> None:
    about, arrays = parity.fixture("maedfer_pretrain_tiny")
    network = tiny()
    parity.assert_same_layout(network, about)
    assert parity.fill(network) == about["weights_sha256"]
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        seen.append(output)

    network.encoder.register_forward_hook(keep)
    clip = parity.inp(about["input_shape"], about["input_seed"])
    with torch.inference_mode():
        output = network(clip, torch.from_numpy(arrays["mask"]))
    np.testing.assert_allclose(output[:, ::8, ::4], arrays["output"], rtol=0, atol=2e-5)
    parity.assert_probe(arrays, "output", output)
    parity.assert_probe(arrays, "encoder_out", seen[0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_official_targets_and_losses(variant: str) -> None:
    about, arrays = parity.fixture("maedfer_pretrain_tiny")
    clip = parity.inp(about["input_shape"], about["input_seed"])
    mask = torch.from_numpy(arrays["mask"])
    settings, weight = VARIANTS[variant]
    target = reconstruction_target(clip, mask, patch_size=8, **settings)
    with torch.inference_mode():
        loss = joint_loss(tiny()(clip, mask), target, weight)
    assert loss.item() == pytest.approx(float(arrays[f"loss.{variant}"]), abs=5e-6)
    if f"target.{variant}.probe" in arrays:
        parity.assert_probe(arrays, f"target.{variant}", target)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_official_gradients(checkpointing: bool) -> None:
    about, arrays = parity.fixture("maedfer_pretrain_tiny")
    clip = parity.inp(about["input_shape"], about["input_seed"])
    mask = torch.from_numpy(arrays["mask"])
    network = tiny(grad_checkpointing=checkpointing).train()
    joint_loss(network(clip, mask), reconstruction_target(clip, mask, patch_size=8)).backward()
    norms = {
        name: value.grad.norm().item()
        for name, value in network.named_parameters()
        if value.grad is not None
    }
    assert len(norms) == about["n_keys"]
    total = float(np.sqrt(sum(norm**2 for norm in norms.values())))
    assert total == pytest.approx(float(arrays["grad_norm_total"]), rel=2e-5)
    for key, expected in arrays.items():
        name = key.removeprefix("grad_norm.")
        if name != key:
            assert norms[name] == pytest.approx(float(expected), rel=2e-5), name


def test_the_official_mask_of_seed_0() -> None:
    _, arrays = parity.fixture("maedfer_pretrain_tiny")
    mask = part_window_mask(np.random.RandomState(0))
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, arrays["gen.part_window.seed0"].astype(bool))


def test_half_a_face_keeps_five_patches_and_keeps_them_all_the_time() -> None:
    mask = part_window_mask(np.random.RandomState(3)).reshape(8, 2, 50)
    assert ((~mask).sum(-1) == 5).all()
    assert (mask == mask[0]).all()


def test_the_network_sees_nothing_of_what_is_hidden() -> None:
    network, mask = tiny(), tiny_mask(1)
    clip = parity.inp((1, 3, 16, 32, 32), 5)
    t, y, x = (int(place) for place in mask.view(8, 4, 4).nonzero()[0])
    other = clip.clone()
    other[:, :, 2 * t : 2 * t + 2, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8] += 1
    with torch.inference_mode():
        assert torch.equal(network(clip, mask), network(other, mask))


def test_visible_tokens_are_dealt_out_to_the_regions_of_their_place() -> None:
    encoder = tiny().encoder
    places = torch.arange(128)[~tiny_mask(1)[0]]
    regions = encoder._partition(places.view(1, 32, 1).float()).squeeze(-1).int()
    assert regions.shape == (8, 4)
    for index, region in enumerate(regions):
        slots, rows = region // 16, region % 16 // 4
        assert set((slots // 2).tolist()) == {index // 2}
        assert set((rows // 2).tolist()) == {index % 2}


@pytest.mark.parametrize(
    ("given", "wide"),
    [("bfloat16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_the_loss_widens_and_never_narrows(given: str, wide: str) -> None:
    output, target = (parity.inp((2, 3, 8), seed).to(getattr(torch, given)) for seed in (7, 8))
    loss = joint_loss(output, target)
    assert loss.dtype == getattr(torch, wide)
    difference = output.double() - target.double()
    assert loss.item() == pytest.approx(difference.square().mean().item(), rel=1e-6)


def test_motion_of_a_still_clip_is_nothing() -> None:
    clip = parity.inp((1, 3, 1, 32, 32), 6).expand(1, 3, 16, 32, 32)
    appearance, motion = reconstruction_target(clip.contiguous(), tiny_mask(1), patch_size=8).chunk(
        2, dim=-1
    )
    assert appearance.std() > 0.5
    assert not motion.any()


def test_initialisation_is_the_papers() -> None:
    torch.manual_seed(0)
    network = resonance_zoo.create("mae_dfer_pretrain", **TINY)
    bound = (6 / (48 + 192)) ** 0.5
    weight = network.encoder.blocks[0].mlp.fc1.weight.detach().abs().max().item()
    assert 0.95 * bound < weight <= bound
    between = network.encoder_to_decoder.weight.detach().abs().max().item()
    assert 0.95 < between * 48**0.5 <= 1  # PyTorch's own, not (6 / (48 + 32)) ** 0.5
    for token in (network.mask_token, network.encoder.lg_region_tokens):
        assert 0.01 < token.detach().abs().max().item() <= 0.02


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.zeros(1, 128), "a mask is bool"),
        (torch.zeros(1, 64, dtype=torch.bool), "a mask is bool"),
        (torch.ones(1, 128, dtype=torch.bool), "0 visible tokens"),
        (torch.arange(128)[None] >= 30, "30 visible tokens"),
    ],
)
def test_masks_that_fit_no_network_are_named(mask: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny()(torch.zeros(1, 3, 16, 32, 32), mask)


def test_clips_must_hide_equally_many() -> None:
    mask = tiny_mask(2)
    mask[0] = False
    with pytest.raises(ValueError, match="equally many"):
        tiny()(torch.zeros(2, 3, 16, 32, 32), mask)


def test_windows_and_shares_of_masks_are_checked() -> None:
    with pytest.raises(ValueError, match="tile"):
        part_window_mask(np.random.RandomState(0), (8, 10, 10), (4, 10))
    with pytest.raises(ValueError, match="share"):
        part_window_mask(np.random.RandomState(0), ratio=1.0)
