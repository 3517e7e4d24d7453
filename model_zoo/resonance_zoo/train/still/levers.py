"""What a training learns from, beside the votes: teachers, groups that are read badly."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonance_zoo.runtime import open_network
from resonance_zoo.static_cnn import StaticCNN, standardise
from resonance_zoo.train.still import evaluate, ferplus, groups, metrics
from resonance_zoo.train.still.local_sgd import TrainingData
from resonance_zoo.train.still.recipe import StillRecipe

Floats = NDArray[np.float32]
GROUP_STEP = 2.0  # of `groups.harder`: a group read worse by half a nat is drawn e times as often
EARLY = 8  # layers of the network that a look goes through: the stem and two stages
PLACES = 3  # rows and columns of places that a look tells apart
_FEW = 64  # faces a pass


def training_data(
    faces: ferplus.FaceSet,
    recipe: StillRecipe,
    words: Floats | None = None,
    network: StaticCNN | None = None,
) -> TrainingData:
    """Images, what is learnt of each, and how often each is drawn.

    `words`, what teachers say of each (see `taught`), counts `recipe.taught`. Of `recipe.groups`
    look-alike groups those that `network` reads badly are drawn more often.
    """
    targets = ferplus.soft_targets(faces)
    if words is not None:
        targets = recipe.taught * words + (1 - recipe.taught) * targets
    weights = ferplus.sampling_weights(faces, recipe.balance)
    if recipe.groups and network is not None:
        weights = weights * group_weights(network, faces, recipe.groups, recipe.seed)
    return TrainingData(
        torch.from_numpy(faces.images),
        torch.from_numpy(targets.astype(np.float32)),
        torch.from_numpy(weights / weights.sum()),
    )


def taught(images: NDArray[np.uint8], teachers: Sequence[Path]) -> Floats:
    """The mean of what the teachers, ONNX files, say of each face and its mirror image, as
    probabilities: float32[N, 7].

    Raises ValueError where one is no network.
    """
    words = [
        metrics.softmax(evaluate.onnx_predictor(open_network(each))(images)) for each in teachers
    ]
    return np.asarray(np.mean(words, axis=0), np.float32)


def group_weights(
    network: StaticCNN, faces: ferplus.FaceSet, count: int, seed: int
) -> NDArray[np.float64]:
    """Weights of mean 1: more for faces of look-alike groups that `network` reads badly."""
    looks, logits = looks_of(network, faces.images)
    losses = -(ferplus.soft_targets(faces) * np.log(metrics.softmax(logits))).sum(1)
    alike = groups.look_alikes(looks, logits, count, seed)
    return groups.harder(losses, alike.of(looks, logits), GROUP_STEP)


def looks_of(network: StaticCNN, images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Of each face as it is: what `groups` goes by, float32[N, F], and its logits float32[N, 7]."""
    network.eval()
    looks: list[Tensor] = []
    logits: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(images), _FEW):
            few = evaluate.as_input(images[start : start + _FEW], network.config.size)
            early = network.features[:EARLY](standardise(torch.from_numpy(few)))
            looks.append(nn.functional.adaptive_avg_pool2d(early, PLACES).flatten(1))
            late = network.features[EARLY:](early).mean((2, 3))
            logits.append(network.forward_head(late))
    return torch.cat(looks).numpy(), torch.cat(logits).numpy()
