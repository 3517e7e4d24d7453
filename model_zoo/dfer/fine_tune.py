"""Trains a network to name the emotion of a clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from model_zoo.classes import CLASSES
from model_zoo.dfer import learners, session
from model_zoo.dfer.annotations import Clip
from model_zoo.dfer.augment import PIPELINES
from model_zoo.dfer.batches import TrainingClips, ValidationClips
from model_zoo.dfer.evaluate import Table, validator
from model_zoo.dfer.flags import FlagError
from model_zoo.dfer.recipes import Recipe, sampling_of
from model_zoo.weights import initialise_encoder, read_official


class FineTuning:
    """`clips` to learn from, `valid` to score after each epoch (may be empty), `init` to start
    from (None: random)."""

    def __init__(
        self,
        network: str,
        recipe: Recipe,
        overrides: dict[str, Any],
        train: list[Clip],
        valid: list[Clip],
        init: Path | None,
    ) -> None:
        if overrides.get("num_classes", len(CLASSES)) != len(CLASSES):
            raise FlagError(f"the lists name {len(CLASSES)} emotions: leave num_classes out")
        self.network, self.recipe, self.overrides = network, recipe, overrides
        self.train, self.valid, self.init = train, valid, init
        self.look = session.look_of(network, overrides)
        self.sampling = sampling_of(recipe, self.look.frames)

    @property
    def clips(self) -> int:
        return len(self.train)

    def learner(self, micro_batch: int) -> tuple[learners.Learner, str]:
        network = session.create(self.network, self.overrides)
        learner = learners.classifier(network, self.recipe, micro_batch, len(CLASSES))
        if self.init is None:
            return learner, "from random weights"
        missing, unused = initialise_encoder(network, read_official(self.init).state)
        new = ", ".join(sorted({key.split(".")[0] for key in missing})) or "nothing"
        left = ", ".join(sorted({key.split(".")[0] for key in unused})) or "nothing"
        return learner, f"from {self.init} (new: {new}; left out of the file: {left})"

    def dataset(self, seed: int) -> TrainingClips:
        pipeline = PIPELINES[self.recipe.augmentation]
        return TrainingClips(self.train, self.sampling, pipeline, self.look, seed)

    def validator(
        self, accelerator: Accelerator, pieces: session.Pieces
    ) -> Callable[[learners.Learner], Table] | None:
        if not self.valid:
            return None
        clips = ValidationClips(self.valid, self.sampling, PIPELINES["none"], self.look, 0)
        return validator(clips, accelerator, pieces.micro_batch, pieces.workers)
