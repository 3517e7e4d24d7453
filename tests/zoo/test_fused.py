"""The fused networks: layout, what the micro branch is shown, how the two halves meet."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import resonance_zoo
from resonance_zoo.clip_input import ClipError
from resonance_zoo.fused import FusedConfig, MaeDferMMNet, mean_minus_onset
from resonance_zoo.mmnet import PositionCalibration
from tests.zoo import parity
from tests.zoo.naive_attention import naive_attention_map

NAMES = ("mae_dfer_mmnet_add", "mae_dfer_mmnet_concat", "mae_dfer_mmnet_add_pc")
TINY = {
    "img_size": 32, "num_frames": 4, "embed_dim": 48, "depth": 2, "num_heads": 4,
    "region_size": (1, 2, 2),
}  # fmt: skip


def tiny(name: str) -> MaeDferMMNet:
    network = resonance_zoo.create(name, **TINY).eval()
    parity.fill(network)
    return network


def clips(seed: int = 1) -> Tensor:
    """Two clips of strong patches, every frame another: white noise hardly reaches the last map."""
    return parity.inp_block((2, 3, 4, 4, 4), (1, 1, 1, 8, 8), seed, 4.0)


def parameters(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def expected_parts(network: MaeDferMMNet, clip: Tensor) -> tuple[Tensor, Tensor]:
    """Macro from a plain MAE-DFER, micro from first principles, both from the raw state dict."""
    state = {k: v.double() for k, v in network.state_dict().items()}
    plain = resonance_zoo.create("mae_dfer", **TINY).eval()
    mine = set(plain.state_dict()) - {"head.weight", "head.bias"}
    plain.load_state_dict({k: state[k] for k in mine}, strict=False)
    onset = clip[:, :, 0].double()
    difference = sum(clip[:, :, t].double() for t in range(4)) / 4 - onset
    motion, _ = naive_attention_map(state, "cablock", difference)
    if "vit_pos.pos_embed" in state:
        calibration = PositionCalibration(2, mlp_ratio=2).double().eval()
        calibration.load_state_dict(below(state, "vit_pos."), strict=True)
        tokens = calibration.tokens(onset)  # [B, 4, 512], rows first
        motion = motion + torch.stack([tokens[:, :2], tokens[:, 2:]], 1).permute(0, 3, 1, 2)
    micro = motion.reshape(2, -1) @ state["fc1.weight"].T + state["fc1.bias"]
    return plain.forward_features(clip).double(), micro.clamp(min=0)


# -- layout --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "count", "entries"),
    zip(NAMES, (114_324_610, 114_328_194, 118_588_040), (625, 625, 659), strict=True),
)
def test_official_size_and_entries(name: str, count: int, entries: int) -> None:
    with torch.device("meta"):
        network = resonance_zoo.create(name)
        plain = resonance_zoo.create("mae_dfer").state_dict()
        logits = network(torch.empty(2, 3, 16, 160, 160))
    state = network.state_dict()
    assert parameters(network) == count
    assert len(state) == entries
    assert logits.shape == (2, 7)
    wide = {"head.weight"} if name.endswith("concat") else set()
    for key in set(plain) - wide:
        assert state[key].shape == plain[key].shape, key
    added = {key.split(".")[0] for key in set(state) - set(plain)}
    calibrated = {"vit_pos"} if name.endswith("pc") else set()
    assert added == {"cablock", "conv_act", "fc1"} | calibrated


def test_official_shapes() -> None:
    with torch.device("meta"):
        state = resonance_zoo.create("mae_dfer_mmnet_add_pc").state_dict()
        concat = resonance_zoo.create("mae_dfer_mmnet_concat").state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    assert shapes["fc1.weight"] == (512, 51200)
    assert shapes["cablock.fc.weight"] == (7, 100352)
    assert shapes["conv_act.0.weight"] == (180, 3, 3, 3)
    assert shapes["conv_act.1.running_var"] == (180,)
    assert shapes["cablock.layer4.0.downsample.1.weight"] == (512,)
    assert shapes["vit_pos.pos_embed"] == (1, 100, 512)
    assert shapes["vit_pos.blocks.1.mlp.fc1.weight"] == (1024, 512)
    assert shapes["vit_pos.head.weight"] == (5, 512)
    assert shapes["head.weight"] == (7, 512)
    assert tuple(concat["head.weight"].shape) == (7, 1024)
    assert sum(key.startswith("vit_pos.") for key in shapes) == 34


def test_larger_regions_are_the_ablation_of_the_authors() -> None:
    with torch.device("meta"):
        network = resonance_zoo.create("mae_dfer_mmnet_add", region_size=(4, 5, 10))
    assert parameters(network) == 114_322_562


def test_frame_size_moves_fc1_and_leaves_the_unused_layer() -> None:
    state = tiny("mae_dfer_mmnet_add").state_dict()
    assert tuple(state["fc1.weight"].shape) == (48, 512 * 2 * 2)
    assert tuple(state["cablock.fc.weight"].shape) == (7, 512 * 14 * 14)


# -- what goes in --------------------------------------------------------------------------------


def test_the_micro_branch_sees_the_mean_minus_the_onset() -> None:
    start = parity.inp((2, 3, 32, 32), 2)
    step = parity.inp((2, 3, 32, 32), 3)
    clip = torch.stack([start + t * step for t in range(4)], 2)  # the mean is 1.5 steps on
    network = tiny("mae_dfer_mmnet_add")
    seen: list[Tensor] = []
    network.conv_act.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    with torch.inference_mode():
        network(clip)
    torch.testing.assert_close(seen[0], 1.5 * step, rtol=0, atol=1e-5)
    torch.testing.assert_close(mean_minus_onset(clip), 1.5 * step, rtol=0, atol=1e-5)


def test_a_still_clip_has_the_micro_vector_of_nothing() -> None:
    network = tiny("mae_dfer_mmnet_add")
    still = parity.inp((2, 3, 1, 32, 32), 4).expand(2, 3, 4, 32, 32)
    with torch.inference_mode():
        _, micro = network.forward_parts(still)
        _, nothing = network.forward_parts(torch.zeros_like(still))
    torch.testing.assert_close(micro, nothing, rtol=0, atol=1e-5)


def test_calibration_sees_the_onset_alone() -> None:
    network = tiny("mae_dfer_mmnet_add_pc")
    seen: list[Tensor] = []
    assert network.vit_pos is not None
    network.vit_pos.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    clip = clips()
    with torch.inference_mode():
        network(clip)
    assert torch.equal(seen[0], clip[:, :, 0])


# -- what comes out ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_parts_and_logits_equal_a_recomputation_from_the_raw_weights(name: str) -> None:
    network, clip = tiny(name), clips()
    with torch.inference_mode():
        parts = network.forward_parts(clip)
        logits = network(clip)
        features = network.forward_features(clip)
        expected = expected_parts(network, clip)
        weight, bias = (network.state_dict()[f"head.{k}"].double() for k in ("weight", "bias"))
    macro, micro = expected
    torch.testing.assert_close(parts[0].double(), macro, rtol=0, atol=2e-5)
    # motion moves the micro vector by about 1e-3, calibration by about 1
    strict = 1e-5 if name.endswith("pc") else 2e-7
    torch.testing.assert_close(parts[1].double(), micro, rtol=0, atol=strict)
    if name.endswith("concat"):
        mixed = macro @ weight[:, :48].T + micro @ weight[:, 48:].T + bias
        assert features.shape == (2, 96)
    else:
        mixed = (macro + micro) @ weight.T + bias
        assert features.shape == (2, 48)
    torch.testing.assert_close(logits.double(), mixed, rtol=0, atol=2e-5)


def test_the_micro_vector_is_rectified() -> None:
    network = tiny("mae_dfer_mmnet_add")
    flat: list[Tensor] = []
    network.fc1.register_forward_hook(lambda _, inputs, __: flat.append(inputs[0]))
    with torch.inference_mode():
        _, micro = network.forward_parts(clips())
        raw = network.fc1(flat[0])
    assert bool((raw < 0).any()) and bool((raw > 0).any())
    assert torch.equal(micro, raw.clamp(min=0))


@pytest.mark.parametrize("name", NAMES)
def test_everything_but_the_named_leftovers_learns(name: str) -> None:
    network = tiny(name)
    network(clips()).square().sum().backward()
    idle = {key for key, value in network.named_parameters() if value.grad is None}
    unused = {"cablock.fc.weight", "cablock.fc.bias"}
    if name.endswith("pc"):
        leftovers = ("cls_token", "head.weight", "head.bias", "to_Mask.0.weight", "to_Mask.0.bias")
        unused |= {f"vit_pos.{key}" for key in leftovers}
    assert idle == unused


@pytest.mark.parametrize("name", NAMES)
def test_networks_can_be_exported(name: str) -> None:
    network, clip = tiny(name), clips(5)
    exported = torch.export.export(network, (clips(6),)).module()
    with torch.inference_mode():
        torch.testing.assert_close(exported(clip), network(clip), rtol=0, atol=1e-5)


def test_every_head_starts_near_zero() -> None:
    for name in NAMES:
        head = resonance_zoo.create(name, **TINY).head
        assert float(head.weight.detach().std()) == pytest.approx(0.02 * 0.001, rel=0.2)
        assert not bool(head.bias.any())


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 3, 5, 32, 32), (1, 3, 4, 64, 64), (1, 1, 4, 32, 32)])
def test_other_clips_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError):
        tiny("mae_dfer_mmnet_add")(torch.zeros(shape))


def test_numbers_that_are_none_are_refused() -> None:
    clip = clips()
    clip[0, 0, 0, 0, 0] = float("nan")
    with pytest.raises(ClipError, match="finite"):
        tiny("mae_dfer_mmnet_add")(clip)


def test_unknown_settings_are_named() -> None:
    with pytest.raises(resonance_zoo.UnknownOverride, match="region_size"):
        resonance_zoo.create("mae_dfer_mmnet_add", regions=(2, 5, 10))
    with pytest.raises(ValueError, match="'add' or 'concat'"):
        FusedConfig(fusion="multiply")
