"""A place in a training run: saved, loaded, and turned into the network that it stands for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from resonance_zoo.static_cnn import StaticCNN, static_cnn
from resonance_zoo.train import checkpoint_file
from resonance_zoo.train.still.recipe import StillRecipe


@dataclass
class StillCheckpoint:
    """Where a run stands. `average` is the moving average of the weights, the one to ship."""

    recipe: StillRecipe
    weights: Tensor
    momentum: Tensor
    average: Tensor
    step: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    progress: float = 0.0

    def save(self, path: Path) -> None:
        """Replace the file at `path`, whole or not at all."""
        checkpoint_file.save(self.__dict__ | {"recipe": asdict(self.recipe)}, path)

    @classmethod
    def load(cls, path: Path) -> StillCheckpoint:
        """Read a file written by `save`. Raises CheckpointError for anything else."""
        state = checkpoint_file.load(path)
        try:
            return cls(recipe=StillRecipe.from_plain(state.pop("recipe")), **state)
        except checkpoint_file.UNREADABLE as error:
            raise checkpoint_file.damaged(path) from error

    @classmethod
    def start(cls, recipe: StillRecipe, network: StaticCNN | None = None) -> StillCheckpoint:
        """The beginning of a run: `network`, or a seeded random one that has learned nothing."""
        torch.manual_seed(recipe.seed)
        weights = flatten(network or static_cnn(recipe.design))
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
