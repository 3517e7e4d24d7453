"""C3D: its size, both public layouts, and the order of its layers."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import torch.nn.functional as F  # noqa: E402

from resonance_zoo.c3d import C3D  # noqa: E402
from resonance_zoo.clip_input import ClipError  # noqa: E402
from resonance_zoo.registry import UnknownOverride, create  # noqa: E402

from . import parity  # noqa: E402

CONVOLUTIONS = ("1", "2", "3a", "3b", "4a", "4b", "5a", "5b")


def on_meta(**overrides: object) -> C3D:
    with torch.device("meta"):
        return create("c3d", **overrides).eval()


def blank(**overrides: object) -> C3D:
    """The network on 16x16 pixels; its memory holds whatever it held."""
    return on_meta(img_size=16, **overrides).to_empty(device="cpu")


@pytest.fixture(scope="module")
def tiny() -> C3D:
    """With norms and small random numbers in every place, none of them zero or one."""
    generator, network = torch.Generator().manual_seed(0), blank(batch_norm=True)
    for key, value in network.state_dict().items():
        if key.endswith(("running_var", "num_batches_tracked")):
            value.fill_(2)
        else:
            scale = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.5
            value.normal_(std=scale, generator=generator)
    return network


@pytest.mark.parametrize(("norms", "count"), [(False, 78_024_455), (True, 78_029_959)])
def test_parameters(norms: bool, count: int) -> None:
    assert sum(p.numel() for p in on_meta(batch_norm=norms).parameters()) == count


def test_layout() -> None:
    plain = {key: tuple(value.shape) for key, value in on_meta().state_dict().items()}
    kinds = ("weight", "bias")
    names = [f"conv{name}" for name in CONVOLUTIONS] + ["fc6", "fc7", "fc8"]
    assert set(plain) == {f"{name}.{kind}" for name in names for kind in kinds}
    assert plain["conv1.weight"] == (64, 3, 3, 3, 3)
    assert plain["conv5b.weight"] == (512, 512, 3, 3, 3)
    assert plain["fc6.weight"] == (4096, 8192)
    assert plain["fc7.weight"] == (4096, 4096)
    assert plain["fc8.weight"] == (7, 4096)

    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    norms = {f"bn{name}.{kind}" for name in CONVOLUTIONS for kind in kinds}
    assert set(on_meta(batch_norm=True).state_dict()) == set(plain) | norms


def test_the_sports_file_has_487_classes() -> None:
    assert on_meta(num_classes=487).fc8.weight.shape == (487, 4096)


def test_the_last_pool_pads_seven_pixels_to_four() -> None:
    network = on_meta()
    clip = torch.zeros(2, 3, 16, 112, 112, device="meta")
    assert network.forward_maps(clip).shape == (2, 512, 1, 4, 4)
    assert network(clip).shape == (2, 7)
    rising = torch.arange(2 * 7 * 7.0).reshape(1, 1, 2, 7, 7)
    # Padding comes first, so windows end at rows and columns 0, 2, 4 and 6.
    assert torch.equal(network.pool5(rising), rising[:, :, 1:, ::2, ::2])


@pytest.mark.parametrize("norms", [False, True])
def test_every_layer_in_its_place(tiny: C3D, norms: bool) -> None:
    w = tiny.state_dict()
    network = tiny
    if not norms:
        w = {key: value for key, value in w.items() if not key.startswith("bn")}
        network = blank()
        network.load_state_dict(w)
    x = clip = parity.inp((2, 3, 16, 16, 16), 3)
    for name in CONVOLUTIONS:
        x = F.conv3d(x, w[f"conv{name}.weight"], w[f"conv{name}.bias"], padding=1)
        if norms:
            mean, var = (w[f"bn{name}.running_{kind}"] for kind in ("mean", "var"))
            x = F.batch_norm(x, mean, var, w[f"bn{name}.weight"], w[f"bn{name}.bias"])
        x = x.clamp(min=0)
        if name in ("1", "2", "3b", "4b"):
            x = F.max_pool3d(x, (1, 2, 2) if name == "1" else 2)
    x = F.max_pool3d(x, 2, padding=(0, 1, 1)).flatten(1)
    for name in ("fc6", "fc7"):
        x = F.linear(x, w[f"{name}.weight"], w[f"{name}.bias"]).clamp(min=0)
    with torch.inference_mode():
        assert torch.allclose(network.forward_features(clip), x, atol=1e-5)
        wanted = F.linear(x, w["fc8.weight"], w["fc8.bias"])  # logits: no softmax
        assert torch.allclose(network(clip), wanted, atol=1e-5)


def test_a_file_with_norms_switches_them_on(tiny: C3D) -> None:
    plain = copy.deepcopy(blank())  # copies, as of a moving average, follow too
    assert not plain.batch_norm
    plain.load_state_dict(tiny.state_dict(), strict=True)
    assert plain.batch_norm
    clip = parity.inp((1, 3, 16, 16, 16), 4)
    with torch.inference_mode():
        assert torch.equal(plain(clip), tiny(clip))


def test_norms_are_switched_on_inside_a_wrapper() -> None:
    wrapped = torch.nn.Sequential(on_meta())
    wrapped.load_state_dict(torch.nn.Sequential(on_meta(batch_norm=True)).state_dict())
    assert wrapped[0].batch_norm


def test_a_file_without_norms_is_refused_by_a_network_that_has_them() -> None:
    with pytest.raises(RuntimeError, match=r"Missing key.*bn1\.weight"):
        on_meta(batch_norm=True).load_state_dict(on_meta().state_dict(), assign=True)


def test_initial_weights_and_biases_are_uniform_below_one_over_root_fan_in() -> None:
    torch.manual_seed(0)
    network = C3D(img_size=16)
    for layer, inputs in ((network.get_submodule("conv3a"), 128 * 27), (network.fc7, 4096)):
        for tensor in (layer.weight, layer.bias):
            assert 0.95 < tensor.detach().abs().max().item() * inputs**0.5 <= 1.0001


def test_bad_input() -> None:
    network = on_meta()
    with pytest.raises(ClipError, match="16 frames a clip, not 8"):
        network(torch.zeros(1, 3, 8, 112, 112, device="meta"))
    with pytest.raises(ClipError, match="112x112 pixels, not 64x64"):
        network(torch.zeros(1, 3, 16, 64, 64, device="meta"))
    with pytest.raises(ValueError, match="at least 16 frames"):
        on_meta(num_frames=8)
    with pytest.raises(UnknownOverride, match="batch_norm"):
        on_meta(norms=True)
