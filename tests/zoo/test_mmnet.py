"""MMNet: Position Calibration against reference outputs, gates against a recomputation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import resonance_zoo
import torch
from resonance_zoo.clip_input import ClipError
from resonance_zoo.mmnet import (
    CABlock,
    ContinuousAttention,
    MMNet,
    PositionCalibration,
    apex_frame,
    stem,
)
from torch import Tensor

from tests.zoo import parity
from tests.zoo.naive_attention import naive_attention_map

SIZE = 32  # pixels; the last map is 2x2


@pytest.fixture(scope="module")
def network() -> MMNet:
    built = resonance_zoo.create("mmnet", img_size=SIZE).eval()
    parity.fill(built)
    return built


def frames(seed: int) -> Tensor:
    """Two frames of large, strong patches: white noise hardly reaches the last map."""
    return parity.inp_block((2, 3, 4, 4), (1, 1, SIZE // 4, SIZE // 4), seed, 4.0)


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def assert_within(ours: Tensor, theirs: Tensor, share: float = 1e-5) -> None:
    """Equal up to a share of the expected values' spread."""
    torch.testing.assert_close(ours, theirs, rtol=0, atol=share * float(theirs.std()))


# -- Position Calibration ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def calibration() -> PositionCalibration:
    about, _ = parity.fixture("mmnet_pc_14")
    module = PositionCalibration(grid=14, dim=512, depth=2, num_heads=4, mlp_ratio=4).eval()
    parity.assert_same_layout(module, about)
    assert parity.fill(module) == about["weights_sha256"]
    return module


def test_position_calibration_gives_the_reference_tokens(calibration: PositionCalibration) -> None:
    about, arrays = parity.fixture("mmnet_pc_14")
    frame = parity.inp(about["input_shape"], about["input_seed"])
    with torch.inference_mode():
        patches = calibration.patch_embed(frame)
        first = calibration.blocks[0](patches + calibration.pos_embed)
        second = calibration.blocks[1](first)
        tokens = calibration.tokens(frame)
        grid = calibration(frame)
    parity.assert_probe(arrays, "patch_embed", patches)
    parity.assert_probe(arrays, "blocks.0", first)
    parity.assert_probe(arrays, "blocks.1", second)
    np.testing.assert_allclose(tokens[:, :4, :32], arrays["logits"], rtol=0, atol=2e-5)
    for name, value in (("tokens", tokens), ("map", grid)):
        assert tuple(value.shape) == tuple(arrays[f"{name}.shape"])
        places = np.linspace(0, value.numel() - 1, len(arrays[f"{name}.probe"])).astype(np.int64)
        np.testing.assert_allclose(
            value.flatten().numpy()[places], arrays[f"{name}.probe"], rtol=0, atol=2e-5
        )


def test_larger_frames_are_shrunk_bilinearly_without_antialias() -> None:
    small = PositionCalibration(grid=3, dim=8, depth=1, num_heads=2).eval()
    frame = torch.randn(1, 3, 15, 15)
    # a fifth of the size: every target pixel's centre falls on the centre of a source pixel, so
    # without antialias that pixel is taken as it is, and its neighbours count for nothing
    picked = frame[:, :, 2::5, 2::5]
    with torch.inference_mode():
        torch.testing.assert_close(small(frame), small(picked), rtol=0, atol=1e-6)


def test_even_shrinking_means_the_two_pixels_beside_the_centre() -> None:
    small = PositionCalibration(grid=2, dim=8, depth=1, num_heads=2).eval()
    frame = torch.randn(1, 3, 32, 32)
    near = frame[:, :, 7:9, :], frame[:, :, 23:25, :]
    rows = torch.stack([part.mean(2) for part in near], 2)
    picked = torch.stack([rows[:, :, :, 7:9].mean(3), rows[:, :, :, 23:25].mean(3)], 3)
    with torch.inference_mode():
        torch.testing.assert_close(small(frame), small(picked), rtol=0, atol=1e-6)


def test_calibration_sizes() -> None:
    with torch.device("meta"):
        assert parameters(PositionCalibration()) == 6_411_782
        assert parameters(PositionCalibration(grid=10, mlp_ratio=2)) == 4_263_430


# -- Continuous Attention ------------------------------------------------------------------------


def test_attention_body_has_the_published_size() -> None:
    with torch.device("meta"):
        body = parameters(stem()) + parameters(ContinuousAttention(5, 14))
    assert body - (512 * 196 * 5 + 5) == 2_528_884
    assert parameters(stem()) == 5_220


def test_map_and_gates_equal_a_recomputation_from_first_principles(network: MMNet) -> None:
    onset, apex = frames(1), frames(2)
    with torch.inference_mode():
        ours, gates = network.main_branch.forward_gates(network.conv_act(apex - onset))
        state = {
            key: value.double() if value.is_floating_point() else value
            for key, value in network.state_dict().items()
        }
        expected, expected_gates = naive_attention_map(
            state, "main_branch", (apex - onset).double()
        )
    assert [tuple(g.shape[2:]) for g in gates] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    for own, naive in zip(gates, expected_gates, strict=True):
        torch.testing.assert_close(own.double(), naive, rtol=1e-5, atol=1e-6)
    assert_within(ours.double(), expected)


