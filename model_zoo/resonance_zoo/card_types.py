"""What a card says, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from resonance_tui.errors import Problem

Takes = Literal["clip", "image", "features", "pretrain"]
Kind = Literal["google-drive", "google-drive-folder", "http", "none"]
Scores = tuple[float | None, float]  # UAR (None where nobody gave it) and WAR, percent


class CardError(Problem, ValueError):
    """A card is missing or does not say what it must."""

    exit_code = 2
    title = "Network"


@dataclass(frozen=True)
class Card:
    """What every network's card has."""

    name: str
    summary: str
    licence: str


@dataclass(frozen=True)
class InputContract:
    """How to cut the picture that the still-image network reads.

    The crop is a square `box_scale` times the larger side of the box around the face landmarks,
    centred on that box sideways and moved up by `shift_up` of the crop's side.
    """

    name: str
    size: int
    colour: str
    value_range: tuple[float, float]
    normalisation: str
    box_scale: float
    shift_up: float
    border: str


@dataclass(frozen=True)
class OutputContract:
    """How to read the answer: softmax(logits) are probabilities in the order of `classes`.

    `temperature` and `logit_bias` are already inside the weights file; they are stated so that
    the raw network can be recovered: raw = logits * temperature - logit_bias.
    """

    name: str
    classes: tuple[str, ...]
    temperature: float
    logit_bias: tuple[float, ...]
    unsure_below: float
    mirror_average: bool
    mirror_below: float = 1.0  # top probability below which the mean with the mirror image counts


@dataclass(frozen=True)
class Int8File:
    """The int8 twin of a shipped network, beside it."""

    file: str
    sha256: str


@dataclass(frozen=True)
class StillCard(Card):
    """A shipped still-image network; `metrics`, `training` and `provenance` are kept as they
    were written."""

    weights_file: str
    sha256: str
    input: InputContract
    output: OutputContract
    metrics: dict[str, Any]
    training: dict[str, Any]
    provenance: dict[str, Any]
    comparison: dict[str, Any]  # other designs at the same budget; empty where none was made
    weaknesses: tuple[str, ...]
    int8: Int8File | None = None


@dataclass(frozen=True)
class ClipInput:
    """The clip a network reads: `frames` moments at `frame_rate` Hz, each `size` x `size` pixels.

    `mean` and `std` are of values in 0..1, one a channel; 0 and 1 where the authors do not
    normalise.
    """

    frames: int
    frame_rate: float
    size: int
    colour: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Cost:
    """What one clip costs: `gmacs` are multiply-accumulates in 1e9, fvcore's convention, batch 1.

    `reported_*` are the figures of the report's Tables 4 and 7; `note` says by how much ours
    differ and why, and is empty where they agree.
    """

    params: int
    gmacs: float
    reported_params_m: float | None = None
    reported_gmacs: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Published:
    """A file (or folder of files) of weights that its authors put on the web.

    `location` is the address; "none" stands for weights that were never published, or whose
    address names no single file, and `note` then says whom to ask. `file` names the one wanted
    in a folder. `classes` is the order the weights answer in, where it is not the card's;
    `overrides` are the settings that the network needs to hold them; `is_start` marks files to
    start training from, which cannot answer as they are.
    """

    name: str
    kind: Kind
    location: str
    terms: str
    note: str = ""
    sha256: str | None = None
    file: str = ""
    classes: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    is_start: bool = False


@dataclass(frozen=True)
class Confusion:
    """Clips per class shown (rows) and read (columns), in the order of the card's classes."""

    data: str  # what was read, with which of the published weights
    table: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class NetworkCard(Card):
    """A network of the report, or one that it compares with."""

    paper: str
    source: str  # repository @ commit whose state dict and logits ours equal
    takes: Takes
    input: ClipInput | None  # None: it reads features
    classes: tuple[str, ...]
    classifier: str  # state-dict prefix of the last linear layer; "" where there is none
    cost: Cost
    reported: Mapping[str, Mapping[str, Scores]]  # data set -> "report" or "official" -> scores
    weights: tuple[Published, ...]
    unused_tensors: tuple[str, ...]  # patterns of official entries that we keep and nobody reads
    notes: tuple[str, ...]
    confusion: Confusion | None = None  # as its authors' logs print it; None where they do not
