"""The default engine: the shipped still-image network on ONNX Runtime, one frame at a time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import EngineRequest, EngineSpec
from resonance_tui.engines.precision import PATHS, open_precision, open_quickest, softmax
from resonance_zoo.cards import still_card

FRAME_RATE = 30.0  # at most; how many are read, the decision says
# Geometric mean of what it says of 900 neutral pictures of FER+'s valid split.
NEUTRAL = (0.0015, 0.0269, 0.9663, 0.0022, 0.001, 0.0015, 0.0006)
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
        self.spec = EngineSpec(
            name="static",
            clip_frames=1,
            frame_rate=FRAME_RATE,
            crop_size=card.input.size,
            hop_s=EVERY_FRAME,
            unsure_below=card.output.unsure_below,
            runs_on=runs_on,
            neutral=NEUTRAL,
        )

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, S, S, 3]` to `float32[7]`: the mean over the frames (live there is one).

        Of each the softmax of its logits; where its top probability is below the card's
        `mirror_below`, of the mean of its logits and those of its mirror image.
        """
        faces = np.stack([_grey(frame) for frame in clip])[:, None].astype(np.float32)
        logits = self._network(faces)
        unsure = softmax(logits).max(axis=1) < self._mirror_below
        if unsure.any():
            mirrored = np.ascontiguousarray(faces[unsure][..., ::-1])
            logits[unsure] = (logits[unsure] + self._network(mirrored)) / 2
        return softmax(logits).mean(axis=0)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