def test_a_place_shut_by_one_stage_stays_shut() -> None:
    block = CABlock(8, 8, 2).eval()
    shut = torch.ones(1, 1, 8, 8)
    shut[..., :5] = 0  # the 3x3 windows of the two left columns of the smaller map see only this
    with torch.inference_mode():
        out, gate = block(torch.randn(1, 8, 8, 8), shut)
    assert bool((gate[..., :2] == 0).all()) and bool((out[..., :2] == 0).all())
    assert bool((gate[..., 3] > 0).all())


def test_convolutions_start_with_the_spread_of_kaiming_fan_out() -> None:
    torch.manual_seed(0)
    convolution = ContinuousAttention(2, 1).state_dict()["layer4.0.conv1.weight"]
    assert float(convolution.std()) == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)


# -- the whole network ---------------------------------------------------------------------------


def test_official_layout_for_casme() -> None:
    with torch.device("meta"):
        casme = resonance_zoo.create("mmnet", num_classes=5)
    state = casme.state_dict()
    assert parameters(casme) == 9_970_947
    assert len(state) == 146
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    assert shapes["timeembed"] == (1, 4, 111, 111)
    assert shapes["head.1.weight"] == (38, 12544)
    assert shapes["pos.0.weight"] == (512, 3, 1, 1)
    assert shapes["main_branch.fc.weight"] == (5, 512 * 14 * 14)
    assert shapes["main_branch.conv1.weight"] == (128, 180, 3, 3)
    assert shapes["main_branch.layer1.0.attn.0.weight"] == (1, 2, 1, 1)
    assert shapes["main_branch.layer4.0.downsample.0.weight"] == (512, 256, 1, 1)
    assert shapes["vit_pos.pos_embed"] == (1, 196, 512)
    assert {key.split(".")[0] for key in state} == {
        "conv_act", "main_branch", "vit_pos", "timeembed", "pos", "head",
    }  # fmt: skip


def test_seven_classes_by_default() -> None:
    with torch.device("meta"):
        usual = resonance_zoo.create("mmnet")
        assert usual(torch.empty(2, 3, 16, 224, 224)).shape == (2, 7)


def test_logits_equal_the_pieces_put_together(network: MMNet) -> None:
    onset, apex = frames(3), frames(4)
    state = {k: v.double() for k, v in network.state_dict().items()}
    with torch.inference_mode():
        motion, _ = naive_attention_map(state, "main_branch", (apex - onset).double())
        flat = (motion + network.vit_pos(onset).double()).reshape(2, -1)  # channel, row, column
        expected = flat @ state["main_branch.fc.weight"].T + state["main_branch.fc.bias"]
        assert_within(network.forward_frames(onset, apex).double(), expected)


def test_unused_tensors_change_nothing(network: MMNet) -> None:
    clip = parity.inp((1, 3, 2, SIZE, SIZE), 5)
    unused = [network.timeembed, *network.pos.parameters(), *network.head.parameters()]
    pc = network.vit_pos
    unused += [pc.cls_token, *pc.head.parameters(), *pc.to_Mask.parameters()]
    network.zero_grad(set_to_none=True)
    network(clip).sum().backward()
    without = {name for name, value in network.named_parameters() if value.grad is None}
    names = {id(value): name for name, value in network.named_parameters()}
    assert without == {names[id(value)] for value in unused}
    network.zero_grad(set_to_none=True)


def test_a_clip_is_read_as_its_first_and_its_most_different_frame(network: MMNet) -> None:
    onset = parity.inp((2, 3, SIZE, SIZE), 6)
    change = parity.inp((2, 3, SIZE, SIZE), 7)
    strength = torch.tensor([[0.0, 0.2, 0.9, 0.5], [0.0, -1.1, 0.3, 1.0]])
    moments = [onset + strength[:, t].view(2, 1, 1, 1) * change for t in range(4)]
    clip = torch.stack(moments, 2)
    apex = torch.stack([clip[0, :, 2], clip[1, :, 1]])
    assert torch.equal(apex_frame(clip), apex)
    with torch.inference_mode():
        assert torch.equal(network(clip), network.forward_frames(onset, apex))


def test_of_two_frames_the_second_is_the_apex(network: MMNet) -> None:
    clip = parity.inp((1, 3, 2, SIZE, SIZE), 8)
    assert torch.equal(apex_frame(clip), clip[:, :, 1])


def test_the_choice_of_the_apex_survives_tracing(network: MMNet) -> None:
    early = torch.stack([frames(9), frames(10), frames(9)], 2)
    late = early[:, :, [0, 2, 1]]
    exported = torch.export.export(network, (early,)).module()
    with torch.inference_mode():
        for clip in (early, late):
            torch.testing.assert_close(exported(clip), network(clip), rtol=0, atol=1e-5)
        still = early[:, :, [0, 0, 0]]
        assert float((network(early) - network(still)).abs().max()) > 1e-3


@pytest.mark.parametrize("shape", [(1, 3, 1, SIZE, SIZE), (1, 3, 4, 48, 48), (3, SIZE, SIZE)])
def test_other_clips_are_refused(network: MMNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError):
        network(torch.zeros(shape))


def test_unknown_setting_names_those_there_are() -> None:
    with pytest.raises(resonance_zoo.UnknownOverride, match="img_size"):
        resonance_zoo.create("mmnet", image_size=224)
