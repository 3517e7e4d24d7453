"""Trains a network to name the emotion of a clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from resonance_zoo.checkpoints.fitting import initialise_encoder
from resonance_zoo.checkpoints.official import read_official
from resonance_zoo.classes import CLASSES
from resonance_zoo.train.clips import objectives, session
from resonance_zoo.train.clips.annotations import AnnotatedClip
from resonance_zoo.train.clips.augment import PIPELINES
from resonance_zoo.train.clips.batches import TrainingClips, ValidationClips
from resonance_zoo.train.clips.evaluate import Table, validator
from resonance_zoo.train.clips.flags import FlagError
from resonance_zoo.train.clips.recipes import ClipRecipe, sampling_of


class FineTuning:
    """`clips` to learn from, `valid` to score after each epoch (may be empty), `init` to start
    from (None: random)."""

    def __init__(
        self,
        network: str,
        recipe: ClipRecipe,
        overrides: dict[str, Any],
        train: list[AnnotatedClip],
        valid: list[AnnotatedClip],
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

    def learner(self, micro_batch: int) -> tuple[objectives.Learner, str]:
        network = session.create(self.network, self.overrides)
        learner = objectives.classifier(network, self.recipe, micro_batch, len(CLASSES))
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
    ) -> Callable[[objectives.Learner], Table] | None:
        if not self.valid:
            return None
        clips = ValidationClips(self.valid, self.sampling, PIPELINES["none"], self.look, 0)
        return validator(clips, accelerator, pieces.micro_batch, pieces.workers)
