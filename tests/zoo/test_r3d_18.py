"""3-D ResNet-18: Hara's, not torchvision's; its size, its maps and both shortcuts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import torch.nn.functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from resonance_zoo.clip_input import ClipError  # noqa: E402
from resonance_zoo.r3d_18 import R3D18, BasicBlock3d  # noqa: E402
from resonance_zoo.registry import create  # noqa: E402

from . import parity  # noqa: E402

State = dict[str, "torch.Tensor"]


def on_meta(**overrides: object) -> R3D18:
    with torch.device("meta"):
        return create("r3d_18", **overrides).eval()


def full_clip() -> torch.Tensor:
    return torch.zeros(1, 3, 16, 112, 112, device="meta")


def gmacs(network: torch.nn.Module) -> float:
    with FlopCounterMode(display=False) as counter:
        network(full_clip())
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("shortcut", "count", "entries"), [("B", 33_207_495, 122), ("A", 33_033_671, 104)]
)
def test_parameters_and_entries(shortcut: str, count: int, entries: int) -> None:
    network = on_meta(shortcut=shortcut)
    assert sum(p.numel() for p in network.parameters()) == count
    assert len(network.state_dict()) == entries


def test_layout() -> None:
    state = {key: tuple(value.shape) for key, value in on_meta().state_dict().items()}
    assert state["conv1.weight"] == (64, 3, 7, 7, 7)
    assert state["layer2.0.downsample.0.weight"] == (128, 64, 1, 1, 1)
    assert state["layer4.1.conv2.weight"] == (512, 512, 3, 3, 3)
    assert state["fc.weight"] == (7, 512)
    assert state["layer3.0.downsample.1.running_var"] == (256,)
    assert not [key for key in state if key.startswith("layer1.0.downsample")]
    assert not [key for key in on_meta(shortcut="A").state_dict() if "downsample" in key]


def test_maps() -> None:
    network, shapes = on_meta(), {}
    for name in ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: shapes.__setitem__(name, tuple(out.shape[2:]))
        )
    assert network(full_clip()).shape == (1, 7)
    assert shapes == {
        "conv1": (16, 56, 56),
        "maxpool": (8, 28, 28),
        "layer1": (8, 28, 28),
        "layer2": (4, 14, 14),
        "layer3": (2, 7, 7),
        "layer4": (1, 4, 4),
    }


def test_torchvisions_network_of_that_name_is_another() -> None:
    video = pytest.importorskip("torchvision.models.video", reason="torchvision is not installed")
    with torch.device("meta"):
        theirs = video.r3d_18(num_classes=7).eval()
    assert sum(p.numel() for p in theirs.parameters()) == 33_169_863
    assert set(theirs.state_dict()) != set(on_meta().state_dict())
    assert gmacs(theirs) == pytest.approx(40.696, abs=0.001)
    assert gmacs(on_meta()) == pytest.approx(8.308, abs=0.001)
    assert gmacs(on_meta(shortcut="A")) == pytest.approx(8.296, abs=0.001)


def norm(x: torch.Tensor, w: State, name: str) -> torch.Tensor:
    scale = w[f"{name}.weight"] / torch.sqrt(w[f"{name}.running_var"] + 1e-5)
    centred = x - w[f"{name}.running_mean"][:, None, None, None]
    return centred * scale[:, None, None, None] + w[f"{name}.bias"][:, None, None, None]


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_a_block_that_halves(shortcut: str) -> None:
    block = BasicBlock3d(4, 6, 2, shortcut).eval()
    parity.fill(block)
    w, x = block.state_dict(), parity.inp((2, 4, 4, 5, 6), 7)
    out = norm(F.conv3d(x, w["conv1.weight"], stride=2, padding=1), w, "bn1").clamp(min=0)
    out = norm(F.conv3d(out, w["conv2.weight"], padding=1), w, "bn2")
    kept = x[:, :, ::2, ::2, ::2]
    if shortcut == "B":
        flat = w["downsample.0.weight"].flatten(1)
        beside = norm(torch.einsum("oc,bcthw->bothw", flat, kept), w, "downsample.1")
    else:
        beside = torch.cat((kept, torch.zeros(2, 2, 2, 3, 3)), dim=1)
    with torch.inference_mode():
        assert torch.allclose(block(x), (out + beside).clamp(min=0), atol=1e-5)


def test_shortcut_a_lets_the_gradient_through() -> None:
    x = torch.ones(1, 2, 2, 2, 2, requires_grad=True)
    BasicBlock3d(2, 4, 2, "A").downsample(x).sum().backward()
    assert x.grad is not None
    assert x.grad.sum() == 2  # one voxel kept of eight, in each of two channels


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_a_pass_with_numbers(shortcut: str) -> None:
    network = create("r3d_18", shortcut=shortcut, img_size=32).eval()
    clips = torch.rand(2, 3, 16, 32, 32)
    with torch.inference_mode():
        both = network(clips)
        assert torch.allclose(both[1:], network(clips[1:]), atol=1e-5)
        assert torch.equal(network.fc(network.forward_features(clips)), both)
    assert not torch.allclose(both[0], both[1])


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="'A' or 'B', not 'C'"):
        on_meta(shortcut="C")
    with pytest.raises(ClipError, match="16 frames a clip, not 15"):
        on_meta()(torch.zeros(1, 3, 15, 112, 112, device="meta"))
