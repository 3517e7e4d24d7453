"""The intensity-aware loss: the authors' numbers, their masks written out, and its edges."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import torch.nn.functional as F  # noqa: E402

from resonance_zoo.ial_loss import (  # noqa: E402
    OFFICIAL,
    LossWeights,
    intensity_aware_loss,
    intensity_aware_per_sample,
    total_loss,
)

from . import parity  # noqa: E402


def by_masks(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Every other class pushed out of a cross-entropy by a large negative number."""
    losses = []
    for row, own in zip(logits.double(), target.tolist(), strict=True):
        others = row.clone()
        others[own] -= 99999
        mask = torch.full_like(row, -9999)
        mask[[own, int(others.argmax())]] = 0
        losses.append(F.cross_entropy((row + mask)[None], torch.tensor([own])))
    return torch.stack(losses)


@pytest.mark.parametrize("case", ["a", "b", "tie"])
def test_the_authors_numbers(case: str) -> None:
    about, arrays = parity.fixture("ial_loss")
    logits = torch.tensor(arrays[f"{case}.logits"], requires_grad=True)
    target = torch.tensor(arrays[f"{case}.target"])
    wanted = {
        name: torch.tensor(arrays[f"{case}.{name}"])
        for name in ("ial_per_sample", "ial", "ial_grad", "total")
    }
    found = intensity_aware_per_sample(logits, target)
    assert torch.allclose(found, wanted["ial_per_sample"], rtol=0, atol=1e-12)
    mean = intensity_aware_loss(logits, target)
    assert abs(mean.item() - wanted["ial"].item()) < 1e-12
    (gradient,) = torch.autograd.grad(mean, logits)
    assert torch.allclose(gradient, wanted["ial_grad"], rtol=0, atol=1e-8)
    aux2, aux3 = (parity.inp(logits.shape, seed) for seed in about["aux_seeds"])
    assert LossWeights(*about["weights"].values()) == OFFICIAL
    found = total_loss(logits, aux2, aux3, target)
    assert abs(found.item() - wanted["total"].item()) < 1e-6  # the cross-entropies are float32


def test_masks_say_the_same() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = 4 * torch.randn(64, 7, generator=generator)
    target = torch.randint(7, (64,), generator=generator)
    found = intensity_aware_per_sample(logits, target)
    assert torch.allclose(found, by_masks(logits, target), rtol=0, atol=1e-12)


def test_of_equal_rivals_the_first_takes_the_gradient() -> None:
    logits = torch.tensor([[1.0, 3, 0, 3, 3]], requires_grad=True)
    intensity_aware_loss(logits, torch.tensor([1])).backward()
    half = 0.5
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0, -half, 0, half, 0]]


@pytest.mark.parametrize("margin", [-1000.0, -21.0, 0.0, 30.0, 300.0])
def test_far_apart_logits_lose_no_digits(margin: float) -> None:
    logits = torch.tensor([[margin, 0.0]])
    wanted = math.log1p(math.exp(-margin)) if margin > -700 else -margin
    found = intensity_aware_loss(logits, torch.tensor([0])).item()
    assert found == pytest.approx(wanted, rel=1e-14)


def test_half_precision_logits() -> None:
    logits = torch.randn(8, 7, generator=torch.Generator().manual_seed(2)).bfloat16()
    target = torch.arange(8) % 7
    exact = intensity_aware_loss(logits.double(), target)
    assert intensity_aware_loss(logits, target).item() == exact.item()


def test_a_weight_of_zero_leaves_a_gradient_of_zero() -> None:
    logits, aux2, aux3 = (torch.ones(2, 7, requires_grad=True) for _ in range(3))
    total_loss(logits, aux2, aux3, torch.tensor([0, 6])).backward()
    assert aux3.grad is not None and not aux3.grad.any()
    assert aux2.grad is not None and aux2.grad.any()


@pytest.mark.parametrize(
    ("logits", "target"), [((2, 7), (3,)), ((2, 1), (2,)), ((7,), ()), ((2, 7), (2, 1))]
)
def test_wrong_shapes(logits: tuple[int, ...], target: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"logits \[B, C >= 2\] and targets \[B\]"):
        intensity_aware_loss(torch.zeros(logits), torch.zeros(target, dtype=torch.int64))
