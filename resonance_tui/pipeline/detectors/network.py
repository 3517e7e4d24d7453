"""One TensorFlow Lite network, run by OpenCV on one core, loaded from memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.opencv import cv2

LARGEST_LOGIT = 100.0


class Network:
    """A network for square RGB pictures of `size` pixels, whose values become low..high.

    Raises RuntimeError where this OpenCV cannot load it. Used from one thread.
    """

    def __init__(self, model: bytes, size: int, low: float, high: float) -> None:
        self.size = size
        self._low, self._scale = low, (high - low) / 255
        try:
            self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(model, np.uint8))
            self._outputs = tuple(self._net.getUnconnectedOutLayersNames())
        except (cv2.error, AttributeError) as error:  # built without that reader, or older than it
            why = getattr(error, "err", None) or error
            raise RuntimeError(f"OpenCV {cv2.__version__} cannot load it: {why}") from None

    def run(self, picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The outputs by name, flat, for one picture (size, size, 3) BGR."""
        offset = -self._low / self._scale
        blob = cv2.dnn.blobFromImage(picture, self._scale, mean=(offset,) * 3, swapRB=True)
        self._net.setInput(blob)
        found = self._net.forward(self._outputs)
        return {
            name: np.asarray(values, np.float32).ravel()
            for name, values in zip(self._outputs, found, strict=True)
        }


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities. Logits are clipped first, as MediaPipe does."""
    clipped = np.clip(logits.astype(np.float64), -LARGEST_LOGIT, LARGEST_LOGIT)
    return np.asarray(1 / (1 + np.exp(-clipped)), np.float64)
