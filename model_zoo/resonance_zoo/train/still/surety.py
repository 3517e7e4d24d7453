"""Trains the small network that says how well a face can be seen, and what confidence makes of it.

It learns from pictures of the training split to which `spoil.anything` was done: what of each
reason they show, and by how much what the still-image network then says is less likely than what it
said of the clean picture. Labels play no part in that. How much each counts is then fitted on one
half of the validation split, whose labels the still-image network has not seen.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonance_zoo.cards import still_card
from resonance_zoo.classes import CLASSES
from resonance_zoo.files import int8_path, sha256
from resonance_zoo.metrics import softmax
from resonance_zoo.runtime import open_network
from resonance_zoo.surety import REASONS, TERMS, Calibration, deficits
from resonance_zoo.train.still import ferplus, spoil
from resonance_zoo.train.still.card_writer import plain
from resonance_zoo.train.still.export import OPSET, halve_weights

Images = NDArray[np.uint8]
Floats = NDArray[np.floating]
Labels = NDArray[np.integer]
Forward = Callable[[Floats], Floats]  # faces [N, 1, S, S] to logits [N, 7]
Read = Callable[[Images], Floats]  # faces [N, S, S] to logits [N, 7], as the app makes them
BATCH, SIDE = 64, 48  # pictures a run, pixels


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    faces: int = 9000  # of the training split
    drawings: int = 4  # of each
    epochs: int = 6
    batch: int = 256
    learning_rate: float = 6e-3
    seed: int = 0
    # When calibrating:
    clean: float = 3.0  # times as much as each other kind a clean picture counts
    wild: int = 6  # drawings of anything, beside each kind


def reader(forward: Forward, mirror_below: float) -> Read:
    """Reads as the app does: the mirror image counts where the face alone is not clear."""

    def read(images: Images) -> Floats:
        parts: list[Floats] = []
        for start in range(0, len(images), BATCH):
            faces = images[start : start + BATCH, None].astype(np.float32)
            logits = forward(faces)
            unsure = softmax(logits).max(axis=1) < mirror_below
            if unsure.any():
                mirrored = np.ascontiguousarray(faces[unsure][..., ::-1])
                logits[unsure] = (logits[unsure] + forward(mirrored)) / 2
            parts.append(logits)
        return np.concatenate(parts)

    return read


class SeesFlaws(nn.Module):
    """Raw grey faces float[N, 1, 48, 48] in 0..255 -> log odds float[N, reasons + classes]."""

    def __init__(self, widths: tuple[int, int, int] = (12, 24, 32), hidden: int = 48) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 2
        for width, kernel in zip(widths, (5, 3, 3), strict=True):
            conv = nn.Conv2d(inputs, width, kernel, 2, kernel // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        layers += [nn.AvgPool2d(2), nn.Flatten(), nn.Linear(9 * inputs, hidden), nn.ReLU()]
        outputs = len(REASONS) + len(CLASSES)
        self.body = nn.Sequential(*layers, nn.Dropout(0.1), nn.Linear(hidden, outputs))

    def forward(self, faces: Tensor) -> Tensor:
        """How light it is counts beside what the still-image network sees of the face."""
        x = faces / 255
        light = 2 * x - 1
        x = x - x.mean((1, 2, 3), keepdim=True)
        spread = (x * x).mean((1, 2, 3), keepdim=True).sqrt()
        return self.body(torch.cat([light, x / (spread + 8 / 255)], 1))


class BothWays(nn.Module):
    """What a network says of a face and of its mirror image, in the mean."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        return (self.network(faces) + self.network(faces.flip(3))) / 2


@dataclass(frozen=True)
class Lessons:
    """Pictures uint8[N, S, S], what of each reason they show [N, 6], what is said of them [N], and
    by how much less likely than before that is [N]."""

    images: Images
    shows: Floats
    said: NDArray[np.int64]
    lost: Floats


def lessons(faces: Images, read: Read, recipe: Recipe) -> Lessons:
    """Each face drawn anew `recipe.drawings` times."""
    rng = np.random.default_rng(recipe.seed)
    before = softmax(read(faces))
    found = [_drawn(faces, before, read, rng) for _ in range(recipe.drawings)]
    columns = zip(*((x.images, x.shows, x.said, x.lost) for x in found), strict=True)
    return Lessons(*(np.concatenate(column) for column in columns))


