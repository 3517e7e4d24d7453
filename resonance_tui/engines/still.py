"""The default engine: the shipped still-image network on ONNX Runtime, one frame at a time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import EngineRequest, EngineSpec, Flaw, Judgement
from resonance_tui.engines.precision import PATHS, open_precision, open_quickest, softmax
from resonance_zoo.cards import still_card
from resonance_zoo.runtime import open_network
from resonance_zoo.surety import SuretyCard, named, surety_card

FRAME_RATE = 30.0  # at most; how many are read, the decision says
# Geometric mean of what it says of 900 neutral pictures of FER+'s valid split.
NEUTRAL = (0.0017, 0.0303, 0.9612, 0.0028, 0.0012, 0.0019, 0.0008)
EVERY_FRAME = 0.0  # each is judged once, and what they say together decides the report


def create(request: EngineRequest) -> StillEngine:
    """The engine of the row `static`. Raises ValueError where weights and card do not match."""
    return StillEngine(request.folder, request.options.precision)


class StillEngine:
    """Uses one thread and no torch. Where it is not sure, a face and its mirror image count.

    `precision` is "float32" or "int8"; anything else stands for the quicker one, which is measured
    once and kept in `folder`. Raises ValueError where the weights do not match their card.
    """

    def __init__(self, folder: Path | None = None, precision: str = "auto") -> None:
        name = "static_cnn"
        card = still_card(name)
        if precision in PATHS:
            self._network, runs_on = open_precision(name, precision), precision
        else:
            self._network, runs_on = open_quickest(name, folder)
        self._mirror_below = card.output.mirror_below
        self._eye = _Eye(surety_card())
        self.spec = EngineSpec(
            name="static",
            clip_frames=1,
            frame_rate=FRAME_RATE,
            crop_size=card.input.size,
            hop_s=EVERY_FRAME,
            unsure_below=self._eye.unsure_below,
            runs_on=runs_on,
            neutral=NEUTRAL,
        )

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, S, S, 3]` to `float32[7]`: the mean over the frames (live there is one).

        Of each the softmax of its logits; where its top probability is below the card's
        `mirror_below`, of the mean of its logits and those of its mirror image. What hides or
        blurs the face makes it flatter, and no other class the likeliest.
        """
        return self.judge(clip).probabilities

    def judge(self, clip: NDArray[np.uint8]) -> Judgement:
        """The same, and how good the newest frame is."""
        faces = np.stack([_grey(frame) for frame in clip])[:, None].astype(np.float32)
        logits = self._network(faces)
        unsure = softmax(logits).max(axis=1) < self._mirror_below
        if unsure.any():
            mirrored = np.ascontiguousarray(faces[unsure][..., ::-1])
            logits[unsure] = (logits[unsure] + self._network(mirrored)) / 2
        return self._eye.judge(faces, logits)


class _Eye:
    """Sees how well each face can be seen."""

    def __init__(self, card: SuretyCard) -> None:
        """Raises ValueError where the weights do not match their card."""
        self._calibration = card.calibration
        self.unsure_below = card.calibration.unsure_below
        self._session = open_network(card.path)

    def judge(self, faces: NDArray[np.float32], logits: NDArray[np.float32]) -> Judgement:
        """The mean over faces [N, 1, S, S], and the flaw and demand of the last one."""
        seen = np.asarray(self._session.run(None, {"faces": faces})[0], np.float32)
        found = self._calibration.apply(logits, seen).astype(np.float32)
        flaw = Flaw(named(faces[-1:], seen[-1:])[0])
        demand = float(self._calibration.demand(logits[-1:], seen[-1:])[0])
        return Judgement(found.mean(axis=0), flaw, demand)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
