"""Trains the masked autoencoder of MAE-DFER on folders of frames without labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from numpy.random import RandomState
from torch import Tensor
from torch.utils.data import Dataset

from resonance_zoo.card_types import ClipInput
from resonance_zoo.mae_dfer_pretrain import MaeDferPretrain, joint_loss, reconstruction_target
from resonance_zoo.masking import part_window_mask
from resonance_zoo.train.clips import frames as frame_files
from resonance_zoo.train.clips import objectives, sampling, session
from resonance_zoo.train.clips.augment import PIPELINES, Pipeline
from resonance_zoo.train.clips.batches import Key
from resonance_zoo.train.clips.evaluate import Table
from resonance_zoo.train.clips.flags import FlagError
from resonance_zoo.train.clips.randomness import seeded
from resonance_zoo.train.clips.recipes import ClipRecipe

NETWORK = "mae_dfer_pretrain"
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Hiding:
    """Which tokens are hidden: `ratio` of every window, one window a region of the encoder."""

    grid: tuple[int, int, int]
    window: tuple[int, int]
    ratio: float = 0.9

    def draw(self, rng: RandomState) -> Tensor:
        return torch.from_numpy(part_window_mask(rng, self.grid, self.window, self.ratio))


class UnlabelledClips(Dataset[tuple[Tensor, Tensor]]):
    """Clips float32[3, T, size, size] and masks bool[N]; looked up by (epoch, index)."""

    def __init__(
        self,
        folders: list[Path],
        stride: int,
        pipeline: Pipeline,
        look: ClipInput,
        hiding: Hiding,
        box: Box | None,
        seed: int,
    ) -> None:
        self.folders, self.stride, self.pipeline, self.look = folders, stride, pipeline, look
        self.hiding, self.box, self.seed = hiding, box, seed

    def __len__(self) -> int:
        return len(self.folders)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        files = frame_files.list_frames(self.folders[key[1]])
        with seeded(self.seed, *key):
            rng = RandomState(np.random.randint(2**31))
            chosen = sampling.strided_window(len(files), self.look.frames, self.stride, rng)
            frames = frame_files.load(files, chosen)
            if self.box:
                frames = [frame.crop(self.box) for frame in frames]
            return self.pipeline(frames, self.look), self.hiding.draw(rng)


class Reconstruction(objectives.Learner):
    """Guess the hidden cubes: how they look, and how they move."""

    def __init__(self, network: MaeDferPretrain, motion_weight: float) -> None:
        super().__init__()
        self.network, self.motion_weight = network, motion_weight

    def forward(self, clips: Tensor, masks: Tensor) -> Tensor:
        patch_size = cast(MaeDferPretrain, self.network).config.patch_size
        target = reconstruction_target(clips, masks, patch_size=patch_size)
        return joint_loss(self.network(clips, masks), target, self.motion_weight)


class Pretraining:
    """`box` (left, top, right, bottom) is cut out of every frame first; `motion_weight` from 0
    (appearance alone) to 1."""

    network = NETWORK

    def __init__(
        self,
        recipe: ClipRecipe,
        overrides: dict[str, Any],
        folders: list[Path],
        box: Box | None = None,
        mask_ratio: float = 0.9,
        motion_weight: float = 0.5,
    ) -> None:
        if not 0 <= motion_weight <= 1:
            raise FlagError(f"--motion-weight is from 0 to 1, not {motion_weight}")
        if box and not (0 <= box[0] < box[2] and 0 <= box[1] < box[3]):
            raise FlagError("--crop takes LEFT TOP RIGHT BOTTOM, right of left and below top")
        self.recipe, self.overrides, self.folders = recipe, overrides, folders
        self.box, self.motion_weight = box, motion_weight
        self.look = session.look_of(NETWORK, overrides)
        self.hiding = self._hiding(mask_ratio)

    @property
    def clips(self) -> int:
        return len(self.folders)

    def learner(self, micro_batch: int) -> tuple[objectives.Learner, str]:
        network = cast(MaeDferPretrain, session.create(NETWORK, self.overrides))
        return Reconstruction(network, self.motion_weight), "from random weights"

    def dataset(self, seed: int) -> UnlabelledClips:
        pipeline = PIPELINES[self.recipe.augmentation]
        return UnlabelledClips(
            self.folders, self.recipe.stride, pipeline, self.look, self.hiding, self.box, seed
        )

    def validator(
        self, accelerator: Accelerator, pieces: session.Pieces
    ) -> Callable[[objectives.Learner], Table] | None:
        """The loss is all there is to watch."""
        return None

    def _hiding(self, ratio: float) -> Hiding:
        with torch.device("meta"):
            config = cast(MaeDferPretrain, session.create(NETWORK, self.overrides)).config
        _, rows, columns = config.region_size
        hiding = Hiding(config.grid, (rows, columns), ratio)
        if hiding.draw(RandomState(0)).all():
            raise FlagError(f"--mask-ratio {ratio} hides all {rows * columns} patches of a window")
        return hiding


def find_folders(root: Path) -> list[Path]:
    """Every folder below `root` (or `root` itself) that holds images, sorted.

    Raises FrameError where there is none.
    """
    found = [
        Path(folder)
        for folder, _, names in os.walk(root)
        if any(frame_files.is_frame(name) for name in names)
    ]
    if not found:
        raise frame_files.FrameError(f"no folder of frames below {root}")
    return sorted(found)