def _drawn(faces: Images, before: Floats, read: Read, rng: np.random.Generator) -> Lessons:
    mirrored = rng.random(len(faces)) < 0.5
    turned = (face[:, ::-1] if m else face for face, m in zip(faces, mirrored, strict=True))
    pairs = [spoil.anything(np.ascontiguousarray(face), rng) for face in turned]
    images = np.stack([image for image, _ in pairs])
    said = read(images).argmax(axis=1)
    lost = before.max(axis=1) - before[np.arange(len(said)), said]
    return Lessons(images, np.stack([shows for _, shows in pairs]), said, lost)


def train(
    taught: Lessons, recipe: Recipe, say: Callable[[str], None] = lambda _: None
) -> SeesFlaws:
    """The trained network, in eval mode. `say` takes a line an epoch."""
    torch.manual_seed(recipe.seed)
    network = SeesFlaws()
    steps = recipe.epochs * (len(taught.images) // recipe.batch)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps
    )
    for epoch in range(recipe.epochs):
        losses: list[float] = []
        for batch in _batches(taught, recipe.batch):
            losses.append(_step(network, batch, optimizer))
            schedule.step()
        say(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")
    return network.eval()


Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def _batches(taught: Lessons, size: int) -> Iterator[Batch]:
    """All pictures in another order; those left over at the end wait for the next epoch."""
    order = torch.randperm(len(taught.images)).numpy()
    for start in range(0, len(order) - size + 1, size):
        rows = order[start : start + size]
        yield (
            torch.from_numpy(taught.images[rows, None].astype(np.float32)),
            torch.from_numpy(taught.shows[rows].astype(np.float32)),
            torch.from_numpy(taught.said[rows]),
            torch.from_numpy(np.clip(taught.lost[rows], 0, 1).astype(np.float32)),
        )


def _step(network: SeesFlaws, batch: Batch, optimizer: torch.optim.Optimizer) -> float:
    images, shows, said, lost = batch
    odds = network(images)
    entropy = nn.functional.binary_cross_entropy_with_logits
    changed = odds[torch.arange(len(said)), len(REASONS) + said]
    loss = entropy(odds[:, : len(REASONS)], shows) + 2 * entropy(changed, lost)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@dataclass(frozen=True)
class Seen:
    """Logits [N, 7], what the small network saw [N, 13], labels [N], and how much each counts."""

    logits: Floats
    flaws: Floats
    labels: Labels
    weights: Floats


def look(images: Images, labels: Labels, read: Read, flaws: Forward, recipe: Recipe) -> Seen:
    """Every picture in each of the table's kinds, and with anything done to it."""
    parts: list[Seen] = []
    for spoilt, weight in _spoilt(images, recipe):
        seen = flaws(spoilt[:, None].astype(np.float32))
        parts.append(Seen(read(spoilt), seen, labels, np.full(len(labels), weight)))
    columns = zip(*((x.logits, x.flaws, x.labels, x.weights) for x in parts), strict=True)
    return Seen(*(np.concatenate(column) for column in columns))


def _spoilt(images: Images, recipe: Recipe) -> Iterator[tuple[Images, float]]:
    for kind in spoil.KINDS:
        weight = recipe.clean if kind == "clean" else 1.0
        yield spoil.spoilt(images, kind, recipe.seed), weight
    rng = np.random.default_rng([recipe.seed, 1])
    for _ in range(recipe.wild):
        yield np.stack([spoil.anything(image, rng)[0] for image in images]), 1.0


def calibrate(seen: Seen) -> Calibration:
    """The weights of TERMS that make the labels likeliest."""
    terms = torch.from_numpy(deficits(seen.logits, seen.flaws)).double()
    logits, labels = torch.from_numpy(seen.logits).double(), torch.from_numpy(seen.labels)
    weights = torch.from_numpy(seen.weights / seen.weights.mean())
    heat = torch.full((len(TERMS),), -2.0, dtype=torch.float64, requires_grad=True)
    haze = torch.full((len(TERMS),), -3.0, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([heat, haze], 0.5, 200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        found = _probabilities(logits, terms, heat.exp(), haze.exp())
        of_label = found[torch.arange(len(labels)), labels]
        value = -(weights * of_label.log()).mean() + 1e-4 * (heat.exp().sum() + haze.exp().sum())
        value.backward()
        return value

    search.step(loss)
    return Calibration(_numbers(heat), _numbers(haze))


def _probabilities(logits: Tensor, terms: Tensor, heat: Tensor, haze: Tensor) -> Tensor:
    """What Calibration.apply does, with gradients."""
    clear = torch.exp(-(terms @ haze))[:, None]
    found = torch.softmax(logits / (1 + terms @ heat)[:, None], 1)
    return clear * found + (1 - clear) / len(CLASSES)


def _numbers(logs: Tensor) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in logs.detach().exp())


def halves(data: Path, half: int) -> tuple[Images, Labels]:
    """Every second labelled picture of the validation split: 0 is fitted on, 1 is judged on."""
    images, labels = ferplus.labelled(ferplus.load(data, "valid"))
    return images[half::2], labels[half::2]


def forward_of(path: Path) -> Forward:
    """A network in an ONNX file that reads `faces`."""
    session = open_network(path)
    return lambda faces: np.asarray(session.run(None, {"faces": faces})[0], np.float32)


def export(network: SeesFlaws, path: Path) -> None:
    """Write `path`, with any number of faces as input."""
    import onnx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter speaks about itself
        torch.onnx.export(
            BothWays(network).eval(),
            (torch.rand(2, 1, SIDE, SIDE) * 255,),
            str(path),
            input_names=["faces"],
            output_names=["flaws"],
            dynamic_axes={"faces": {0: "n"}, "flaws": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    onnx.save(halve_weights(onnx.load(str(path))), str(path))


def run(data: Path, card: Path, recipe: Recipe, say: Callable[[str], None]) -> None:
    """Train, calibrate, and write the weights beside `card`, and the card."""
    torch.set_num_threads(1)  # the same sums in the same order
    began, name = time.process_time(), "static_cnn"
    network = still_card(name)
    read = reader(forward_of(int8_path(name)), network.output.mirror_below)
    faces = ferplus.load(data, "train", 2 * recipe.faces)
    kept = faces.images[ferplus.trainable(faces)][: recipe.faces]
    taught = lessons(kept, read, recipe)
    say(f"{len(taught.images)} pictures")
    trained = train(taught, recipe, say)
    weights = card.with_suffix(".onnx")
    export(trained, weights)
    images, labels = halves(data, 0)
    fitted = calibrate(look(images, labels, read, forward_of(weights), recipe))
    parameters = sum(each.numel() for each in trained.parameters())
    written = {
        "summary": "How sure the default engine may be after what the crop looks like.",
        "weights": {"file": weights.name, "sha256": sha256(weights), "licence": "MIT"},
        "network": {"name": name, "sha256": network.sha256},
        "calibration": _calibration_table(fitted),
        "training": {
            "date": time.strftime("%Y-%m-%d"),
            "cpu_minutes": (time.process_time() - began) / 60,
            "parameters": parameters,
            "train_images": len(kept),
            "calibration_images": len(labels),
            "recipe": asdict(recipe),
        },
    }
    write_card(card, written)


def _calibration_table(fitted: Calibration) -> dict[str, Any]:
    return {
        "unsure_below": fitted.unsure_below,
        "demanded": fitted.demanded,
        "demanded_at": fitted.demanded_at,
        "heat": dict(zip(TERMS, fitted.heat, strict=True)),
        "haze": dict(zip(TERMS, fitted.haze, strict=True)),
    }


def write_card(path: Path, table: dict[str, Any]) -> None:
    """Write the card, with a line that says where it comes from."""
    header = "# Written by scripts/train_surety; every number comes from that run. Do not edit.\n"
    path.write_text(header + tomlkit.item(plain(table)).as_string(), encoding="utf-8")
