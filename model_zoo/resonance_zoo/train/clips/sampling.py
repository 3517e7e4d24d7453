"""Chooses which frames of a clip a network sees, to the integer as the authors' code does.

Pure: every draw comes from the generator handed in (numpy's legacy one, which the authors used, so
that their seeded choices can be repeated). A clip of n frames has the indices 0..n-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Name = Literal["dense", "former_dfer", "ial", "spread"]


class SamplingError(ValueError):
    """A way of picking frames cannot be used as asked for."""


class Sampling(Protocol):
    """How one network's authors pick frames; every method gives indices int64[frames]."""

    @property
    def frames(self) -> int: ...

    def train(self, n: int, rng: RandomState) -> Indices: ...

    def valid(self, n: int, rng: RandomState) -> Indices:
        """For the score after each epoch: one choice a clip."""
        ...

    def test(self, n: int, segments: int) -> list[Indices]:
        """For the reported score: no draws, one entry a temporal view."""
        ...


@dataclass(frozen=True)
class Dense:
    """MAE-DFER and VideoMAE: neighbouring frames, `stride` apart (FERV39K 1, DFEW 4)."""

    frames: int = 16
    stride: int = 1

    def train(self, n: int, rng: RandomState) -> Indices:
        """A random window of frames * stride; a shorter clip whole, its last frame repeated.

        The window's `frames` points include both of its ends, so that the real step is
        stride * frames / (frames - 1).
        """
        span = self.frames * self.stride
        if n <= span:
            found = n // self.stride
            indices = np.append(np.linspace(0, n, num=found), np.full(self.frames - found, n))
            return np.clip(indices, 0, n - 1).astype(np.int64)
        end = rng.randint(span, n)
        indices = np.linspace(end - span, end, num=self.frames)
        return np.clip(indices, end - span, end - 1).astype(np.int64)

    def valid(self, n: int, rng: RandomState) -> Indices:
        """Random too: the authors validate as they train."""
        return self.train(n, rng)

    def test(self, n: int, segments: int) -> list[Indices]:
        """Every stride-th frame, the last repeated up to `frames`; windows spread evenly over."""
        every = np.arange(0, n, self.stride, dtype=np.int64)
        every = np.pad(every, (0, max(0, self.frames - len(every))), mode="edge")
        step = (len(every) - self.frames) / max(1, segments - 1)
        starts = [int(step * segment) for segment in range(segments)]
        return [every[start : start + self.frames] for start in starts]


@dataclass(frozen=True)
class Segments:
    """Former-DFER (8 segments x 2 neighbours) and IAL (16 x 1): equal parts, one place in each.

    The authors' trap, kept: a clip that is too short for the parts gives its first frames over and
    over (IAL: sixteen copies of frame 0 for 16 frames or fewer, so its lists leave those out).
    """

    segments: int = 8
    neighbours: int = 2

    @property
    def frames(self) -> int:
        return self.segments * self.neighbours

    def train(self, n: int, rng: RandomState) -> Indices:
        part = (n - self.neighbours + 1) // self.segments
        if part < 1:
            return self._expand(np.zeros(self.segments, np.int64), n)
        starts = np.arange(self.segments) * part + rng.randint(part, size=self.segments)
        return self._expand(starts, n)

    def valid(self, n: int, rng: RandomState) -> Indices:
        return self.test(n, 1)[0]

    def test(self, n: int, segments: int) -> list[Indices]:
        """The middle of each part; there is one view only, whatever `segments` asks for."""
        if n <= self.segments + self.neighbours - 1:
            return [self._expand(np.zeros(self.segments, np.int64), n)]
        tick = (n - self.neighbours + 1) / self.segments
        starts = [int(tick / 2 + tick * part) for part in range(self.segments)]
        return [self._expand(np.array(starts), n)]

    def _expand(self, starts: NDArray[np.integer], n: int) -> Indices:
        indices = starts[:, None] + np.arange(self.neighbours)
        return np.minimum(indices, n - 1).reshape(-1).astype(np.int64)


@dataclass(frozen=True)
class Spread:
    """C3D on DFEW: evenly from the first to the last frame; random sorted ones in training."""

    frames: int = 16

    def train(self, n: int, rng: RandomState) -> Indices:
        drawn = rng.choice(n, self.frames, replace=n < self.frames)
        return np.sort(drawn).astype(np.int64)

    def valid(self, n: int, rng: RandomState) -> Indices:
        return self.test(n, 1)[0]

    def test(self, n: int, segments: int) -> list[Indices]:
        """One view only, whatever `segments` asks for."""
        return [np.linspace(0, n - 1, self.frames).astype(np.int64)]


def strided_window(n: int, frames: int, stride: int, rng: RandomState) -> Indices:
    """Pre-training: `frames` indices `stride` apart from a random start, held at the last frame."""
    start = rng.randint(0, max(1, n - frames * stride + 1))
    return np.minimum(start + np.arange(frames) * stride, n - 1).astype(np.int64)


def named(name: Name, frames: int, stride: int = 1) -> Sampling:
    """The way called `name` to pick `frames` frames; only dense knows strides.

    Raises SamplingError where it cannot.
    """
    if not isinstance(stride, int) or stride < 1:
        raise SamplingError(f"the stride is at least 1, not {stride}")
    if name == "former_dfer" and frames % 2:
        raise SamplingError(f"sampling former_dfer takes pairs; {frames} frames are odd")
    ways: dict[str, Sampling] = {
        "dense": Dense(frames, stride),
        "former_dfer": Segments(frames // 2, 2),
        "ial": Segments(frames, 1),
        "spread": Spread(frames),
    }
    if name not in ways:
        raise SamplingError(f"there is no sampling {name!r}; there are: {', '.join(ways)}")
    return ways[name]
