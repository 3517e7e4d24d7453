"""MAE-DFER's network: the official layout and answers, its options, its bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import resonance_zoo

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from resonance_zoo.clip_input import ClipError  # noqa: E402
from tests.zoo import parity  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from resonance_zoo.mae_dfer import GeneralAttention, LgiBlock, MaeDfer

TINY = {
    "img_size": 64, "num_frames": 8, "embed_dim": 48, "depth": 3, "num_heads": 4,
    "region_size": (2, 2, 4), "drop_path_rate": 0.0,
}  # fmt: skip
OPTIONS = [
    {},
    {"first": "cross"},
    {"third": "self"},
    {"share": "first_third"},
    {"share": "all"},
    {"no_second": True},
    {"no_third": True},
    {"no_second": True, "no_third": True},
    {"third": "self", "share": "all"},
]


def tiny(**overrides: object) -> MaeDfer:
    network = resonance_zoo.create("mae_dfer", **{**TINY, **overrides})
    parity.fill(network)
    return network.eval()


def attend(module: GeneralAttention, q: Tensor, kv: Tensor) -> Tensor:
    """Attention written out head by head: queries [Q, C], keys and values from [K, C]."""
    size = q.shape[-1] // module.num_heads
    query = q @ module.q.weight.T + module.q_bias
    key, value = (kv @ module.kv.weight.T).split(q.shape[-1], dim=-1)
    value = value + module.v_bias
    heads = []
    for i in range(module.num_heads):
        part = slice(i * size, (i + 1) * size)
        scores = query[:, part] @ key[:, part].T / size**0.5
        heads.append(scores.softmax(-1) @ value[:, part])
    return module.proj(torch.cat(heads, -1))


def written_out(block: LgiBlock, regions: Tensor, options: dict[str, object]) -> Tensor:
    """The block's equations for one clip, region by region, without any reshaping."""
    rows = []
    for x in regions:
        if options.get("first") == "cross":
            q, kv = block.first_attn_norm0(x[:1]), block.first_attn_norm1(x[1:])
            rows.append(torch.cat((x[:1] + attend(block.first_attn, q, kv), x[1:])))
        else:
            normed = block.first_attn_norm0(x)
            rows.append(x + attend(block.first_attn, normed, normed))
    messengers = torch.stack([row[0] for row in rows])
    if not options.get("no_second"):
        normed = block.second_attn_norm0(messengers)
        messengers = messengers + attend(block.second_attn, normed, normed)
    out = []
    for messenger, row in zip(messengers, rows, strict=True):
        local = row[1:]
        if not options.get("no_third") and options.get("third") != "self":
            q, kv = block.third_attn_norm0(local), block.third_attn_norm1(messengers)
            local = local + attend(block.third_attn, q, kv)
        x = torch.cat((messenger[None], local))
        if options.get("third") == "self":
            normed = block.third_attn_norm0(x)
            x = x + attend(block.third_attn, normed, normed)
        out.append(x + block.mlp(block.norm2(x)))
    return torch.stack(out)


def test_the_full_size_has_the_official_count_and_entries() -> None:
    with torch.device("meta"):
        network = resonance_zoo.create("mae_dfer")
    assert sum(p.numel() for p in network.parameters()) == 84_878_343
    state = network.state_dict()
    assert len(state) == 519
    assert state["lg_region_tokens"].shape == (8, 512)
    assert state["blocks.15.third_attn.kv.weight"].shape == (1024, 512)
    assert state["head.weight"].shape == (7, 512)


