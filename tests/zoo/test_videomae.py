"""VideoMAE's network: the official layout and answers, its bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import resonance_zoo

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from resonance_zoo.clip_input import ClipError  # noqa: E402
from resonance_zoo.layers import sinusoid_table  # noqa: E402
from tests.zoo import parity  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

    from resonance_zoo.videomae import VideoMae

TINY = {
    "img_size": 64, "num_frames": 8, "embed_dim": 48, "depth": 3, "num_heads": 4,
    "drop_path_rate": 0.0,
}  # fmt: skip


def tiny(**overrides: object) -> VideoMae:
    network = resonance_zoo.create("videomae_base", **{**TINY, **overrides})
    parity.fill(network)
    return network.eval()


def test_the_full_size_has_the_official_count_and_entries() -> None:
    with torch.device("meta"):
        network = resonance_zoo.create("videomae_base")
    assert sum(p.numel() for p in network.parameters()) == 86_232_583
    state = network.state_dict()
    assert len(state) == 162
    assert state["patch_embed.proj.weight"].shape == (768, 3, 2, 16, 16)
    assert state["blocks.11.attn.qkv.weight"].shape == (2304, 768)
    assert state["blocks.11.mlp.fc1.weight"].shape == (3072, 768)


def test_the_official_answers() -> None:
    about, arrays = parity.fixture("videomae_tiny")
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


def test_the_position_table_is_computed_in_double_precision() -> None:
    table = sinusoid_table(800, 512)
    assert table.shape == (1, 800, 512)
    assert table.dtype == torch.float32
    position, column = 799, 2
    angle = position / 10000.0 ** (2 * (column // 2) / 512)
    assert table[0, position, column].item() == pytest.approx(np.sin(angle), abs=1e-7)
    assert table[0, position, column + 1].item() == pytest.approx(np.cos(angle), abs=1e-7)
    assert "pos_embed" not in tiny().state_dict()


def test_checkpointing_changes_memory_not_gradients() -> None:
    gradients = []
    for on in (False, True):
        network = tiny(grad_checkpointing=on).train()
        network(parity.inp((1, 3, 8, 64, 64), 3)).square().sum().backward()
        gradients.append(network.patch_embed.proj.weight.grad)
    torch.testing.assert_close(*gradients)


def test_initialisation_is_the_papers() -> None:
    torch.manual_seed(0)
    network = resonance_zoo.create("videomae_base", depth=1)
    spread = {name: value.std().item() for name, value in network.named_parameters()}
    assert spread["blocks.0.attn.qkv.weight"] == pytest.approx(0.02, rel=0.01)
    assert spread["head.weight"] == pytest.approx(0.02 * 0.001, rel=0.1)
    for name in ("attn.q_bias", "attn.v_bias", "attn.proj.bias", "mlp.fc2.bias"):
        assert not network.blocks[0].get_parameter(name).any()


@pytest.mark.parametrize("shape", [(1, 3, 16, 64, 64), (1, 3, 8, 32, 32), (3, 8, 64, 64)], ids=str)
def test_another_length_or_size_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ClipError, match="not"):
        tiny()(torch.zeros(shape))


def test_patches_must_tile_the_frame() -> None:
    with pytest.raises(ValueError, match="tile"):
        tiny(img_size=65)
