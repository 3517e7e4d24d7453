"""The pictures by which designs of the still network are told apart, and the shipped network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from judged_stills import Exam, exam_of
from levelled_faces import levelled

from resonance_tui.emotions import Emotion
from resonance_zoo.files import WEIGHTS
from resonance_zoo.static_cnn import StaticCNN
from resonance_zoo.train.still import ferplus, groups, levers
from resonance_zoo.train.still.augment import Augmentation, augment
from resonance_zoo.train.still.reopen import MEASURED, reopen

SHIPPED = WEIGHTS / "static_cnn.onnx"
GROUPS = 8  # of look-alikes
_FEW = 40  # pictures of each split, to try it out


@dataclass(frozen=True)
class Stills:
    """FER+'s faces, as its files have them and as the live path frames them (levelled), and the
    shipped network."""

    train: ferplus.FaceSet  # what may be learnt from
    levelled: ferplus.FaceSet  # the same faces
    valid: ferplus.FaceSet  # with a majority among the seven classes
    valid_levelled: ferplus.FaceSet  # the same faces
    shipped: StaticCNN  # to be trained on

    @classmethod
    def load(cls, data: Path, model: Path, out: Path, *, is_quick: bool) -> Stills:
        """Where faces lie in their pictures is kept in `out`, but for a quick try."""
        few = _FEW if is_quick else None
        train = ferplus.load(data, "train", few)
        train = train.take(ferplus.trainable(train))
        valid = ferplus.load(data, "valid", few)
        valid = valid.take(ferplus.majority_labels(valid) >= 0)
        kept = [None if is_quick else out / name for name in ("frames.npy", "frames-valid.npy")]
        return cls(
            train,
            levelled(train, model, kept[0]),
            valid,
            levelled(valid, model, kept[1]),
            reopened(train, Augmentation()),
        )

    def exam(self) -> Exam:
        """Every second picture of the validation split sets an operating point, the others are
        judged; few draws where there are few pictures."""
        images, labels = ferplus.labelled(self.valid)
        alike = self.look_alikes(0).of(*levers.looks_of(self.shipped, images[1::2]))
        prior = ferplus.soft_targets(self.train).mean(0)
        first, second = ((images[half::2], labels[half::2]) for half in (0, 1))
        exam = exam_of(first, second, self.valid_levelled.images[1::2], alike, prior)
        return replace(exam, draws=20) if len(self.valid) <= _FEW else exam

    def look_alikes(self, seed: int) -> groups.LookAlikes:
        """Groups among the neutral faces of the training split."""
        neutral = self.train.images[ferplus.majority_labels(self.train) == Emotion.NEUTRAL]
        return groups.look_alikes(*levers.looks_of(self.shipped, neutral), GROUPS, seed)


def reopened(faces: ferplus.FaceSet, augmentation: Augmentation) -> StaticCNN:
    """The shipped network, to be trained on, its batch norms measured on some of these faces."""
    few = faces.images[:MEASURED]
    return reopen(SHIPPED, augment(few, few.shape[1], np.random.default_rng(0), augmentation))
