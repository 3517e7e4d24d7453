"""Runs a network from its ONNX file: uint8 pictures in, probabilities out. No torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_zoo.card_types import ClipInput
from resonance_zoo.problems import ClipError
from resonance_zoo.runtime import open_network

Floats = NDArray[np.float32]


class OnnxPredictor:
    """Answers for one clip at a time. Raises ValueError where the file is no network."""

    def __init__(self, path: Path, input: ClipInput, precision: str, threads: int = 1) -> None:
        self._network = open_network(path, threads=threads, arena=False)
        self._name: str = self._network.get_inputs()[0].name
        self._precision = precision
        self._shape = (input.frames, input.size, input.size, 3)
        self._scale = (1 / (255 * np.array(input.std))).astype(np.float32)
        self._shift = (-255 * np.array(input.mean)).astype(np.float32)

    def predict(self, clip: NDArray[np.uint8]) -> Floats:
        """RGB `uint8[T, H, W, 3]` to `float32[classes]` that sum to 1.

        Raises ClipError for another shape or type, and where the network's answer is no number.
        """
        logits = self.logits(clip)
        exp = np.exp(logits - logits.max())
        probabilities = exp / exp.sum()
        if not np.isfinite(probabilities).all():
            raise ClipError("the network's answer is not finite; its weights must be broken")
        return probabilities

    def predict_many(self, clips: NDArray[np.uint8]) -> Floats:
        """The same for `uint8[N, T, H, W, 3]`, one after the other: `float32[N, classes]`."""
        return np.stack([self.predict(clip) for clip in clips])

    def logits(self, clip: NDArray[np.uint8]) -> Floats:
        """The same before softmax. Raises ClipError for another shape or type."""
        if clip.shape != self._shape or clip.dtype != np.uint8:
            wanted = f"uint8{list(self._shape)}"
            raise ClipError(
                f"this network reads clips {wanted}, not {clip.dtype}{list(clip.shape)}"
            )
        pixels = (clip.astype(np.float32) + self._shift) * self._scale
        given = {self._name: np.ascontiguousarray(pixels.transpose(3, 0, 1, 2)[None])}
        return np.asarray(self._network.run(None, given)[0], np.float32)[0]

    def warm_up(self) -> int:
        """Run once, so that the first real clip is not the slow one: how many classes it names."""
        return len(self.predict(np.zeros(self._shape, np.uint8)))

    def describe(self) -> str:
        """Precision, device and runtime in words."""
        return f"{self._precision} on cpu, ONNX Runtime"
