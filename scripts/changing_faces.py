"""Animated stills for what looks at time: a face that keeps its expression while it rests, talks or
looks down, and a neutral face that takes one on or puts it off. Pictures stay in memory.

No film shows a FER+ face changing, so the change is drawn (`posed_faces`): a face moves and shades
as its class does on average. It says nothing of how real faces get there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from acted_faces import ACTS, CAMERA_FPS, Actor, Film
from numpy.typing import NDArray
from posed_faces import Expressions, Neutral, stills

from resonance_tui.emotions import Emotion
from resonance_zoo.train.still import ferplus

Picture = NDArray[np.uint8]
ALL = tuple(code for code in Emotion if code.is_emotion)
ACTED = ("resting", "talking", "looking down")
EVERY = 3  # frames of the camera: ten a second are looked at
FPS = CAMERA_FPS // EVERY
SECONDS = 4.0
LEVELS = 6  # of an expression that is drawn
STRENGTHS = (0.8, 1.2)
CLEAR = 0.9  # share of the votes for one class in faces from which expressions are made


@dataclass(frozen=True, slots=True)
class Sequence:
    """A short film of one face: crops of 48 pixels, grey, FPS a second."""

    person: int  # row of the still
    what: str  # an act, "onset" or "offset"
    shown: Emotion
    frames: NDArray[np.uint8]  # [T, 48, 48]
    labels: NDArray[np.int64]  # [T]; neutral where less than half of an expression is there


class Cast:
    """Stills of one half of FER+'s validation split, and expressions from its training split."""

    def __init__(
        self, data: Path, model: Path, examples: int, codes: tuple[Emotion, ...] = ALL
    ) -> None:
        """`codes`: what is shown, neutral among it; `examples`: faces of each, to draw it from."""
        self._model, self._codes = model, codes
        self._images, self._labels = ferplus.labelled(ferplus.load(data, "valid"))
        self._expressions = Expressions(self._examples(data, examples))

    def _examples(self, data: Path, count: int) -> dict[Emotion, list[Neutral]]:
        faces = ferplus.load(data, "train")
        labels = ferplus.majority_labels(faces)
        agreed = faces.votes.max(1) / np.maximum(faces.votes.sum(1), 1)
        found: dict[Emotion, list[Neutral]] = {}
        for code in self._codes:
            least = 0.6 if code in (Emotion.DISGUST, Emotion.FEAR) else CLEAR
            rows = np.flatnonzero((labels == code) & (agreed >= least))
            rows = np.random.default_rng(0).permutation(rows)[: 2 * count + 2]
            found[code] = [one for _, one in self._usable(faces.images, rows)][:count]
        return found

    def _usable(
        self, images: NDArray[np.uint8], rows: NDArray[np.integer]
    ) -> list[tuple[int, Neutral]]:
        found = stills([images[row] for row in rows], self._model)
        return [(int(row), one) for row, one in zip(rows, found, strict=True) if one is not None]

    def people(self, code: Emotion, half: int, count: int) -> list[tuple[int, Neutral]]:
        """Up to `count` people of that class, of one half of the split, always the same."""
        order = np.random.default_rng(5).permutation(len(self._images))[half::2]
        rows = order[self._labels[order] == code][: 2 * count + 2]
        return self._usable(self._images, rows)[:count]

    def held(self, half: int, each: int) -> Iterator[Sequence]:
        """So many people of each class, in every act, with one expression all the time."""
        for code in self._codes:
            for row, one in self.people(code, half, each):
                for act in ACTED:
                    rng = np.random.default_rng((row, *act.encode()))
                    film = Film(
                        Actor(one.face, one.features), ACTS[act](SECONDS, rng), SECONDS, row
                    )
                    frames = np.stack([film.face(n) for n in moments(film)])
                    labels = np.full(len(frames), code, np.int64)
                    yield Sequence(row, act, code, frames, labels)

    def changing(self, half: int, each: int) -> Iterator[Sequence]:
        """So many neutral people who take on and put off each expression, blinking or talking."""
        for row, one in self.people(Emotion.NEUTRAL, half, each):
            for code in self._codes:
                if code is Emotion.NEUTRAL:
                    continue
                for is_onset in (True, False):
                    yield self._changing(row, one, code, is_onset)

    def _changing(self, row: int, one: Neutral, code: Emotion, is_onset: bool) -> Sequence:
        rng = np.random.default_rng((row, code, is_onset))
        peak, act = rng.uniform(*STRENGTHS), ACTS[str(rng.choice(ACTED[:2]))]
        pose = act(SECONDS, np.random.default_rng(row))
        films = [
            Film(Actor(face, one.features), pose, SECONDS, row)
            for face in (
                self._expressions.posed(one, code, peak * n / (LEVELS - 1)) for n in range(LEVELS)
            )
        ]
        start, rise = rng.uniform(1.0, 1.8), rng.uniform(0.2, 0.6)
        frames: list[Picture] = []
        labels: list[int] = []
        for n in moments(films[0]):
            there = float(np.clip((n / CAMERA_FPS - start) / rise, 0, 1))
            there = there if is_onset else 1 - there
            frames.append(films[round(there * (LEVELS - 1))].face(n))
            labels.append(code if there >= 0.5 else Emotion.NEUTRAL)
        what = "onset" if is_onset else "offset"
        return Sequence(row, what, code, np.stack(frames), np.array(labels, np.int64))


def moments(film: Film) -> range:
    """Numbers of the frames that are looked at."""
    return range(0, film.frames, EVERY)