def test_the_official_answers() -> None:
    about, arrays = parity.fixture("maedfer_finetune_tiny")
    network = tiny()
    parity.assert_same_layout(network, about)
    assert parity.fill(network) == about["weights_sha256"]
    seen: dict[str, Tensor] = {}
    for name in ("patch_embed", "blocks.0", "blocks.2", "fc_norm"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
    clip = parity.inp(about["input_shape"], about["input_seed"])
    with torch.inference_mode():
        logits = network(clip)
        feature = network.forward_features(clip)
    np.testing.assert_allclose(logits, arrays["logits"], rtol=0, atol=2e-5)
    np.testing.assert_allclose(feature, arrays["feature"], rtol=0, atol=2e-5)
    for name, output in seen.items():
        parity.assert_probe(arrays, name, output)


@pytest.mark.parametrize("tokens", ["region", "org", "all"])
def test_the_official_answers_of_each_choice_of_tokens(tokens: str) -> None:
    about, arrays = parity.fixture("maedfer_finetune_tiny")
    clip = parity.inp(about["input_shape"], about["input_seed"])
    with torch.inference_mode():
        logits = tiny(classify_tokens=tokens)(clip)
    np.testing.assert_allclose(logits, arrays[f"logits_token_{tokens}"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_does_what_the_paper_writes(options: dict) -> None:
    block = cast("LgiBlock", tiny(**options).blocks[0])
    x = parity.inp((2 * 4, 17, 48), 1)
    with torch.inference_mode():
        expected = torch.cat([written_out(block, clip, options) for clip in x.split(4)])
        np.testing.assert_allclose(block(x), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_option_trains(options: dict) -> None:
    network = tiny(**options).train()
    network(parity.inp((2, 3, 8, 64, 64), 2)).square().sum().backward()
    for name in ("lg_region_tokens", "patch_embed.proj.weight"):
        gradient = network.get_parameter(name).grad
        assert gradient is not None
        assert gradient.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        ({"first": "cross"}, "first_attn_norm1.weight", "no_such"),
        ({"third": "self"}, "third_attn_norm0.weight", "third_attn_norm1"),
        ({"no_second": True}, "first_attn.q_bias", "second_attn"),
        ({"no_third": True}, "second_attn.q_bias", "third_attn"),
    ],
)
def test_options_add_and_drop_entries(options: dict, present: str, absent: str) -> None:
    keys = tiny(**options).state_dict().keys()
    assert f"blocks.0.{present}" in keys
    assert not any(absent in key for key in keys)


def test_shared_attention_is_one_module_under_all_names() -> None:
    block = tiny(share="all").blocks[0]
    assert block.first_attn is block.second_attn is block.third_attn
    block = tiny(share="first_third").blocks[0]
    assert block.first_attn is block.third_attn is not block.second_attn
    assert tiny(share="all").state_dict().keys() == tiny().state_dict().keys()


def test_region_order_is_time_then_height_then_width() -> None:
    network = tiny(region_size=(2, 2, 2))
    places = torch.arange(4 * 4 * 4).view(1, -1, 1).expand(1, -1, 48).float()
    regions = network._partition(places)[:, :, 0].int().tolist()
    assert regions[0] == [0, 1, 4, 5, 16, 17, 20, 21]
    assert regions[1] == [2, 3, 6, 7, 18, 19, 22, 23]
    assert regions[4][0] == 32


def test_checkpointing_changes_memory_not_gradients() -> None:
    gradients = []
    for on in (False, True):
        network = tiny(grad_checkpointing=on).train()
        network(parity.inp((1, 3, 8, 64, 64), 3)).square().sum().backward()
        gradients.append(network.patch_embed.proj.weight.grad)
    torch.testing.assert_close(*gradients)


def test_drop_path_rises_with_depth_and_acts_in_training_alone() -> None:
    network = tiny(drop_path_rate=0.5)
    assert [getattr(b.drop_path, "drop_prob", 0.0) for b in network.blocks] == [0, 0.25, 0.5]
    clip = parity.inp((1, 3, 8, 64, 64), 4)
    with torch.inference_mode():
        assert torch.equal(network(clip), network(clip))
        network.train()
        assert not torch.equal(network(clip), network(clip))


def test_initialisation_is_the_papers() -> None:
    torch.manual_seed(0)
    network = resonance_zoo.create("mae_dfer", depth=1, drop_path_rate=0.0)
    spread = {name: value.std().item() for name, value in network.named_parameters()}
    assert spread["lg_region_tokens"] == pytest.approx(0.02, rel=0.05)
    assert spread["blocks.0.mlp.fc1.weight"] == pytest.approx(0.02, rel=0.01)
    assert spread["head.weight"] == pytest.approx(0.02 * 0.001, rel=0.1)
    zero = ("mlp.fc1.bias", "first_attn.q_bias", "first_attn.v_bias", "first_attn.proj.bias")
    for name in zero:
        assert not network.blocks[0].get_parameter(name).any()


@pytest.mark.parametrize("shape", [(1, 3, 16, 64, 64), (1, 3, 8, 32, 32), (3, 8, 64, 64)], ids=str)
def test_another_length_or_size_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError, match="not"):
        tiny()(torch.zeros(shape))


@pytest.mark.parametrize(
    "wrong",
    [
        {"region_size": (3, 2, 4)},
        {"img_size": 65},
        {"first": "selfish"},
        {"classify_tokens": "some"},
    ],
    ids=str,
)
def test_settings_that_make_no_network_are_named(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"tile|must be"):
        tiny(**wrong)
