"""Feeds clips to the loop: in an order and with draws that follow from seed and epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import RandomState
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from resonance_zoo.card_types import ClipInput
from resonance_zoo.train.clips import frames as frame_files
from resonance_zoo.train.clips.annotations import AnnotatedClip
from resonance_zoo.train.clips.augment import Pipeline, plain
from resonance_zoo.train.clips.randomness import seeded
from resonance_zoo.train.clips.sampling import Sampling

Key = tuple[int, int]  # epoch, index of the clip


class TrainingClips(Dataset[tuple[Tensor, int]]):
    """Augmented clips float32[3, T, size, size] with their labels; looked up by (epoch, index)."""

    def __init__(
        self,
        clips: list[AnnotatedClip],
        sampling: Sampling,
        pipeline: Pipeline,
        look: ClipInput,
        seed: int,
    ) -> None:
        self.clips, self.sampling, self.pipeline = clips, sampling, pipeline
        self.look, self.seed = look, seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        clip = self.clips[key[1]]
        files = frame_files.list_frames(clip.folder, clip.frames)
        with seeded(self.seed, *key):
            rng = RandomState(np.random.randint(2**31))
            frames = frame_files.load(files, self.sampling.train(len(files), rng))
            return self.pipeline(frames, self.look), clip.label


class ValidationClips(TrainingClips):
    """One unaugmented choice of frames a clip, the same after every epoch."""

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        clip = self.clips[key[1]]
        files = frame_files.list_frames(clip.folder, clip.frames)
        indices = self.sampling.valid(len(files), RandomState(key[1]))
        return plain(frame_files.load(files, indices), self.look), clip.label


@dataclass
class ShuffledBatches(Sampler[list[Key]]):
    """One epoch of micro-batches for one process; the incomplete last step is dropped.

    Step s uses the clips [s * batch, (s + 1) * batch) of the epoch's order; process `rank` of
    `world` gets its share in `accumulation` micro-batches. Set `epoch` and `first_step` before
    iterating.
    """

    clips: int
    batch: int
    micro_batch: int
    rank: int
    world: int
    seed: int
    epoch: int = 0
    first_step: int = 0

    @property
    def steps(self) -> int:
        return self.clips // self.batch

    @property
    def accumulation(self) -> int:
        return self.batch // (self.micro_batch * self.world)

    def __len__(self) -> int:
        return (self.steps - self.first_step) * self.accumulation

    def __iter__(self) -> Iterator[list[Key]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.clips).tolist()
        for step in range(self.first_step, self.steps):
            share = self.batch // self.world
            start = step * self.batch + self.rank * share
            for first in range(start, start + share, self.micro_batch):
                yield [(self.epoch, index) for index in order[first : first + self.micro_batch]]


@dataclass
class OrderedBatches(Sampler[list[Key]]):
    """Every `world`-th clip from `rank` on, once, in order."""

    clips: int
    micro_batch: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        mine = len(range(self.rank, self.clips, self.world))
        return -(-mine // self.micro_batch)

    def __iter__(self) -> Iterator[list[Key]]:
        mine = range(self.rank, self.clips, self.world)
        for first in range(0, len(mine), self.micro_batch):
            yield [(0, index) for index in mine[first : first + self.micro_batch]]


def loader(
    dataset: Dataset[Any],
    batches: Sampler[list[Key]],
    workers: int,
    collate: Callable[[list[Any]], Any] | None = None,
) -> DataLoader[Any]:
    """Batches decoded by `workers` processes, in pinned memory where a GPU will fetch them."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_one_thread,
    )


def _one_thread(_worker: int) -> None:
    torch.set_num_threads(1)
