"""Makes training faces look like webcam crops: framing, lighting, blur, noise, things in the way.

Pure: every draw comes from the generator that is handed in. Values stay grey levels 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from resonance_zoo.train.still.spoil import anything

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """Ranges and probabilities; the defaults are what the shipped network was trained with."""

    scale: tuple[float, float] = (0.76, 1.18)
    aspect: float = 0.08
    rotation_sd_deg: float = 9.0
    shift: float = 0.10
    gamma: float = 0.4
    light: float = 0.35
    low_resolution: float = 0.25
    low_resolution_scale: tuple[float, float] = (0.35, 0.8)
    blur: float = 0.10
    noise: float = 0.25
    noise_sd: float = 0.06
    overexposed: float = 0.08
    erase: float = 0.3
    erase_area: tuple[float, float] = (0.02, 0.15)
    spoilt: float = 0.0  # share with something before the face, or one of a webcam's faults

    @classmethod
    def levelled(cls) -> Augmentation:
        """For faces that are framed and levelled as live ones are: what the detector leaves of
        tilt and of a wrong frame, and a small share of what happens before a webcam."""
        return cls(scale=(0.87, 1.15), aspect=0.05, rotation_sd_deg=3.0, shift=0.05, spoilt=0.15)


def augment(images: Images, size: int, rng: Generator, config: Augmentation) -> Floats:
    """uint8[N, H, W] -> float32[N, 1, size, size], each face drawn anew."""
    images = _spoilt(images, rng, config.spoilt) if config.spoilt else images
    faces = np.stack([_frame(image, size, rng, config) for image in images])
    faces = _lighting(faces, rng, config)
    for face in faces:
        if rng.random() < config.low_resolution:
            _low_resolution(face, rng, config)
        if rng.random() < config.blur:
            cv2.GaussianBlur(face, (0, 0), rng.uniform(0.4, 1.2) * size / 48, dst=face)
    faces = _noise(faces, rng, config)
    for face in faces:
        if rng.random() < config.erase:
            _erase(face, rng, config)
    return faces[:, None]


def reframe(image: Images, size: int, scale: float, shift_x: float, shift_y: float) -> Images:
    """Crop with a box `scale` times as wide, moved by fractions of the box; border replicated."""
    return _warp(image, size, np.eye(2) * scale, (shift_x, shift_y))


def _spoilt(images: Images, rng: Generator, share: float) -> Images:
    chosen = rng.random(len(images)) < share
    return np.stack(
        [
            anything(image, rng)[0] if is_chosen else image
            for image, is_chosen in zip(images, chosen, strict=True)
        ]
    )


def _frame(image: Images, size: int, rng: Generator, config: Augmentation) -> Floats:
    """Random box around the face: size, aspect, tilt, place, mirror."""
    low, high = np.log(config.scale)
    scale = np.exp(rng.uniform(low, high))
    aspect = np.exp(rng.uniform(-config.aspect, config.aspect) / 2)
    angle = np.deg2rad(rng.normal(0, config.rotation_sd_deg))
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale * aspect, scale / aspect])
    shift = rng.uniform(-config.shift, config.shift, 2)
    return _warp(image, size, linear, (shift[0], shift[1])).astype(np.float32)


def _warp(
    image: Images, size: int, linear: NDArray[np.float64], shift: tuple[float, float]
) -> Images:
    """Sample `image` where the output's centred unit square lands after `linear` and `shift`."""
    side = image.shape[0]
    matrix = np.empty((2, 3))
    matrix[:, :2] = linear * (side / size)
    centre_out, centre_in = (size - 1) / 2, (side - 1) / 2
    matrix[:, 2] = centre_in + side * np.array(shift) - matrix[:, :2] @ [centre_out, centre_out]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return moved.astype(np.uint8, copy=False)


def _lighting(faces: Floats, rng: Generator, config: Augmentation) -> Floats:
    """Gamma, a lamp or window from one side, a camera that clips its highlights."""
    count, size = faces.shape[:2]
    gamma = np.exp(rng.uniform(-config.gamma, config.gamma, (count, 1, 1))).astype(np.float32)
    x = np.power(faces / 255, gamma)
    lit = rng.random(count) < config.light
    direction = rng.uniform(0, 2 * np.pi, count)
    strength = np.where(lit, rng.uniform(0.2, 0.7, count), 0)[:, None, None]
    ramp = np.linspace(-1, 1, size)
    slope = (
        np.cos(direction)[:, None, None] * ramp[None, None, :]
        + np.sin(direction)[:, None, None] * ramp[None, :, None]
    )
    x = x * (1 + strength * slope)
    clipped = rng.random(count) < config.overexposed
    gain = np.where(clipped, rng.uniform(1.2, 1.8, count), 1)[:, None, None]
    return (np.clip(x * gain, 0, 1) * 255).astype(np.float32)


def _low_resolution(face: Floats, rng: Generator, config: Augmentation) -> None:
    size = face.shape[0]
    small = max(8, round(size * rng.uniform(*config.low_resolution_scale)))
    shrunk = cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA)
    face[:] = cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR)


def _noise(faces: Floats, rng: Generator, config: Augmentation) -> Floats:
    noisy = rng.random(len(faces)) < config.noise
    if noisy.any():
        spread = rng.uniform(0, config.noise_sd * 255, (noisy.sum(), 1, 1)).astype(np.float32)
        grain = rng.standard_normal(faces[noisy].shape, dtype=np.float32)
        faces[noisy] = np.clip(faces[noisy] + spread * grain, 0, 255)
    return faces


def _erase(face: Floats, rng: Generator, config: Augmentation) -> None:
    """A hand, a cup, a strand of hair: one flat or grainy rectangle."""
    size = face.shape[0]
    area = rng.uniform(*config.erase_area) * size * size
    ratio = np.exp(rng.uniform(-0.9, 0.9))
    height = min(size, max(1, round(np.sqrt(area * ratio))))
    width = min(size, max(1, round(np.sqrt(area / ratio))))
    top = rng.integers(0, size - height + 1)
    left = rng.integers(0, size - width + 1)
    fill = rng.uniform(0, 255)
    if rng.random() < 0.5:
        face[top : top + height, left : left + width] = fill
    else:
        face[top : top + height, left : left + width] = rng.uniform(0, 255, (height, width))
