"""The default engine: the shipped still-image network on ONNX Runtime, averaged over the clip."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

import resonance_zoo
from resonance_tui.engines.base import EngineRequest, EngineSpec
from resonance_zoo.cards import still_card
from resonance_zoo.runtime import open_network

CLIP_FRAMES = 1  # each frame is judged once, and what the frames say together decides the report
FRAME_RATE = 30.0
HOP_S = 0.0


def create(request: EngineRequest) -> StillEngine:
    """The engine of the row `static`. Raises ValueError where weights and card do not match."""
    return StillEngine()


class StillEngine:
    """Uses one thread and no torch. Averages over each face and its mirror image.

    Raises ValueError where the weights do not match their card.
    """

    def __init__(self, name: str = "static_cnn") -> None:
        card = still_card(name)
        self._network = open_network(resonance_zoo.weights_path(name))
        self._input: str = self._network.get_inputs()[0].name
        self.spec = EngineSpec(
            "static", CLIP_FRAMES, FRAME_RATE, card.input.size, HOP_S, card.output.unsure_below
        )

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, S, S, 3]` to `float32[7]`: softmax of the mirror-averaged logits of each
        frame, averaged over the frames."""
        grey = np.stack([_grey(frame) for frame in clip])
        faces = grey[:, None].astype(np.float32)
        both = np.concatenate([faces, faces[..., ::-1]])
        logits = np.asarray(self._network.run(None, {self._input: both})[0], np.float32)
        logits = (logits[: len(clip)] + logits[len(clip) :]) / 2
        exp = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (exp / exp.sum(axis=1, keepdims=True)).mean(axis=0)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
