"""Reads the packed FER+ faces (lossless WebP and ten human votes each) and makes their labels.

Label rules follow Barsoum et al. 2016 ("Training Deep Networks for Facial Expression Recognition
with Crowd-Sourced Label Distribution"): a single vote is an outlier; the votes for contempt,
unknown and no-face never become one of the seven classes.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_zoo.classes import CLASSES

Arrays = dict[str, NDArray[Any]]
ARRAYS = ("webp", "offsets", "votes", "vote_columns", "split", "dup_corr")
NEAR_COPY = 0.93  # correlation above which two images are the same picture
MIN_VOTES = 3
MIN_SHARE = 0.5
RAREST = 1e-6  # stands in for the prior of a class that nobody voted for

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]


class DataFileError(ValueError):
    """The data file is missing, damaged or of another format; the message says which."""


@dataclass(frozen=True)
class FaceSet:
    """One split: images uint8[N, 48, 48], votes float32[N, 10] with outliers zeroed."""

    images: Images
    votes: Floats
    vote_columns: tuple[str, ...]
    dup_corr: Floats

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: NDArray[np.integer | np.bool_]) -> FaceSet:
        """The rows named by a mask or an index array."""
        return FaceSet(self.images[rows], self.votes[rows], self.vote_columns, self.dup_corr[rows])

    @property
    def class_votes(self) -> Floats:
        """Votes of the seven classes in the project's order: float32[N, 7]."""
        return self.votes[:, [self.vote_columns.index(name) for name in CLASSES]]


def load(path: Path, split: str, limit: int | None = None) -> FaceSet:
    """Read one split of the packed file, or the first `limit` images of it."""
    arrays = _read_arrays(path)
    rows = np.flatnonzero(arrays["split"] == split)[:limit]
    if not len(rows):
        present = ", ".join(sorted(set(arrays["split"].tolist())))
        raise DataFileError(f"{path} holds no images of the split {split!r} (it has: {present})")
    votes = arrays["votes"][rows].astype(np.float32)
    return FaceSet(
        images=_decode(path, arrays, rows),
        votes=without_outliers(votes),
        vote_columns=_column_names(path, arrays),
        dup_corr=arrays["dup_corr"][rows].astype(np.float32),
    )


def without_outliers(votes: Floats) -> Floats:
    """FER+ outlier rule: a class that a single person voted for counts as not voted for."""
    return np.where(votes <= 1, 0, votes).astype(np.float32)


def majority_labels(faces: FaceSet) -> NDArray[np.int64]:
    """Class index by the FER+ 'majority' protocol, -1 where there is none among the seven.

    The class with the most votes counts if it holds more than half of all kept votes.
    """
    winner = faces.votes.argmax(1)
    clear = faces.votes.max(1) > 0.5 * faces.votes.sum(1)
    order = [CLASSES.index(name) if name in CLASSES else -1 for name in faces.vote_columns]
    return np.where(clear, np.array(order)[winner], -1)


def labelled(faces: FaceSet) -> tuple[Images, NDArray[np.int64]]:
    """Images with a majority among the seven classes, and their labels."""
    labels = majority_labels(faces)
    return faces.images[labels >= 0], labels[labels >= 0]


def trainable(faces: FaceSet) -> NDArray[np.bool_]:
    """Images to learn from: enough agreement on the seven classes, and no copy in another split."""
    kept = faces.class_votes.sum(1)
    agreed = (kept >= MIN_VOTES) & (kept >= MIN_SHARE * faces.votes.sum(1))
    return agreed & (faces.dup_corr <= NEAR_COPY)


def soft_targets(faces: FaceSet) -> Floats:
    """Vote distribution over the seven classes: float32[N, 7], rows sum to 1."""
    votes = faces.class_votes
    return votes / np.maximum(votes.sum(1, keepdims=True), 1)


def sampling_weights(faces: FaceSet, balance: float) -> NDArray[np.float64]:
    """How often to draw each image: sum_c target_c * prior_c^-balance, times its 7-class share."""
    targets = soft_targets(faces).astype(np.float64)
    prior = np.maximum(targets.mean(0), RAREST)
    share = faces.class_votes.sum(1) / np.maximum(faces.votes.sum(1), 1)
    weights = (targets @ prior**-balance) * share
    return weights / weights.sum()


def _read_arrays(path: Path) -> Arrays:
    """The arrays of the file, checked to be there and to fit each other."""
    if not path.is_file():
        raise DataFileError(f"{path} does not exist; give the path of the packed FER+ file (.npz)")
    try:
        packed = np.load(path, allow_pickle=False)
        arrays = {name: packed[name] for name in ARRAYS if name in packed}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, IndexError) as error:
        raise DataFileError(
            f"{path} is truncated or no .npz file ({error}); fetch or pack it again"
        ) from error
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise DataFileError(f"{path} lacks {', '.join(missing)}: not a packed FER+ file")
    images = len(arrays["offsets"]) - 1
    if any(len(arrays[name]) != images for name in ("votes", "split", "dup_corr")):
        raise DataFileError(f"{path}: its arrays speak of different numbers of images")
    if arrays["offsets"][-1] != len(arrays["webp"]):
        raise DataFileError(f"{path}: the images' bytes do not fit their offsets")
    return arrays


def _column_names(path: Path, arrays: Arrays) -> tuple[str, ...]:
    """Names of the vote columns, checked to cover the seven classes and to fit the votes."""
    names = tuple(str(name).lower() for name in arrays["vote_columns"])
    missing = [name for name in CLASSES if name not in names]
    if missing or arrays["votes"].shape[1:] != (len(names),):
        raise DataFileError(f"{path}: vote columns {names} lack {missing or 'a column of votes'}")
    return names


def _decode(path: Path, arrays: Arrays, rows: NDArray[np.integer]) -> Images:
    data, offsets = arrays["webp"], arrays["offsets"]
    images = np.empty((len(rows), 48, 48), np.uint8)
    for position, row in enumerate(rows):
        image = cv2.imdecode(data[offsets[row] : offsets[row + 1]], cv2.IMREAD_GRAYSCALE)
        if image is None or image.shape != (48, 48):
            raise DataFileError(f"{path}: image {row} is damaged or not 48x48")
        images[position] = image
    return images
