"""Former-DFER: its size, its official entries, and both transformers against sums written out."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from resonance_zoo.clip_input import ClipError  # noqa: E402
from resonance_zoo.former_dfer import FormerDfer  # noqa: E402
from resonance_zoo.registry import create  # noqa: E402

from . import parity  # noqa: E402

State = dict[str, "torch.Tensor"]
SIDE, FRAMES = 48, 3  # 3x3 places, so that rows and columns cannot be mistaken for one another


def on_meta(**overrides: object) -> FormerDfer:
    with torch.device("meta"):
        return create("former_dfer", **overrides).eval()


@pytest.fixture(scope="module")
def small() -> FormerDfer:
    """Every parameter alive, in double precision so that a wrong epsilon shows."""
    network = create("former_dfer", img_size=SIDE, num_frames=FRAMES).eval()
    parity.fill(network)
    return network.double()


def layer_norm(x: torch.Tensor, w: State, name: str) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    spread = torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
    return centred / spread * w[f"{name}.weight"] + w[f"{name}.bias"]


def naive_attention(x: torch.Tensor, w: State, name: str, heads: int) -> torch.Tensor:
    """One head at a time; x is [L, dim]."""
    query, key, value = (x @ w[f"{name}.to_qkv.weight"].T).chunk(3, dim=-1)
    width = query.shape[-1] // heads
    outs = []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        logits = query[:, part] @ key[:, part].T / math.sqrt(width)
        outs.append(logits.softmax(-1) @ value[:, part])
    return torch.cat(outs, -1) @ w[f"{name}.to_out.0.weight"].T + w[f"{name}.to_out.0.bias"]


def naive_feed_forward(x: torch.Tensor, w: State, name: str) -> torch.Tensor:
    x = x @ w[f"{name}.net.0.weight"].T + w[f"{name}.net.0.bias"]
    x = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x @ w[f"{name}.net.3.weight"].T + w[f"{name}.net.3.bias"]


def naive_transformer(
    x: torch.Tensor, w: State, name: str, *, depth: int, heads: int
) -> torch.Tensor:
    """Tokens [L, dim] through pre-norm blocks, from the entries of a state dict."""
    for index in range(depth):
        first, second = (f"{name}.layers.{index}.{part}.fn" for part in (0, 1))
        x = x + naive_attention(layer_norm(x, w, f"{first}.norm"), w, f"{first}.fn", heads)
        x = x + naive_feed_forward(layer_norm(x, w, f"{second}.norm"), w, f"{second}.fn")
    return x


def test_parameters_and_cost() -> None:
    network = on_meta()
    assert sum(p.numel() for p in network.parameters()) == 18_031_943
    with FlopCounterMode(display=False) as counter:
        assert network(torch.zeros(1, 3, 16, 112, 112, device="meta")).shape == (1, 7)
    assert counter.get_total_flops() / 2e9 == pytest.approx(8.296, abs=0.001)


def test_layout() -> None:
    state = {key: tuple(value.shape) for key, value in on_meta().state_dict().items()}
    assert len(state) == 169
    assert state["s_former.pos_embedding"] == (1, 49, 256)
    assert state["s_former.conv1.weight"] == (64, 3, 7, 7)
    assert state["s_former.layer4.0.downsample.0.weight"] == (512, 256, 1, 1)
    assert state["t_former.cls_token"] == (1, 1, 512)
    assert state["t_former.pos_embedding"] == (1, 17, 512)
    assert state["fc.weight"] == (7, 512)
    assert block_layout(state, "s_former", 0) == {
        "0.fn.norm.weight": (256,),
        "0.fn.norm.bias": (256,),
        "0.fn.fn.to_qkv.weight": (768, 256),
        "0.fn.fn.to_out.0.weight": (256, 256),
        "0.fn.fn.to_out.0.bias": (256,),
        "1.fn.norm.weight": (256,),
        "1.fn.norm.bias": (256,),
        "1.fn.fn.net.0.weight": (512, 256),
        "1.fn.fn.net.0.bias": (512,),
        "1.fn.fn.net.3.weight": (256, 512),
        "1.fn.fn.net.3.bias": (256,),
    }
    last = block_layout(state, "t_former", 2)
    assert last["0.fn.fn.to_qkv.weight"] == (1536, 512)
    assert last["1.fn.fn.net.0.weight"] == (1024, 512)
    assert last["1.fn.fn.net.3.weight"] == (512, 1024)
    assert block_layout(state, "t_former", 3) == {}


def block_layout(state: dict[str, tuple], half: str, index: int) -> dict[str, tuple]:
    prefix = f"{half}.spatial_transformer.layers.{index}."
    return {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}


def test_the_places_of_a_frame_attend_row_by_row(small: FormerDfer) -> None:
    w, seen = small.state_dict(), {}
    net = small.s_former
    hooks = [
        net.layer3.register_forward_hook(lambda _, __, out: seen.__setitem__("before", out)),
        net.layer4.register_forward_pre_hook(lambda _, args: seen.__setitem__("after", args[0])),
    ]
    with torch.inference_mode():
        vectors = net(parity.inp((2, 3, SIDE, SIDE), 5).double())
    for hook in hooks:
        hook.remove()
    for before, after in zip(seen["before"], seen["after"], strict=True):
        tokens = torch.stack([before[:, row, column] for row in range(3) for column in range(3)])
        tokens = tokens + w["s_former.pos_embedding"][0]
        tokens = naive_transformer(tokens, w, "s_former.spatial_transformer", depth=1, heads=8)
        for index, token in enumerate(tokens):
            assert torch.allclose(after[:, index // 3, index % 3], token, atol=1e-10)
    with torch.inference_mode():
        assert torch.allclose(vectors, net.layer4(seen["after"]).mean((2, 3)))


def test_the_class_token_reads_the_sequence(small: FormerDfer) -> None:
    w, clips = small.state_dict(), parity.inp((2, 3, FRAMES, SIDE, SIDE), 6).double()
    with torch.inference_mode():
        feature, logits = small.forward_features(clips), small(clips)
        for index, clip in enumerate(clips):
            vectors = torch.cat([small.s_former(clip[None, :, t]) for t in range(FRAMES)])
            tokens = torch.cat((w["t_former.cls_token"][0], vectors))
            tokens = tokens + w["t_former.pos_embedding"][0]
            read = naive_transformer(tokens, w, "t_former.spatial_transformer", depth=3, heads=8)
            assert torch.allclose(feature[index], read[0], atol=1e-9)
            assert torch.allclose(logits[index], w["fc.weight"] @ read[0] + w["fc.bias"], atol=1e-9)


def test_the_order_of_frames_matters(small: FormerDfer) -> None:
    clip = parity.inp((1, 3, FRAMES, SIDE, SIDE), 7).double()
    with torch.inference_mode():
        assert not torch.allclose(small(clip), small(clip.flip(2)), atol=1e-3)


def test_initial_tokens_are_standard_normal() -> None:
    torch.manual_seed(0)
    network = create("former_dfer")
    for tokens in (network.s_former.pos_embedding, network.t_former.pos_embedding):
        assert tokens.std().item() == pytest.approx(1, abs=0.03)
    conv = network.s_former.layer4[1].conv2.weight
    assert conv.std().item() == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)


def test_dropout_follows_the_activation_and_every_last_layer() -> None:
    with torch.device("meta"):
        block = create("former_dfer", drop_rate=0.25).t_former.spatial_transformer.layers[0]
    rates = {name: part.p for name, part in block.named_modules() if hasattr(part, "p")}
    assert rates == {"0.fn.fn.to_out.1": 0.25, "1.fn.fn.net.2": 0.25, "1.fn.fn.net.4": 0.25}


def test_bad_input() -> None:
    with pytest.raises(ClipError, match="16 frames a clip, not 8"):
        on_meta()(torch.zeros(1, 3, 8, 112, 112, device="meta"))
    with pytest.raises(ClipError, match=r"\[batch, 3, frames, height, width\]"):
        on_meta()(torch.zeros(1, 16, 3, 112, 112, device="meta"))
