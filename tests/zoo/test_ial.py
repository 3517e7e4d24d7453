"""The IAL network: its size, its official entries, the gates and the fusion written out."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import torch.nn.functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from resonance_zoo.clip_input import ClipError  # noqa: E402
from resonance_zoo.ial import GcaBlock, Ial  # noqa: E402
from resonance_zoo.ial_loss import total_loss  # noqa: E402
from resonance_zoo.registry import create  # noqa: E402

from . import parity  # noqa: E402
from .test_former_dfer import naive_transformer  # noqa: E402

State = dict[str, "torch.Tensor"]
SIDE, FRAMES = 80, 3  # maps of 20, 10, 5 and 3: places of 3x3 in the fusion
UNUSED = {"bias1", "bias2", "glb.weight"}
GATE = {"AUX_fc.0.weight", "AUX_fc.1.weight", "gc.0.weight", "fc1.0.weight", "fc2.0.weight"}


def on_meta(**overrides: object) -> Ial:
    with torch.device("meta"):
        return create("ial", **overrides).eval()


@pytest.fixture(scope="module")
def small() -> Ial:
    """Every parameter alive, in double precision so that a wrong epsilon shows."""
    network = create("ial", img_size=SIDE, num_frames=FRAMES).eval()
    parity.fill(network)
    return network.double()


def norm(x: torch.Tensor, w: State, name: str) -> torch.Tensor:
    mean, var = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, w[f"{name}.weight"], w[f"{name}.bias"])


def naive_residual(x: torch.Tensor, w: State, name: str, stride: int) -> torch.Tensor:
    x = F.conv2d(x, w[f"{name}conv1.weight"], stride=stride, padding=1)
    x = norm(x, w, f"{name}bn1").clamp(min=0)
    return norm(F.conv2d(x, w[f"{name}conv2.weight"], padding=1), w, f"{name}bn2")


def naive_shortcut(x: torch.Tensor, w: State, name: str, stride: int) -> torch.Tensor:
    if f"{name}downsample.0.weight" not in w:
        return x
    conv = F.conv2d(x, w[f"{name}downsample.0.weight"], stride=stride)
    return norm(conv, w, f"{name}downsample.1")


def test_parameters_and_cost() -> None:
    network = on_meta()
    assert sum(p.numel() for p in network.parameters()) == 19_083_527
    with FlopCounterMode(display=False) as counter:
        assert network(torch.zeros(1, 3, 16, 112, 112, device="meta")).shape == (1, 7)
    # 5.941 where every attention and feed-forward is evaluated twice, as the authors' code does.
    assert counter.get_total_flops() / 2e9 == pytest.approx(5.624, abs=0.001)


def test_layout() -> None:
    state = {key: tuple(value.shape) for key, value in on_meta().state_dict().items()}
    assert len(state) == 181
    assert state["s_former.bias"] == (1, 64, 1, 1)
    assert state["s_former.pos_embedding_pos"] == (1, 16, 256)
    assert state["s_former.pos_embedding"] == (1, 16, 4096)
    assert state["s_former.conv1.3.weight"] == (64, 64, 3, 3)
    assert state["s_former.layer4.0.downsample.0.weight"] == (256, 256, 1, 1)
    assert state["s_former.patch_embedding.0.weight"] == (256, 256, 3, 3)
    assert state["s_former.pos_transformer.layers.1.0.fn.fn.to_qkv.weight"] == (384, 256)
    assert state["s_former.pos_transformer.layers.1.1.fn.fn.net.3.weight"] == (256, 256)
    assert state["s_former.temporal_transformer.layers.1.0.fn.fn.to_qkv.weight"] == (384, 4096)
    assert state["s_former.temporal_transformer.layers.1.0.fn.fn.to_out.0.weight"] == (4096, 128)
    assert state["s_former.temporal_transformer.layers.0.1.fn.fn.net.0.weight"] == (512, 4096)
    assert state["fc_f.weight"] == (7, 4096)
    for stage, side in ((1, 28), (2, 14), (3, 7)):
        names = {key.removeprefix(f"s_former.layer{stage}.0.") for key in state}
        assert names >= UNUSED | GATE
        assert ("downsample.0.weight" in names) == (stage > 1)
        channels = 32 * 2**stage
        assert state[f"s_former.layer{stage}.0.gc.0.weight"] == (channels, 1, side, side)
        assert state[f"s_former.layer{stage}.0.AUX_fc.1.weight"] == (7, 2 * channels)


def test_a_gated_block() -> None:
    frames, side = 3, 4
    block = GcaBlock(16, 32, stride=2, side=side, num_frames=frames, num_classes=5).eval()
    parity.fill(block)
    block = block.double()
    w, x = block.state_dict(), parity.inp((2 * frames, 16, 2 * side, 2 * side), 3).double()
    residual = naive_residual(x, w, "", 2)
    summary = torch.einsum("nchw,chw->nc", residual, w["gc.0.weight"][:, 0])
    hidden = (summary @ w["fc1.0.weight"].flatten(1).T).clamp(min=0)
    gate = 2 / (1 + torch.exp(-hidden @ w["fc2.0.weight"].flatten(1).T))
    wanted, aux = [], []
    for clip in (slice(0, frames), slice(frames, 2 * frames)):
        fused = torch.sqrt(gate[clip] * gate[clip].mean(0) + 1e-5)
        gated = residual[clip] * fused[:, :, None, None]
        wanted.append((gated + naive_shortcut(x[clip], w, "", 2)).clamp(min=0))
        aux.append(w["AUX_fc.1.weight"] @ (w["AUX_fc.0.weight"] @ summary[clip].mean(0)))
    with torch.inference_mode():
        found, found_aux = block.forward_all(x)
        assert torch.allclose(found, torch.cat(wanted), atol=1e-12)
        assert torch.allclose(found_aux, torch.stack(aux), atol=1e-12)
        assert torch.equal(block(x), found)


def test_the_stem_and_the_first_block_are_plain(small: Ial) -> None:
    w, clip = small.state_dict(), parity.inp((1, 3, FRAMES, SIDE, SIDE), 4).double()
    x = F.conv2d(clip[0].transpose(0, 1), w["s_former.conv1.0.weight"], stride=2, padding=1)
    x = norm(x, w, "s_former.conv1.1").clamp(min=0)
    x = F.conv2d(x, w["s_former.conv1.3.weight"], padding=1)
    x = F.max_pool2d(norm(x, w, "s_former.bn1").clamp(min=0), 3, 2, 1)
    wanted = (naive_residual(x, w, "s_former.layer1.0.", 1) + x).clamp(min=0)
    with torch.inference_mode():
        assert torch.allclose(small.forward_all(clip).layer1, wanted, atol=1e-10)


def test_the_fusion(small: Ial) -> None:
    """Change between neighbours plus the earlier frame, place by place, then over time."""
    w, maps = small.state_dict(), parity.inp((2 * FRAMES, 256, 5, 5), 5).double()
    with torch.inference_mode():
        found = small.s_former.fuse(maps)
    for index in range(2):
        clip = maps[index * FRAMES : (index + 1) * FRAMES]
        steps = torch.stack([naive_step(w, clip[t], clip[t + 1]) for t in range(FRAMES - 1)])
        steps = steps + w["s_former.pos_embedding"][0, : FRAMES - 1]
        steps = naive_transformer(steps, w, "s_former.temporal_transformer", depth=2, heads=4)
        assert torch.allclose(found[index], steps.mean(0), atol=1e-9)


def naive_step(w: State, now: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
    change = (later - now)[None]
    for block, stride in ((0, 2), (1, 1), (2, 1)):
        name = f"s_former.layer4.{block}."
        beside = naive_shortcut(change, w, name, stride)
        change = (naive_residual(change, w, name, stride) + beside).clamp(min=0)
    patches = F.conv2d(now[None], w["s_former.patch_embedding.0.weight"], stride=2, padding=1)
    patches = norm(patches, w, "s_former.patch_embedding.1").clamp(min=0)[0]
    tokens = torch.stack([patches[:, row, column] for row in range(3) for column in range(3)])
    tokens = tokens + w["s_former.pos_embedding_pos"][0]
    tokens = naive_transformer(tokens, w, "s_former.pos_transformer", depth=2, heads=4)
    static = torch.zeros_like(patches)
    for place, token in enumerate(tokens):
        static[:, place // 3, place % 3] = token
    return (change[0] + static).flatten()


def test_clips_of_a_batch_do_not_mix(small: Ial) -> None:
    clips = parity.inp((2, 3, FRAMES, SIDE, SIDE), 6).double()
    with torch.inference_mode():
        both, second = small.forward_all(clips), small.forward_all(clips[1:])
        assert torch.equal(small(clips), both.logits)
        assert torch.equal(small.forward_features(clips), both.feature)
    assert both.layer1.shape == (2 * FRAMES, 64, 20, 20)
    for name in ("logits", "feature", "aux2", "aux3"):
        assert torch.allclose(getattr(both, name)[1:], getattr(second, name), atol=1e-9)


def test_which_parameters_learn_nothing() -> None:
    network = create("ial", img_size=32, num_frames=2).train()
    out = network.forward_all(torch.rand(2, 3, 2, 32, 32))
    total_loss(out.logits, out.aux2, out.aux3, torch.tensor([0, 6])).backward()
    idle = {name for name, value in network.named_parameters() if value.grad is None}
    blocks = (f"s_former.layer{stage}.0." for stage in (1, 2, 3))
    wanted = {"s_former.bias"} | {block + name for block in blocks for name in UNUSED}
    assert idle == wanted | {"s_former.layer1.0." + name for name in GATE}


def test_initial_tensors_without_a_use_are_standard_normal() -> None:
    torch.manual_seed(0)
    block = GcaBlock(16, 4096, stride=1, side=1, num_frames=2, num_classes=2)
    for bias in (block.bias1, block.bias2):
        assert bias.std().item() == pytest.approx(1, abs=0.05)
    assert create("ial", img_size=32, num_frames=2).s_former.bias.std() > 0.5


def test_nothing_is_dropped_in_training() -> None:
    dropouts = [part for part in on_meta().modules() if isinstance(part, torch.nn.Dropout)]
    assert {part.p for part in dropouts} == {0}


def test_bad_input() -> None:
    with pytest.raises(ClipError, match="16 frames a clip, not 8"):
        on_meta()(torch.zeros(1, 3, 8, 112, 112, device="meta"))
    with pytest.raises(ValueError, match="at least two"):
        on_meta(num_frames=1)
