"""A place in a training run: saved, loaded, and turned into the network that it stands for."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from resonance_zoo.static_cnn import StaticCNN, static_cnn
from resonance_zoo.train.still.augment import Augmentation
from resonance_zoo.train.still.recipe import Recipe


class CheckpointError(ValueError):
    """The file is no checkpoint that training could go on from."""


@dataclass
class Checkpoint:
    """Where a run stands. `average` is the moving average of the weights, the one to ship."""

    recipe: Recipe
    weights: Tensor
    momentum: Tensor
    average: Tensor
    step: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    progress: float = 0.0

    def save(self, path: Path) -> None:
        """Write beside the old file, then replace it: a kill never leaves half a checkpoint."""
        partial = path.with_suffix(".partial")
        torch.save({**self.__dict__, "recipe": asdict(self.recipe)}, partial)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read a file written by `save`."""
        if not path.is_file():
            raise CheckpointError(f"{path} does not exist")
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            recipe = state.pop("recipe")
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError) as error:
            raise CheckpointError(f"{path} is damaged or no checkpoint of a training") from error
        recipe["augmentation"] = Augmentation(**recipe["augmentation"])
        recipe["sizes"] = tuple(tuple(pair) for pair in recipe["sizes"])
        return cls(recipe=Recipe(**recipe), **state)

    @classmethod
    def start(cls, recipe: Recipe) -> Checkpoint:
        """A seeded random network that has not learned anything."""
        torch.manual_seed(recipe.seed)
        weights = flatten(static_cnn(recipe.design))
        return cls(recipe, weights, torch.zeros_like(weights), weights.clone())

    def averaged_model(self) -> StaticCNN:
        """The network with the averaged weights, in evaluation mode."""
        model = static_cnn(self.recipe.design)
        unflatten(self.average, model)
        return model.eval()


def floating_state(model: nn.Module) -> list[Tensor]:
    """Parameters first, then float buffers (the statistics of the batch norms)."""
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    return [*(parameter.data for parameter in model.parameters()), *buffers]


def flatten(model: nn.Module) -> Tensor:
    """Copy of the whole state as one vector float32[P]."""
    return torch.cat([tensor.reshape(-1).cpu() for tensor in floating_state(model)])


def unflatten(vector: Tensor, model: nn.Module) -> None:
    """Write a vector made by `flatten` back into the model."""
    scatter(vector, floating_state(model))


def scatter(vector: Tensor, tensors: list[Tensor]) -> None:
    """Write consecutive parts of a vector into tensors; what is left of it is not looked at."""
    offset = 0
    for tensor in tensors:
        tensor.copy_(vector[offset : offset + tensor.numel()].view(tensor.shape))
        offset += tensor.numel()
