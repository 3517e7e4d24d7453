"""The authors' augmentations: sizes and ranges, one draw a clip, nothing random outside a key."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")

import torch
from PIL import Image
from resonance_zoo.card_types import ClipInput
from resonance_zoo.train.clips import augment
from resonance_zoo.train.clips.randomness import seed_all, seeded

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOOK = ClipInput(4, 15.0, 32, "rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
NORMALISED = ClipInput(4, 15.0, 32, "rgb", MEAN, STD)


def still(frames: int = 4, size: tuple[int, int] = (48, 40)) -> list[Image.Image]:
    """One noisy picture, `frames` times."""
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return [Image.fromarray(pixels)] * frames


@pytest.mark.parametrize("name", augment.PIPELINES)
def test_pipelines_follow_from_their_key(name: str) -> None:
    clips = []
    for key in (1, 2, 1):
        with seeded(0, key):
            clips.append(augment.PIPELINES[name](still(), LOOK))
    assert clips[0].shape == (3, 4, 32, 32) and clips[0].dtype == torch.float32
    assert torch.equal(clips[0], clips[2])
    assert torch.equal(clips[0], clips[1]) == (name == "none")


@pytest.mark.parametrize("name", ["none", "former_dfer", "ial", "multi_scale_crop"])
def test_a_still_clip_stays_still(name: str) -> None:
    for key in range(6):
        with seeded(key):
            clip = augment.PIPELINES[name](still(), LOOK)
        assert torch.equal(clip, clip[:, :1].expand_as(clip))
        assert clip.min() >= 0 and clip.max() <= 1


def test_rand_augment_treats_all_frames_alike_and_erasing_makes_fresh_noise() -> None:
    erased = 0
    for key in range(60):
        with seeded(key):
            clip = augment.videomae(still(), LOOK)
        moved = (clip != clip[:, :1]).any(1).any(0)  # where any frame differs from the first
        rows, columns = moved.any(1).nonzero(), moved.any(0).nonzero()
        if len(rows):
            erased += 1
            box = moved[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert box.all()  # the same box in all frames
    assert 5 <= erased <= 27  # probability 0.25; beyond four standard deviations otherwise


def test_half_of_all_clips_are_mirrored() -> None:
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8)[None, :, None], (40, 1, 3))
    falls = 0
    for key in range(100):
        with seeded(key):
            clip = augment.former_dfer([Image.fromarray(ramp)] * 2, LOOK)
        falls += bool(clip[0, 0, 0, 0] > clip[0, 0, 0, -1])
    assert 30 <= falls <= 70


def test_plain_resizes_without_keeping_the_aspect_and_normalises() -> None:
    grey = Image.new("RGB", (64, 20), (128, 0, 255))
    clip = augment.plain([grey] * 3, NORMALISED)
    assert clip.shape == (3, 3, 32, 32)
    expected = [(value / 255 - m) / s for value, m, s in zip((128, 0, 255), MEAN, STD, strict=True)]
    torch.testing.assert_close(clip[:, 1, 5, 5], torch.tensor(expected))


def test_thirteen_fixed_places() -> None:
    places = augment._fixed_places()
    assert len(places) == len(set(places)) == 13
    assert {max(place) for place in places} <= {0, 1, 2, 3, 4}


def test_seeded_leaves_no_trace() -> None:
    seed_all(5)
    expected = random.random(), np.random.rand(), torch.rand(1)
    seed_all(5)
    with seeded(1, 2):
        random.random(), np.random.rand(), torch.rand(3)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
