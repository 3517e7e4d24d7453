"""What linear layers read while a network looks at clips: the mean, and how inputs go together."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WIDEST = 4096  # inputs of a layer beyond which their covariance would take too much memory
ROWS = 404  # of one clip that enter a covariance


class Moments:
    """Of all rows that one layer read."""

    def __init__(self, inputs: int) -> None:
        self._calls = self._rows = self._sampled = 0
        self._sum, self._sampled_sum = torch.zeros(inputs), torch.zeros(inputs)
        self._products = torch.zeros(inputs, inputs) if inputs <= WIDEST else None
        self._shift, self._factor = torch.zeros(inputs), torch.ones(inputs)

    def add(self, x: Tensor) -> None:
        """Take in what was read in one call, [..., K]."""
        x = x.detach().reshape(-1, x.shape[-1])
        self._calls += 1
        self._rows += len(x)
        self._sum += x.sum(0)
        if self._products is not None:
            some = x[:: -(-len(x) // ROWS)]
            self._sampled += len(some)
            self._sampled_sum += some.sum(0)
            self._products.addmm_(some.t(), some)

    def change(self, shift: Tensor, factor: Tensor) -> None:
        """From now on the layer reads (x - shift) * factor. Called once at most."""
        self._shift, self._factor = shift, factor

    @property
    def mean(self) -> Tensor:
        return (self._sum / self._rows - self._shift) * self._factor

    @property
    def rows_a_call(self) -> int:
        return self._rows // self._calls

    @property
    def covariance(self) -> Tensor | None:
        """[K, K]; None for a layer too wide for it."""
        if self._products is None:
            return None
        mean = self._sampled_sum / self._sampled
        covariance = self._products / self._sampled - torch.outer(mean, mean)
        return covariance * torch.outer(self._factor, self._factor)

    def evening(self) -> Tensor:
        """Factors, one a channel, that bring the deviations half way to one another: [K]."""
        if self._products is None:
            return torch.ones_like(self._sum)
        mean = self._sampled_sum / self._sampled
        variance = (self._products.diagonal() / self._sampled - mean**2).clamp_min(0)
        deviation = variance.sqrt()
        deviation = deviation.clamp_min(0.1 * deviation.mean().clamp_min(1e-6))
        return (deviation.mean() / deviation).sqrt()


@torch.no_grad()
def observe(
    network: nn.Module, layers: Iterable[nn.Linear], clips: Iterable[Tensor]
) -> dict[nn.Linear, Moments]:
    """The moments of each of `layers` that `network` runs."""
    found: dict[nn.Linear, Moments] = {}
    with _watching(layers, found):
        for clip in clips:
            network(clip)
    return found


@contextmanager
def _watching(layers: Iterable[nn.Linear], found: dict[nn.Linear, Moments]) -> Generator[None]:
    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Linear)
        found.setdefault(layer, Moments(layer.in_features)).add(inputs[0])

    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
