"""The network: its shapes, its budget, and the same answers as ONNX as in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import resonance_zoo

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")
pytest.importorskip("onnx", reason="onnx (extra 'zoo') is not installed")

from resonance_zoo.runtime import open_network  # noqa: E402
from resonance_zoo.static_cnn import DESIGNS  # noqa: E402
from resonance_zoo.train.still import budget, evaluate  # noqa: E402
from resonance_zoo.train.still.calibrate import Calibration  # noqa: E402
from resonance_zoo.train.still.export import export_onnx  # noqa: E402


@pytest.fixture(params=sorted(DESIGNS.keys() - {"teacher"}))  # which is not shipped
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    model = resonance_zoo.create("static_cnn", design=request.param)
    for module in model.modules():  # as after training: every branch alive, every norm different
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def test_budget(network: torch.nn.Module) -> None:
    assert budget.parameters(network) <= 3e6
    assert budget.multiply_accumulates(network, network.config.size) <= 150e6


@pytest.mark.parametrize("size", [32, 40, 48])
def test_any_size_gives_seven_logits(network: torch.nn.Module, size: int) -> None:
    with torch.inference_mode():
        assert network(torch.rand(3, 1, size, size) * 255).shape == (3, 7)


def test_light_and_contrast_do_not_matter(network: torch.nn.Module) -> None:
    faces = torch.rand(2, 1, 48, 48) * 100 + 50
    with torch.inference_mode():
        difference = network(faces) - network(faces * 1.4 - 20)
    assert difference.abs().max() < 0.3


def test_onnx_gives_the_logits_of_torch(network: torch.nn.Module, tmp_path: Path) -> None:
    size = network.config.size
    point = Calibration(-0.3, np.linspace(-1, 1, 7), temperature=0.6, unsure_below=0.5)
    path = tmp_path / "net.onnx"
    export_onnx(network, point, size, path)
    session = open_network(path)
    assert evaluate.input_size(session) == size
    for count in (1, 5):  # any number of faces
        faces = np.random.default_rng(count).uniform(0, 255, (count, 1, size, size))
        faces = faces.astype(np.float32)
        with torch.inference_mode():
            wanted = point.apply(network(torch.from_numpy(faces)).numpy())
        (found,) = session.run(["logits"], {"faces": faces})
        # The weights are rounded to half precision: relative 5e-4 each.
        assert np.abs(found - wanted).max() < 0.01 * max(1.0, np.abs(wanted).max())


def test_half_precision_halves_the_file(network: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    export_onnx(network, Calibration(0, np.zeros(7), 1, 0.5), network.config.size, path)
    assert path.stat().st_size < 2.2 * budget.parameters(network) + 40_000


def test_an_unknown_design_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no design 'huge'; there are: t1"):
        resonance_zoo.create("static_cnn", design="huge")


def test_a_clip_is_read_frame_by_frame_in_grey(network: torch.nn.Module) -> None:
    grey = torch.rand(2 * 3, 1, 48, 48) * 255
    clip = grey.view(2, 3, 1, 48, 48).transpose(1, 2).expand(2, 3, 3, 48, 48)
    with torch.inference_mode():
        wanted = network(grey).view(2, 3, 7).mean(1)
        assert torch.allclose(network(clip), wanted, atol=1e-4)
