"""`augment` for whole batches on one device: the same draws, by torch, without leaving a GPU.

What is drawn over a face (`spoil`) is drawn beforehand; here faces are framed, lit, blurred, made
grainy and covered in part. A network that teaches sees a face in the same frame, but clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from resonance_zoo.train.still.augment import Augmentation

BLURS, SHRINKINGS = 12, 16  # strengths that are told apart


@dataclass(frozen=True)
class BatchAugmentation:
    """The ranges of `config`, for faces of `side` pixels, as tensors of one device."""

    config: Augmentation
    side: int
    shrinkings: Tensor  # float32[K, S, S]: what shrinking and enlarging does to a column
    blurs: Tensor  # float32[K, S, S]: likewise for blur; the first of each does nothing

    @classmethod
    def on(cls, device: torch.device, config: Augmentation, side: int) -> BatchAugmentation:
        shares = np.linspace(*config.low_resolution_scale, SHRINKINGS)
        nothing = np.eye(side, dtype=np.float32)
        shrinkings = [nothing, *(_shrinking(side, max(8, round(side * x))) for x in shares)]
        strengths = np.linspace(0.4, 1.2, BLURS) * side / 48
        blurs = [nothing, *(_blur(side, float(x)) for x in strengths)]
        return cls(
            config,
            side,
            torch.from_numpy(np.stack(shrinkings)).to(device),
            torch.from_numpy(np.stack(blurs)).to(device),
        )

    def frames(self, count: int) -> Tensor:
        """A random box around each face, float32[N, 2, 3]: from the output's places to the
        input's, both from -1 to 1 (`torch.nn.functional.affine_grid`)."""
        config, device = self.config, self.blurs.device
        low, high = np.log(config.scale).tolist()
        scale = torch.exp(low + (high - low) * torch.rand(count, device=device))
        aspect = torch.exp(config.aspect * (torch.rand(count, device=device) - 0.5))
        angle = torch.randn(count, device=device) * (config.rotation_sd_deg * pi / 180)
        mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
        width, height = mirror * scale * aspect, scale / aspect
        shift = (torch.rand(count, 2, device=device) * 2 - 1) * (2 * config.shift)
        cos, sin = torch.cos(angle), torch.sin(angle)
        across = torch.stack([cos * width, -sin * height, shift[:, 0]], 1)
        down = torch.stack([sin * width, cos * height, shift[:, 1]], 1)
        return torch.stack([across, down], 1)

    def framed(self, faces: Tensor, frames: Tensor) -> Tensor:
        """uint8[N, S, S] or float32 -> float32[N, 1, S, S], the border replicated outside."""
        size = [len(faces), 1, self.side, self.side]
        grid = functional.affine_grid(frames, size, align_corners=False)
        return functional.grid_sample(
            faces[:, None].float(), grid, padding_mode="border", align_corners=False
        )

    def weathered(self, faces: Tensor) -> Tensor:
        """Framed faces under other light, out of focus, grainy, and with something before them."""
        return self._erased(self._grainy(self._unsharp(self._lit(faces))))

    def _some(self, count: int, share: float) -> Tensor:
        """True for that share, bool[N, 1, 1, 1]."""
        return self._even(count, 0, 1) < share

    def _even(self, count: int, low: float, high: float) -> Tensor:
        """float32[N, 1, 1, 1] from low to high."""
        return low + (high - low) * torch.rand(count, 1, 1, 1, device=self.blurs.device)

    def _lit(self, faces: Tensor) -> Tensor:
        """Gamma, a lamp or window from one side, a camera that clips its highlights."""
        config, n = self.config, len(faces)
        gamma = torch.exp(self._even(n, -config.gamma, config.gamma))
        bright = (faces / 255).clamp(1e-6, 1) ** gamma
        strength = self._even(n, 0.2, 0.7) * self._some(n, config.light)
        direction = self._even(n, 0, 2 * pi)
        ramp = torch.linspace(-1, 1, self.side, device=faces.device)
        slope = torch.cos(direction) * ramp + torch.sin(direction) * ramp[:, None]
        gain = torch.where(self._some(n, config.overexposed), self._even(n, 1.2, 1.8), 1.0)
        return (bright * (1 + strength * slope) * gain).clamp(0, 1) * 255

    def _unsharp(self, faces: Tensor) -> Tensor:
        """Of fewer pixels, as far away or in a small film, and out of focus."""
        for matrices, share in (
            (self.shrinkings, self.config.low_resolution),
            (self.blurs, self.config.blur),
        ):
            strength = torch.randint(1, len(matrices), (len(faces),), device=faces.device)
            those = matrices[strength * self._some(len(faces), share).flatten()]
            faces = (those @ faces[:, 0] @ those.transpose(1, 2))[:, None]
        return faces

    def _grainy(self, faces: Tensor) -> Tensor:
        """As a sensor's noise makes them in low light."""
        n = len(faces)
        spread = self._even(n, 0, self.config.noise_sd * 255) * self._some(n, self.config.noise)
        return (faces + spread * torch.randn_like(faces)).clamp(0, 255)

    def _erased(self, faces: Tensor) -> Tensor:
        """A hand, a cup, a strand of hair: one flat or grainy rectangle."""
        n = len(faces)
        area = self._even(n, *self.config.erase_area) * self._some(n, self.config.erase)
        ratio = torch.exp(self._even(n, -0.9, 0.9))
        high, wide = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        places = (torch.arange(self.side, device=faces.device) + 0.5) / self.side
        top, left = (self._even(n, 0, 1) * (1 - each) for each in (high, wide))
        rows, columns = places[:, None], places
        inside = (rows > top) & (rows < top + high) & (columns > left) & (columns < left + wide)
        grain = torch.rand_like(faces) * 255
        fill = torch.where(self._some(n, 0.5), self._even(n, 0, 255), grain)
        return torch.where(inside, fill, faces)


def _shrinking(side: int, small: int) -> np.ndarray:
    """What shrinking a column of `side` to `small` and enlarging it again does, as a matrix."""
    down = cv2.resize(np.eye(side, dtype=np.float32), (side, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(down, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _blur(side: int, sd: float) -> np.ndarray:
    """What a Gaussian blur does to a column, as a matrix."""
    reach = 2 * int(np.ceil(3 * sd)) + 1
    kernel = cv2.getGaussianKernel(reach, sd)
    eye = np.eye(side, dtype=np.float32)
    return np.asarray(cv2.sepFilter2D(eye, -1, np.ones(1), kernel), np.float32)
