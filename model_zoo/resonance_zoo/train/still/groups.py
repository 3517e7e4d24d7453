"""Who looks alike, without a name for any group: clusters of what a network sees beside emotions.

Nobody's origin, age or sex is known here or asked for. A group is whoever looks alike to an early
layer of the network, once all is taken out that follows from the emotions it reads. (Clusters of
its last layer will not do: all but emotion has gone from there, and they are faces that are nearly
read as something else.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
PARTS = 24  # principal parts of the look that are kept
ROUNDS = 40  # of k-means, at most
STARTS = 8


@dataclass(frozen=True)
class LookAlikes:
    """Groups found on some faces, to which others can be counted."""

    follows: Floats  # [T, F]: what of a look follows from the emotions that are read
    parts: Floats  # [F, PARTS]
    centres: Floats  # [K, PARTS]

    def of(self, looks: Floats, logits: Floats) -> Labels:
        """The group of each face, from its look float32[N, F] and logits float32[N, 7]."""
        return _nearest(_apart(looks, logits, self.follows) @ self.parts, self.centres)[0]


def look_alikes(looks: Floats, logits: Floats, count: int, seed: int) -> LookAlikes:
    """`count` groups among faces of looks float32[N, F] (N at least `count`) that the network
    reads as logits float32[N, 7]."""
    rng = np.random.default_rng(seed)
    follows = np.asarray(np.linalg.lstsq(_terms(logits), looks, rcond=None)[0], np.float32)
    rest = _apart(looks, logits, follows)
    vectors = np.linalg.eigh(np.cov(rest, rowvar=False))[1]
    parts = np.asarray(vectors[:, ::-1][:, :PARTS], np.float32)
    tried = [_k_means(rest @ parts, count, rng) for _ in range(STARTS)]
    best = min(tried, key=lambda each: _nearest(rest @ parts, each)[1].sum())
    return LookAlikes(follows, parts, best)


def harder(losses: NDArray[np.floating], groups: Labels, step: float) -> NDArray[np.float64]:
    """Weights of mean 1, one a face: exp(`step` * mean loss of its group), as one step of group
    DRO takes it (Sagawa et al. 2020, "Distributionally Robust Neural Networks")."""
    count = int(groups.max()) + 1
    faces = np.maximum(np.bincount(groups, minlength=count), 1)
    means = np.bincount(groups, losses, minlength=count) / faces
    weights = np.exp(step * (means - means.mean()))[groups]
    return weights / weights.mean()


def _terms(logits: Floats) -> Floats:
    """What a look may follow from: a constant, the logits and their products."""
    products = (logits[:, :, None] * logits[:, None, :]).reshape(len(logits), -1)
    return np.concatenate([np.ones_like(logits[:, :1]), logits, products], axis=1)


def _apart(looks: Floats, logits: Floats, follows: Floats) -> Floats:
    return np.asarray(looks - _terms(logits) @ follows, np.float32)


def _k_means(look: Floats, count: int, rng: np.random.Generator) -> Floats:
    centres = look[rng.choice(len(look), count, replace=False)]
    for _ in range(ROUNDS):
        nearest = _nearest(look, centres)[0]
        moved = np.stack(
            [
                look[nearest == k].mean(0) if (nearest == k).any() else centres[k]
                for k in range(count)
            ]
        )
        if np.allclose(moved, centres, atol=1e-4):
            break
        centres = moved
    return centres


def _nearest(look: Floats, centres: Floats) -> tuple[Labels, Floats]:
    """The nearest centre of each face, and its squared distance."""
    gaps = (look**2).sum(1, keepdims=True) - 2 * look @ centres.T + (centres**2).sum(1)
    nearest = gaps.argmin(1)
    return nearest, gaps[np.arange(len(look)), nearest]
