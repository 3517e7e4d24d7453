"""The rewritten networks answer as the networks they were made from, and refuse what is no clip."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import resonance_zoo
from resonance_zoo import inference, optimize, textbook
from resonance_zoo.benchmark import NotTimable, bench, fill
from resonance_zoo.card_types import ClipInput
from resonance_zoo.clip_input import ClipError
from resonance_zoo.patterns import drifting_patterns

SMALL_VIT: dict[str, Any] = {
    "img_size": 64, "num_frames": 8, "embed_dim": 128, "depth": 2, "num_heads": 4,
}  # fmt: skip
SMALL_LGI = {**SMALL_VIT, "region_size": (2, 2, 4)}
# name, settings, frames, pixels
CASES: list[tuple[str, dict[str, Any], int, int]] = [
    ("mae_dfer", SMALL_LGI, 8, 64),
    ("mae_dfer_mmnet_add", SMALL_LGI, 8, 64),
    ("mae_dfer_mmnet_concat", SMALL_LGI, 8, 64),
    ("mae_dfer_mmnet_add_pc", SMALL_LGI, 8, 64),
    ("videomae_base", SMALL_VIT, 8, 64),
    ("mmnet", {"img_size": 224}, 2, 224),
    ("former_dfer", {}, 16, 112),
    ("ial", {}, 16, 112),
    ("poster_v2", {}, 1, 224),
    ("r3d_18", {}, 16, 112),
]
IDS = [case[0] for case in CASES]


def built(name: str, settings: dict[str, Any]) -> nn.Module:
    return fill(resonance_zoo.create(name, **settings), seed=3).eval()


def clip_of(frames: int, size: int) -> Tensor:
    return torch.randn(1, 3, frames, size, size, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize(("name", "settings", "frames", "size"), CASES, ids=IDS)
def test_the_rewritten_network_gives_the_same_logits(
    name: str, settings: dict[str, Any], frames: int, size: int
) -> None:
    clip = clip_of(frames, size)
    with torch.inference_mode():
        wanted = built(name, settings)(clip)
        ours = inference.prepare(built(name, settings), clip, inference.plan("cpu", "float32"))
        other = clip_of(frames, size).flip(-1)
        assert torch.allclose(ours(clip), wanted, atol=2e-5)
        assert not torch.allclose(ours(other), wanted, atol=1e-4)  # it does read its clip


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
@pytest.mark.parametrize("name", ["mae_dfer_mmnet_add", "videomae_base"])
def test_lower_precision_stays_near(name: str, precision: str) -> None:
    settings = SMALL_VIT if name == "videomae_base" else SMALL_LGI
    clip = clip_of(8, 64)
    with torch.inference_mode():
        wanted = built(name, settings)(clip)
        given = inference.prepare(built(name, settings), clip, inference.plan("cpu", precision))(
            clip
        )
    assert given.dtype == torch.float32
    assert 0 < float((given - wanted).abs().max()) < 0.15 * float(wanted.std() + 0.5)


def test_every_foldable_batch_norm_is_folded() -> None:
    network = built("mae_dfer_mmnet_add", SMALL_LGI)
    before = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    optimize.fold_batch_norms(network, clip_of(8, 64))
    after = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    assert before == 17
    assert after == 0


def test_a_convolution_that_two_modules_read_is_left_alone() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4)
            self.other = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return self.norm(y) + self.other(y)

    network = fill(Forked(), 0).eval()
    picture = torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        wanted = network(picture)
        optimize.fold_batch_norms(network, picture)
        assert torch.allclose(network(picture), wanted)
    assert isinstance(network.norm, nn.BatchNorm2d)


def test_weights_are_not_copied_when_biases_are_joined() -> None:
    network = built("mae_dfer", SMALL_LGI)
    before = network.blocks[0].first_attn.kv.weight.data_ptr()
    optimize.join_biases(network)
    assert network.blocks[0].first_attn.kv.weight.data_ptr() == before


def test_parameters_exist_once_after_packing() -> None:
    network = built("mae_dfer", {**SMALL_LGI, "embed_dim": 256})
    original = weakref.ref(network.blocks[0].mlp.fc1.weight)
    inference.prepare(network, clip_of(8, 64), inference.plan("cpu", "float32"))
    gc.collect()
    assert isinstance(network.blocks[0].mlp, optimize.PackedMlp)
    assert original() is None


@pytest.mark.parametrize("name", sorted(textbook.FORWARDS))
def test_the_textbook_agrees_with_the_networks(name: str) -> None:
    """Two writings of the same equations, by different hands."""
    network = resonance_zoo.create(name, depth=2)  # the textbook has the official widths built in
    fill(network, seed=5).eval()
    clip = clip_of(16, 160)
    with torch.inference_mode():
        plain = textbook.FORWARDS[name](network.state_dict(), clip)
        assert torch.allclose(network(clip), plain, atol=1e-5)


def predictor(**changes: Any) -> inference.Predictor:
    shape = ClipInput(8, 15.0, 64, "rgb", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    options = {"device": "cpu", "precision": "float32", **changes}
    return inference.Predictor(built("mae_dfer", SMALL_LGI), shape, **options)


def test_pictures_are_normalised_and_probabilities_sum_to_one() -> None:
    clip = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    pixels = torch.from_numpy(clip).permute(3, 0, 1, 2)[None] / 255
    mean = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1, 1)
    with torch.inference_mode():
        wanted = torch.softmax(built("mae_dfer", SMALL_LGI)((pixels - mean) / std), -1)[0].numpy()
    given = predictor().predict(clip)
    assert given.dtype == np.float32
    assert given.sum() == pytest.approx(1)
    assert np.abs(given - wanted).max() < 1e-5


@pytest.mark.parametrize(
    ("shape", "dtype", "said"),
    [
        ((7, 64, 64, 3), np.uint8, r"uint8\[8, 64, 64, 3\], not uint8\[7, 64, 64, 3\]"),
        ((8, 32, 32, 3), np.uint8, "32, 32"),
        ((8, 64, 64, 3), np.float32, "float32"),
        ((64, 64, 3), np.uint8, "not uint8"),
    ],
)
def test_other_clips_are_refused_in_words(shape: tuple[int, ...], dtype: type, said: str) -> None:
    with pytest.raises(ClipError, match=said):
        predictor().predict(np.zeros(shape, dtype))


def test_an_answer_that_is_no_number_is_not_passed_on() -> None:
    network = built("mae_dfer", SMALL_LGI)
    with torch.no_grad():
        network.head.bias[0] = float("nan")
    shape = ClipInput(8, 15.0, 64, "rgb", (0.0,) * 3, (1.0,) * 3)
    ask = inference.Predictor(network, shape, device="cpu", precision="float32")
    with pytest.raises(ClipError, match="not finite"):
        ask.warm_up()


def test_clips_that_are_none_are_refused_by_the_networks_themselves() -> None:
    network = built("mae_dfer", SMALL_LGI)
    clip = clip_of(8, 64)
    for wrong, said in (
        (clip[0], "batch"),
        (clip[:, :, :7], "8 frames a clip, not 7"),
        (clip[..., :32], "64x64 pixels, not 64x32"),
        (clip.int(), "floating-point"),
        (clip / 0, "not finite"),
    ):
        with pytest.raises(ClipError, match=said):
            network(wrong)


@pytest.mark.parametrize(
    ("device", "precision", "said"),
    [
        ("tpu", "auto", "no device 'tpu'"),
        ("cpu", "float8", "no precision 'float8'"),
    ],
)
def test_unknown_devices_and_precisions(device: str, precision: str, said: str) -> None:
    with pytest.raises(inference.DeviceError, match=said):
        inference.plan(device, precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_here() -> None:
    with pytest.raises(inference.DeviceError, match="has no cuda"):
        inference.plan("cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")
def test_cuda_graphs_give_the_same_logits() -> None:
    clip = clip_of(8, 64)
    with torch.inference_mode():
        wanted = built("mae_dfer_mmnet_add", SMALL_LGI)(clip)
        for precision, off in (("float32", 1e-2), ("float16", 2e-2), ("bfloat16", 1e-1)):
            chosen = inference.plan("cuda", precision)
            ours = inference.prepare(built("mae_dfer_mmnet_add", SMALL_LGI), clip, chosen)
            ours(clip.flip(-1))
            assert torch.allclose(ours(clip).cpu(), wanted, atol=off)


@pytest.mark.parametrize("name", ["mmer_mlp", "mae_dfer_pretrain", "static_cnn"])
def test_what_reads_no_clips_cannot_be_timed(name: str) -> None:
    with pytest.raises(NotTimable, match=f"{name} reads no clips"):
        bench(name)


def test_int8_takes_out_the_shift_that_rounding_brings() -> None:
    """On clips it was not calibrated on, the mean error is small beside the error of a clip."""
    clips = list(drifting_patterns(24, 8, 64, seed=9))
    with torch.inference_mode():
        exact = torch.cat([built("mae_dfer", SMALL_LGI)(clip) for clip in clips])
    ours = inference.prepare(built("mae_dfer", SMALL_LGI), clips[0], inference.plan("cpu", "int8"))
    error = torch.cat([ours(clip) for clip in clips]) - exact
    assert 0 < float(error.std(0).mean()) < 0.1 * float(exact.std(0).mean() + 0.1)
    assert float(error.mean(0).abs().max()) < 2 * float(error.std(0).mean())


def test_the_benchmark_reports_what_it_saw() -> None:
    timing = bench("mae_dfer", device="cpu", precisions=("float32",), repeats=1, clips=2, depth=1)[
        0
    ]
    assert timing.reference.startswith("textbook")
    assert timing.max_difference < 1e-5
    assert timing.same_top == 1.0
    assert timing.clips == 2
    assert timing.ms > 0
    assert timing.ratio == pytest.approx(timing.reference_ms / timing.ms, abs=0.02)


@pytest.mark.parametrize("batch", [1, 3])
def test_several_clips_give_what_each_gives_alone(batch: int) -> None:
    reads = ClipInput(8, 16.0, 64, "RGB", (0.5,) * 3, (0.25,) * 3)
    clips = np.random.default_rng(3).integers(0, 256, (5, 8, 64, 64, 3), np.uint8)
    made = [
        inference.Predictor(
            built("mae_dfer", SMALL_LGI), reads, device="cpu", precision="float32", batch=size
        )
        for size in (1, batch)
    ]
    alone = np.stack([made[0].predict(clip) for clip in clips])
    assert np.allclose(made[1].predict_many(clips), alone, atol=1e-5)
    assert np.allclose(made[1].predict(clips[4]), alone[4], atol=1e-5)
    with pytest.raises(ClipError, match="this network reads clips"):
        made[1].predict_many(clips[:, :4])
