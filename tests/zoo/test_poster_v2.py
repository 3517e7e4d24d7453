"""POSTER V2: the official tensors, the traps of its forward pass, clips of any length."""

from __future__ import annotations

import pytest
import resonance_zoo
import torch
import torch.nn.functional as F
from resonance_zoo.clip_input import ClipError
from resonance_zoo.poster_v2 import (
    CrossAttention,
    FeedForward,
    PosterV2,
    TokenMixer,
    relative_position_index,
)
from resonance_zoo.poster_v2_backbones import IR50, MobileFaceNet

from tests.zoo import parity


@pytest.fixture(scope="module")
def network() -> PosterV2:
    """Full size, with weights made by the parity rule, so that no tensor is without effect."""
    torch.manual_seed(0)
    built = resonance_zoo.create("poster_v2").eval()
    parity.fill(built)
    return built


@pytest.fixture(scope="module")
def clip() -> torch.Tensor:
    return parity.inp((1, 3, 2, 224, 224), 7)


def counts(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_part_by_part() -> None:
    with torch.device("meta"):
        built = resonance_zoo.create("poster_v2")
    assert counts(built) == 58_316_594
    parts = {name: counts(part) for name, part in built.named_children()}
    assert parts["face_landback"] == 1_007_248
    assert parts["ir_back"] == 30_459_584
    assert parts["VIT"] == 17_097_300
    assert (parts["embed_q"], parts["embed_k"]) == (5_752_320, 885_504)
    assert (parts["last_face_conv"], parts["conv3"], parts["ffn3"]) == (1_179_904, 590_080, 526_592)
    dead = ("VIT.patch_embed", "VIT.eca_block", "VIT.CON1", "VIT.IRLinear1", "VIT.IRLinear2",
            "VIT.blocks.0.conv", "VIT.blocks.1.conv", "ir_back.output_layer")  # fmt: skip
    assert sum(counts(built.get_submodule(name)) for name in dead) == 14_466_637


def test_the_state_dict_has_the_official_entries(network: PosterV2) -> None:
    state = network.state_dict()
    assert len(state) == 747
    shapes = {
        "face_landback.conv_23.project.bn.running_var": (64,),
        "face_landback.conv_4.model.5.conv_dw.conv.weight": (256, 1, 3, 3),
        "face_landback.output_layer.conv_6_dw.conv.weight": (512, 1, 7, 7),
        "face_landback.output_layer.linear.weight": (136, 512),
        "ir_back.input_layer.2.weight": (64,),
        "ir_back.body2.0.shortcut_layer.0.weight": (128, 64, 1, 1),
        "ir_back.body3.13.res_layer.2.weight": (256,),
        "ir_back.output_layer.3.weight": (512, 25_088),
        "attn1.relative_position_bias_table": (55 * 55, 2),
        "attn1.relative_position_index": (784, 784),
        "attn3.qkv.weight": (512, 256),
        "window2.norm.bias": (128,),
        "ffn2.gamma2": (128,),
        "embed_q.1.weight": (768, 768, 3, 3),
        "embed_k.0.weight": (768, 128, 3, 3),
        "embed_v.proj.weight": (768, 256, 1, 1),
        "VIT.pos_embed": (1, 148, 768),
        "VIT.se_block.linear2.weight": (768, 768),
        "VIT.eca_block.conv.weight": (1, 1, 5),
        "VIT.blocks.1.conv.weight": (148, 148, 1),
        "VIT.blocks.0.attn.qkv.bias": (2304,),
        "VIT.head.linear.weight": (7, 768),
    }
    assert {key: tuple(state[key].shape) for key in shapes} == shapes
    integers = {key for key, value in state.items() if value.dtype == torch.int64}
    tables = {key for key in integers if not key.endswith("num_batches_tracked")}
    assert tables == {f"attn{scale}.relative_position_index" for scale in (1, 2, 3)}


def test_maps_of_the_two_branches() -> None:
    with torch.device("meta"):
        faces = torch.empty(2, 3, 112, 112)
        landmarks, picture = MobileFaceNet()(faces), IR50()(faces)
    assert [tuple(maps.shape[1:]) for maps in landmarks] == [
        (64, 28, 28), (128, 14, 14), (512, 7, 7),
    ]  # fmt: skip
    assert [tuple(maps.shape[1:]) for maps in picture] == [
        (64, 56, 56), (128, 28, 28), (256, 14, 14),
    ]  # fmt: skip


def test_logits_are_the_mean_over_the_frames(network: PosterV2, clip: torch.Tensor) -> None:
    with torch.inference_mode():
        both = network(clip)
        each = [network(clip[:, :, [frame]]) for frame in (0, 1)]
    assert both.shape == (1, 7)
    assert not torch.allclose(each[0], each[1], atol=1e-3)
    torch.testing.assert_close(both, (each[0] + each[1]) / 2, atol=1e-5, rtol=0)


def test_only_every_second_pixel_is_read(network: PosterV2, clip: torch.Tensor) -> None:
    frame = clip[:, :, :1]
    other = torch.zeros_like(frame)
    other[..., ::2, ::2] = frame[..., ::2, ::2]
    with torch.inference_mode():
        assert torch.equal(network(frame), network(other))


def test_cross_attention_step_by_step() -> None:
    """Keys come before values, queries are the landmark maps themselves, places are biased."""
    attention = CrossAttention(8, 3, 2)
    parity.fill(attention)
    tokens, landmarks = parity.inp((2, 9, 8), 1), parity.inp((2, 8, 3, 3), 2)
    mixed = torch.empty(2, 9, 8)
    keys = F.linear(tokens, attention.qkv.weight[:8], attention.qkv.bias[:8])
    values = F.linear(tokens, attention.qkv.weight[8:], attention.qkv.bias[8:])
    for head in (0, 1):
        part = slice(4 * head, 4 * head + 4)
        asked = landmarks[:, part].reshape(2, 4, 9).transpose(1, 2) * 4**-0.5
        table = attention.relative_position_bias_table[:, head].view(5, 5)
        bias = torch.stack(
            [table[i // 3 - j // 3 + 2, i % 3 - j % 3 + 2] for i in range(9) for j in range(9)]
        ).view(9, 9)
        share = (asked @ keys[..., part].transpose(1, 2) + bias).softmax(-1)
        mixed[..., part] = share @ values[..., part]
    expected = F.linear(mixed, attention.proj.weight, attention.proj.bias)
    torch.testing.assert_close(attention(tokens, landmarks), expected, atol=1e-5, rtol=0)


def test_relative_places_count_from_the_lower_right() -> None:
    index = relative_position_index(2)
    assert index.dtype == torch.int64
    assert index.tolist() == [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]


def test_the_shortcut_is_the_normalised_picture(network: PosterV2) -> None:
    """With both gammas at zero a scale gives its norm's output, not the norm's input."""
    maps, landmarks = parity.inp((1, 256, 14, 14), 3), parity.inp((1, 256, 7, 7), 4)
    fresh = FeedForward(256, 4.0, 0.0, 0.0)
    assert fresh.gamma1[0].item() == pytest.approx(1e-5)
    kept = network.ffn3.gamma1.data, network.ffn3.gamma2.data
    try:
        network.ffn3.gamma1.data, network.ffn3.gamma2.data = torch.zeros(256), torch.zeros(256)
        with torch.inference_mode():
            fused = network._fuse(3, maps, landmarks)
            shrunk = network.conv3(maps).permute(0, 2, 3, 1)
            norm = network.window3.norm
            expected = F.layer_norm(shrunk, (256,), norm.weight, norm.bias, 1e-5)
    finally:
        network.ffn3.gamma1.data, network.ffn3.gamma2.data = kept
    torch.testing.assert_close(fused, expected.permute(0, 3, 1, 2), atol=1e-5, rtol=0)


def test_epsilons_and_drop_paths() -> None:
    with torch.device("meta"):
        built = resonance_zoo.create("poster_v2")
    norms = {
        name: part.eps
        for name, part in built.named_modules()
        if isinstance(part, torch.nn.LayerNorm)
    }
    assert {eps for name, eps in norms.items() if name.startswith("VIT")} == {1e-6}
    assert {eps for name, eps in norms.items() if not name.startswith("VIT")} == {1e-5}
    assert [built.get_submodule(f"ffn{i}.drop_path").drop_prob for i in (1, 2, 3)] == [
        0,
        0.125,
        0.25,
    ]


def test_initial_weights_of_the_vit() -> None:
    torch.manual_seed(0)
    mixer = TokenMixer(7, depth=1, num_heads=8, mlp_ratio=4.0)
    linears = [part for part in mixer.modules() if isinstance(part, torch.nn.Linear)]
    assert len(linears) == 4 + 2 + 1 + 2  # of the block, the gate, the head, and dead ones
    for linear in linears:
        assert linear.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not linear.bias.any()
    for convolution in (mixer.CON1, mixer.patch_embed.proj):
        assert convolution.weight.std().item() == pytest.approx((2 / 768) ** 0.5, rel=0.02)
    assert not mixer.patch_embed.proj.bias.any()


def test_initial_convolutions_of_the_landmark_network() -> None:
    torch.manual_seed(0)
    network = MobileFaceNet()
    for name, fan_out in (("conv_6_sep", 512), ("conv_45.conv_dw", 512 * 9)):
        weight = network.get_parameter(f"{name}.conv.weight")
        assert weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)


def test_dropout_comes_after_the_activation_and_after_the_last_layer() -> None:
    mlp = FeedForward(8, 4.0, 0.5, 0.0).mlp.train()
    hidden: list[torch.Tensor] = []
    mlp.fc2.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
    torch.manual_seed(0)
    out = mlp(parity.inp((100, 8), 5))
    for dropped in (hidden[0], out):
        assert (dropped == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_dead_tensors_change_nothing(network: PosterV2, clip: torch.Tensor) -> None:
    dead = ("VIT.patch_embed", "VIT.eca_block", "VIT.CON1", "VIT.IRLinear1", "VIT.blocks.0.conv",
            "ir_back.output_layer", "face_landback.output_layer")  # fmt: skip
    with torch.inference_mode():
        before = network(clip[:, :, :1])
    kept = {key: value.clone() for key, value in network.state_dict().items()
            if key.startswith(dead)}  # fmt: skip
    nothing = {key: torch.zeros_like(value) for key, value in kept.items()}
    network.load_state_dict(nothing, strict=False)
    with torch.inference_mode():
        after = network(clip[:, :, :1])
    network.load_state_dict(kept, strict=False)
    assert torch.equal(before, after)


def test_landmark_parameters_are_frozen_and_its_statistics_drift(network: PosterV2) -> None:
    assert not any(p.requires_grad for p in network.face_landback.parameters())
    assert all(p.requires_grad for p in network.ir_back.parameters())
    assert network.train().face_landback.conv1.bn.training
    assert not network.eval().face_landback.conv1.bn.training


@pytest.mark.parametrize("shape", [(1, 3, 1, 112, 112), (1, 3, 0, 224, 224), (1, 3, 224, 224)])
def test_other_clips_are_refused(network: PosterV2, shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError):
        network(torch.zeros(shape))


def test_number_of_classes() -> None:
    with torch.device("meta"):
        assert resonance_zoo.create("poster_v2", num_classes=8).VIT.head.linear.out_features == 8
