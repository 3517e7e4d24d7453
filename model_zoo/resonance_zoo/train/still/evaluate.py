"""Measures a network on labelled faces: by the mean of a face and its mirror image, and by what
less of the mirror would do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_zoo.cards import still_card
from resonance_zoo.classes import CLASSES
from resonance_zoo.files import WEIGHTS, verify
from resonance_zoo.train.still import metrics
from resonance_zoo.train.still.augment import reframe

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from resonance_zoo.static_cnn import StaticCNN

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]
Predict = Callable[[Images], Floats]

SHIPPED = "static_cnn"
BATCH = 64
SHIFTS = (0.10, 0.20)
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def find_weights(path: Path | None) -> tuple[Path, float]:
    """The verified weights file and its unsure threshold; the shipped network without a path.

    A file of one's own is checked against `../cards/NAME.toml` beside it; without such a card the
    threshold of the shipped one holds.
    """
    shipped = still_card(SHIPPED)
    if path is None:
        return verify(WEIGHTS / shipped.weights_file, shipped.sha256), shipped.output.unsure_below
    cards = path.parent.parent / "cards"
    if (cards / f"{path.stem}.toml").is_file():
        card = still_card(path.stem, cards)
        return verify(path, card.sha256), card.output.unsure_below
    return path, shipped.output.unsure_below


def input_size(session: InferenceSession) -> int:
    """Side of the crops the network wants."""
    return int(session.get_inputs()[0].shape[-1])


def as_input(images: Images, size: int) -> Floats:
    """uint8[N, H, W] -> float32[N, 1, size, size], still 0..255."""
    if images.shape[1] != size:
        images = np.stack([cv2.resize(image, (size, size)) for image in images])
    return images[:, None].astype(np.float32)


def mirror_averaged(forward: Callable[[Floats], Floats], size: int) -> Predict:
    """A predictor of logits float32[N, 7], averaged over each face and its mirror image."""

    def predict(images: Images) -> Floats:
        parts = []
        for start in range(0, len(images), BATCH):
            faces = as_input(images[start : start + BATCH], size)
            both = forward(np.concatenate([faces, faces[..., ::-1]]))
            parts.append((both[: len(faces)] + both[len(faces) :]) / 2)
        return np.concatenate(parts)

    return predict


def torch_predictor(model: StaticCNN) -> Predict:
    """Mirror-averaged logits of a network in evaluation mode, on the device where it is."""
    import torch

    device = next(model.parameters()).device

    def forward(faces: Floats) -> Floats:
        with torch.inference_mode():
            return model(torch.from_numpy(np.ascontiguousarray(faces)).to(device)).cpu().numpy()

    return mirror_averaged(forward, model.config.size)


def onnx_predictor(session: InferenceSession) -> Predict:
    """Mirror-averaged logits from the shipped file."""

    def forward(faces: Floats) -> Floats:
        return np.asarray(session.run(["logits"], {"faces": faces})[0])

    return mirror_averaged(forward, input_size(session))


def mirror_policies(
    session: InferenceSession, images: Images, labels: NDArray[np.integer], below: float
) -> dict[str, dict[str, float]]:
    """Scores and passes a face with the mirror image for no face, where the top probability is
    below `below`, for all, and as the only picture of every second face (as on alternate frames).
    """
    faces = as_input(images, input_size(session))
    plain, mirrored = (_one_by_one(session, each) for each in (faces, faces[..., ::-1]))
    both = (plain + mirrored) / 2
    unsure = metrics.softmax(plain).max(1, keepdims=True) < below
    second = np.arange(len(faces))[:, None] % 2 == 1
    answers = {
        "never": (plain, 1.0),
        "alternate": (np.where(second, mirrored, plain), 1.0),
        "where_unsure": (np.where(unsure, both, plain), 1 + float(unsure.mean())),
        "always": (both, 2.0),
    }
    return {
        name: {"passes": passes, **_scores(logits, labels)}
        for name, (logits, passes) in answers.items()
    }


def _one_by_one(session: InferenceSession, faces: Floats) -> Floats:
    """Logits of one call a face, as the app makes them."""
    calls = (session.run(["logits"], {"faces": faces[i : i + 1]})[0] for i in range(len(faces)))
    return np.concatenate([np.asarray(logits, np.float32) for logits in calls])


def _scores(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> dict[str, float]:
    found = metrics.score(metrics.softmax(logits), labels)
    return {"accuracy": found.accuracy, "uar": found.uar, "ece": found.ece}


def twin_figures(
    twin: InferenceSession,
    original: InferenceSession,
    images: Images,
    labels: NDArray[np.integer],
) -> dict[str, float]:
    """What the int8 twin scores, how alike it answers, and how many times as fast it is here."""
    ours, theirs = (onnx_predictor(session)(images) for session in (twin, original))
    rounds = [milliseconds_per_face(session, 100) for _ in range(5) for session in (twin, original)]
    return {
        **_scores(ours, labels),
        "same_class": float((ours.argmax(1) == theirs.argmax(1)).mean()),
        "largest_logit_difference": float(np.abs(ours - theirs).max()),
        "ms_per_face_with_mirror_one_thread": float(np.median(rounds[::2])),
        "times_as_fast": float(np.median(np.divide(rounds[1::2], rounds[::2]))),
    }


def moved_crops(predict: Predict, images: Images, labels: NDArray[np.integer]) -> dict[str, float]:
    """Accuracy when the box is off by 10 and 20 %: moved (mean of four sides), wider, tighter."""

    def accuracy(scale: float, x: float, y: float) -> float:
        moved = np.stack([reframe(image, image.shape[0], scale, x, y) for image in images])
        return float((predict(moved).argmax(1) == labels).mean())

    found: dict[str, float] = {}
    for share in SHIFTS:
        sides = {name: accuracy(1, x * share, y * share) for name, (x, y) in DIRECTIONS.items()}
        percent = f"{share:.0%}".rstrip("%")
        found[f"shift_{percent}"] = float(np.mean(list(sides.values())))
        found[f"shift_{percent}_worst"] = min(sides.values())
        found[f"wider_{percent}"] = accuracy(1 + share, 0, 0)
        found[f"tighter_{percent}"] = accuracy(1 - share, 0, 0)
    return found


def milliseconds_per_face(session: InferenceSession, runs: int = 200) -> float:
    """Median time of one face and its mirror in one call."""
    size = input_size(session)
    pair = np.random.default_rng(0).uniform(0, 255, (2, 1, size, size)).astype(np.float32)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        session.run(["logits"], {"faces": pair})
        times.append(time.perf_counter() - began)
    return float(np.median(times) * 1e3)


def report(logits: Floats, labels: NDArray[np.integer], unsure_below: float) -> dict[str, Any]:
    """All figures of one operating point as plain values, ready for JSON and TOML."""
    probabilities = metrics.softmax(logits)
    scores = metrics.score(probabilities, labels)
    coverage, sure_accuracy = metrics.above(probabilities, labels, unsure_below)
    figures = {
        "images": scores.images,
        "accuracy": scores.accuracy,
        "uar": scores.uar,
        "ece": scores.ece,
        "unsure_below": unsure_below,
        "coverage": coverage,
        "accuracy_when_sure": sure_accuracy,
    }
    for truth, said in (("neutral", "sadness"), ("sadness", "neutral")):
        row = scores.confusion[CLASSES.index(truth)]
        count = row[CLASSES.index(said)]
        figures[f"{truth}_called_{said}"] = count
        figures[f"{truth}_called_{said}_share"] = count / max(sum(row), 1)
    return {**figures, "recall": scores.recall, "confusion": scores.confusion}
