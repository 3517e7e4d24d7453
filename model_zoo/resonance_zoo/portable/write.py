"""Makes the ONNX files of imported weights; under two minutes for the largest network."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from resonance_zoo import weights
from resonance_zoo.card_types import ClipInput
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.stored import StoredWeights
from resonance_zoo.files import sha256
from resonance_zoo.portable.export import (
    NotPortable,
    gains_from_int8,
    prepared,
    rounded,
    write_onnx,
)
from resonance_zoo.portable.faces import moving_faces
from resonance_zoo.portable.files import (
    FLOAT32,
    INT8,
    PortableFile,
    PortableNetwork,
    note,
    onnx_place,
    portable_record,
)
from resonance_zoo.portable.predictor import OnnxPredictor
from resonance_zoo.portable.progress import Done, Report, told

CHECK_CLIPS = 40  # of other faces than calibration saw
CHECK_SEED = 2
CALIBRATING, COMPARING = "calibrating int8", "comparing int8 with float32"


def write_portable(
    kept: StoredWeights, report: Report = lambda _doing, _share: None
) -> PortableNetwork:
    """Write the files beside the weights. Raises NotPortable, WeightsError and OSError.

    `report` hears of each of up to three steps as it begins (0), and while it goes on.
    """
    name, folder = kept.name, kept.path.parent
    reads = as_built(network_card(name).input, kept)
    portable_record(name, folder).unlink(missing_ok=True)
    for precision in (FLOAT32, INT8):
        onnx_place(name, precision, folder).unlink(missing_ok=True)
    report("writing ONNX, float32", 0)
    network = prepared(weights.load(name, folder), reads)
    exact = onnx_place(name, FLOAT32, folder)
    with _draft(exact) as draft:
        write_onnx(network, reads, draft)
    files = {FLOAT32: PortableFile(sha256(exact))}
    if gains_from_int8(network):
        report(CALIBRATING, 0)
        network = rounded(network, reads, partial(report, CALIBRATING))
        with _draft(onnx_place(name, INT8, folder)) as draft:
            write_onnx(network, reads, draft)
        del network
        report(COMPARING, 0)
        doing = partial(report, COMPARING)
        files[INT8] = compared(exact, onnx_place(name, INT8, folder), reads, done=doing)
    made = PortableNetwork(kept.sha256, files)
    note(name, folder, made)
    return made


def as_built(reads: ClipInput | None, kept: StoredWeights) -> ClipInput:
    """The clip of the card, changed by what the weights were imported with."""
    if reads is None:
        raise NotPortable("it reads features, no clips")
    frames = int(kept.overrides.get("num_frames", reads.frames))
    return replace(reads, frames=frames, size=int(kept.overrides.get("img_size", reads.size)))


def compared(
    exact: Path,
    other: Path,
    reads: ClipInput,
    clips: int = CHECK_CLIPS,
    done: Done = lambda _: None,
) -> PortableFile:
    """How the answers of `other` differ from those of `exact` on clips of moving, drawn faces."""
    networks = [
        OnnxPredictor(path, reads, "", threads=os.cpu_count() or 1) for path in (exact, other)
    ]
    faces = moving_faces(clips, reads.frames, reads.size, CHECK_SEED)
    shown = told(faces, clips, done)
    pairs = np.array([[network.logits(clip) for network in networks] for clip in shown])
    wanted, given = pairs[:, 0], pairs[:, 1]
    same = wanted.argmax(1) == given.argmax(1)
    largest = float(np.abs(wanted - given).max())
    return PortableFile(sha256(other), float(same.mean()), largest, clips)


@contextlib.contextmanager
def _draft(path: Path) -> Generator[Path]:
    """A file to write to, which takes the place of `path` when all went well."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
