"""From a checkpoint to what is shipped: calibrated ONNX file, its int8 twin, and their card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonance_zoo.classes import CLASSES
from resonance_zoo.files import sha256
from resonance_zoo.runtime import open_network
from resonance_zoo.train.still import (
    budget,
    card_writer,
    evaluate,
    ferplus,
    metrics,
    near_duplicates,
)
from resonance_zoo.train.still.calibrate import (
    ACCURACY_GIVEN_UP,
    WANTED_WHEN_SURE,
    Calibration,
    calibrate,
)
from resonance_zoo.train.still.checkpoint import StillCheckpoint
from resonance_zoo.train.still.export import export_onnx
from resonance_zoo.train.still.int8_twin import add_int8

# Above this the mirror image changes no class of the valid split (`scripts/evaluate_static`).
MIRROR_BELOW = 0.8


def raw_predictor(checkpoint: StillCheckpoint) -> evaluate.Predict:
    """Mirror-averaged logits of the averaged weights in torch, without bias and temperature."""
    return evaluate.torch_predictor(checkpoint.averaged_model())


def ship(
    checkpoint: StillCheckpoint,
    train: ferplus.FaceSet,
    valid: ferplus.FaceSet,
    out: Path,
    name: str,
    date: str,
    say: Callable[[str], None] = lambda _line: None,
) -> Path:
    """Write `out/weights/NAME.onnx`, `NAME.int8.onnx` and `out/cards/NAME.toml`; the path of the
    card."""
    images, labels = ferplus.labelled(valid)
    kept = train.take(ferplus.trainable(train))
    prior = ferplus.soft_targets(kept).mean(0)
    say("calibrating on the valid split")
    raw = raw_predictor(checkpoint)(images)
    point = calibrate(raw, labels, prior)
    weights = out / "weights" / f"{name}.onnx"
    weights.parent.mkdir(parents=True, exist_ok=True)
    model = checkpoint.averaged_model()
    export_onnx(model, point, model.config.size, weights)
    say("measuring the ONNX file")
    figures = _metrics(weights, images, labels, raw, point, checkpoint)
    say("looking for copies that the near-copy filter missed")
    figures["without_remaining_copies"] = _without_copies(kept, images, labels, raw, point)
    shares = {str(n): float(share) for n, share in zip(CLASSES, prior, strict=True)}
    table = {
        "name": name,
        "summary": "Still-image emotion from one grey face crop; the default engine's network.",
        "weaknesses": card_writer.weaknesses(figures["shipped"], shares),
        "weights": {"file": weights.name, "sha256": sha256(weights), "licence": "MIT"},
        "input": card_writer.input_table(model.config.size),
        "output": _output_table(point),
        "metrics": figures,
        "training": _training_table(checkpoint, len(train), len(kept), date, point),
        "provenance": dict(card_writer.PROVENANCE),
    }
    card = out / "cards" / f"{name}.toml"
    card.parent.mkdir(parents=True, exist_ok=True)
    card_writer.write_card(card, table)
    say("making the int8 twin")
    add_int8(card, train, valid)
    return card


def _output_table(point: Calibration) -> dict[str, Any]:
    return {
        "name": "logits",
        "classes": list(CLASSES),
        "temperature": point.temperature,
        "logit_bias": [float(value) for value in point.bias],
        "unsure_below": point.unsure_below,
        "mirror_average": True,
        "mirror_below": MIRROR_BELOW,
    }


def _metrics(
    weights: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    raw: NDArray[np.float32],
    point: Calibration,
    checkpoint: StillCheckpoint,
) -> dict[str, Any]:
    session = open_network(weights)
    predict = evaluate.onnx_predictor(session)
    model = checkpoint.averaged_model()
    uncalibrated = metrics.score(metrics.softmax(raw), labels)
    return {
        "split": "valid, FER+ majority protocol, seven classes, near-copies left out of training",
        "parameters": budget.parameters(model),
        "multiply_accumulates": budget.multiply_accumulates(model, model.config.size),
        "file_bytes": weights.stat().st_size,
        "ms_per_face_with_mirror_one_thread": evaluate.milliseconds_per_face(session),
        "raw": {
            "accuracy": uncalibrated.accuracy,
            "uar": uncalibrated.uar,
            "ece": uncalibrated.ece,
            "recall": uncalibrated.recall,
        },
        "shipped": evaluate.report(predict(images), labels, point.unsure_below),
        "moved_crop_accuracy": evaluate.moved_crops(predict, images, labels),
    }


def _without_copies(
    train: ferplus.FaceSet,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    raw: NDArray[np.float32],
    point: Calibration,
) -> dict[str, Any]:
    """The scores on images of which no other crop was trained on: the honest lower figures."""
    fresh = near_duplicates.closest(images, train.images) <= near_duplicates.LOOK_ALIKE
    before = metrics.score(metrics.softmax(raw[fresh]), labels[fresh])
    after = metrics.score(metrics.softmax(point.apply(raw[fresh])), labels[fresh])
    return {
        "correlation_at_most": near_duplicates.LOOK_ALIKE,
        "images": before.images,
        "raw_accuracy": before.accuracy,
        "raw_uar": before.uar,
        "shipped_accuracy": after.accuracy,
        "shipped_uar": after.uar,
    }


def _training_table(
    checkpoint: StillCheckpoint, images: int, kept: int, date: str, point: Calibration
) -> dict[str, Any]:
    recipe = checkpoint.recipe
    seen = checkpoint.step * recipe.batch * recipe.workers
    return {
        "date": date,
        "complete": checkpoint.progress >= 1,
        "train_images": images,
        "train_images_kept": kept,
        "near_copy_correlation": ferplus.NEAR_COPY,
        "epochs": seen / kept,
        "wall_minutes": checkpoint.elapsed_s / 60,
        "cpu_minutes": checkpoint.cpu_s / 60,
        "tau": point.tau,
        "tau_rule": f"best valid UAR at no more than {ACCURACY_GIVEN_UP} of accuracy lost",
        "unsure_rule": f"lowest confidence above which valid accuracy is {WANTED_WHEN_SURE}",
        "recipe": asdict(recipe),
    }
