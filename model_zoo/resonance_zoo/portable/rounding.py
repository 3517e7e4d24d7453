"""Rounds weights to int8 so that what a layer answers changes least, not what each weight is.

GPTQ (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", ICLR 2023): inputs are taken one after another, and what rounding the weights of one
does to the answer is made up for in those that are still to come, by how the inputs go together.
"""

from __future__ import annotations

import torch
from torch import Tensor

DAMPING = 0.01  # share of the mean variance that every input gets on top
BLOCK = 64


def int8_scale(weight: Tensor) -> Tensor:
    """What 1 in int8 stands for in each row of [N, K]: [N]."""
    return weight.abs().amax(1).clamp_min(1e-12) / 127


def nearest(weight: Tensor, scale: Tensor) -> Tensor:
    """Each number to the nearest: int8[N, K]."""
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8)


def gptq(weight: Tensor, scale: Tensor, covariance: Tensor) -> Tensor:
    """int8[N, K] of weights [N, K], whose inputs have a covariance [K, K]."""
    left = (weight / scale[:, None]).t().contiguous()  # [K, N], in steps
    upper = _inverse_root(covariance)
    whole = torch.empty_like(left)
    for start in range(0, len(left), BLOCK):
        stop = min(start + BLOCK, len(left))
        block, corner = left[start:stop], upper[start:stop, start:stop]
        errors = torch.empty_like(block)
        for row in range(stop - start):
            whole[start + row] = block[row].round().clamp(-127, 127)
            errors[row] = (block[row] - whole[start + row]) / corner[row, row]
            block[row + 1 :].addr_(corner[row, row + 1 :], errors[row], alpha=-1)
        left[stop:] -= upper[start:stop, stop:].t() @ errors
    return whole.t().to(torch.int8)


def _inverse_root(covariance: Tensor) -> Tensor:
    """The upper Cholesky factor of the inverse, of a covariance damped to be regular."""
    damped = covariance.double()
    damped.diagonal().add_(DAMPING * damped.diagonal().mean().clamp_min(1e-12))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True).float()
