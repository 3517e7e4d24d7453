"""Scores a network on labelled clips: while it trains, and as the authors report it.

The reported score averages the probabilities of several views of a clip. MAE-DFER's 2 segments x
2 crops are at most two different views, since a frame that is already square has one crop only,
and a clip no longer than the network's window has one segment. Equal views are computed once and
weigh as many times as they occur.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from resonance_zoo.card_types import ClipInput
from resonance_zoo.classes import CLASSES
from resonance_zoo.train.clips import frames as frame_files
from resonance_zoo.train.clips.annotations import AnnotatedClip
from resonance_zoo.train.clips.augment import plain
from resonance_zoo.train.clips.batches import Key, OrderedBatches, ValidationClips, loader
from resonance_zoo.train.clips.objectives import Learner
from resonance_zoo.train.clips.sampling import Sampling

Table = NDArray[np.int64]


@dataclass(frozen=True)
class Views:
    """Which views of a clip are averaged; `all_views` computes equal ones again and again."""

    segments: int = 2
    crops: int = 2
    all_views: bool = False


@dataclass(frozen=True)
class Batching:
    """How clips reach the device: processes that decode, clips at once, automatic precision."""

    device: torch.device
    dtype: torch.dtype = torch.float32
    clips: int = 8
    workers: int = 0


class TestClips(Dataset[tuple[Tensor, list[float], int]]):
    """Views float32[V, 3, T, size, size] of a clip, the weight of each, and the clip's index."""

    __test__ = False  # no test class, whatever pytest thinks of its name

    def __init__(
        self, clips: Sequence[AnnotatedClip], sampling: Sampling, look: ClipInput, views: Views
    ) -> None:
        self.clips, self.sampling, self.look, self.views = clips, sampling, look, views

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key) -> tuple[Tensor, list[float], int]:
        clip = self.clips[key[1]]
        files = frame_files.list_frames(clip.folder, clip.frames)
        chosen = [tuple(i) for i in self.sampling.test(len(files), self.views.segments)]
        # Every crop of a frame that was resized to the network's square is that square.
        chosen = [indices for indices in chosen for _ in range(self.views.crops)]
        different = chosen if self.views.all_views else list(dict.fromkeys(chosen))
        weights = [
            (1 if self.views.all_views else chosen.count(indices)) / len(chosen)
            for indices in different
        ]
        views = [plain(frame_files.load(files, indices), self.look) for indices in different]
        return torch.stack(views), weights, key[1]


def predict(
    network: nn.Module, clips: TestClips, batching: Batching
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Index and mean probabilities float64[classes] of every clip, in order, as they are ready."""
    network.eval().to(batching.device)
    batches = OrderedBatches(len(clips), batching.clips)
    for views, weights, indices in loader(clips, batches, batching.workers, _together):
        logits = _logits(network, views.to(batching.device, non_blocking=True), batching.dtype)
        probabilities = torch.softmax(logits.float(), 1).double().cpu().numpy()
        first = 0
        for own, index in zip(weights, indices, strict=True):
            mean = np.array(own) @ probabilities[first : first + len(own)]
            first += len(own)
            yield index, mean


def validator(
    clips: ValidationClips, accelerator: Accelerator, micro_batch: int, workers: int
) -> Callable[[Learner], Table]:
    """A function that counts a learner's answers over all processes: int64[classes, classes]."""
    batches = OrderedBatches(
        len(clips), micro_batch, accelerator.process_index, accelerator.num_processes
    )
    data = loader(clips, batches, workers)

    def count(learner: Learner) -> Table:
        table = torch.zeros(len(CLASSES), len(CLASSES), device=accelerator.device)
        with torch.inference_mode(), accelerator.autocast():
            for frames, labels in data:
                said = learner.network(frames.to(accelerator.device, non_blocking=True)).argmax(1)
                cells = labels.to(accelerator.device) * len(CLASSES) + said
                table += torch.bincount(cells, minlength=table.numel()).view(table.shape)
        total = accelerator.reduce(table, "sum")
        return total.cpu().numpy().astype(np.int64)  # pyright: ignore[reportAttributeAccessIssue]

    return count


def _logits(network: nn.Module, views: Tensor, dtype: torch.dtype) -> Tensor:
    lower = dtype != torch.float32
    with torch.inference_mode(), torch.autocast(views.device.type, dtype, enabled=lower):
        return network(views)


def _together(items: list[Any]) -> tuple[Tensor, list[list[float]], list[int]]:
    views, weights, indices = zip(*items, strict=True)
    return torch.cat(views), list(weights), list(indices)
