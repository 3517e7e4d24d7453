"""Seven kinds of tiny clips, drawn on the spot: a square of the class's colour that drifts along
the class's row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from resonance_zoo.train.clips.annotations import OFFICIAL_WORDS

PER_CLASS = 2
TINY = {
    "img_size": 32, "num_frames": 4, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2,
    "region_size": (1, 2, 4),
}  # fmt: skip
SETTINGS = [part for name, value in TINY.items() for part in ("--set", f"{name}={value}")]


def draw(folder: Path, label: int, number: int) -> None:
    shade = np.linspace(40, 200, 44).astype(np.uint8)
    folder.mkdir(parents=True)
    for t in range(9 + 5 * number + label):
        frame = np.tile(shade[None, :, None], (40, 1, 3))
        left = (2 * t + 3 * number) % 32
        frame[4 * label + 4 : 4 * label + 12, left : left + 8] = (30 * label, 255 - 30 * label, 200)
        Image.fromarray(frame).save(folder / f"{t + 1}.png")  # 9.png, 10.png: digits vary


def make(root: Path) -> Path:
    """Lay them out in `root` like FERV39K, with `list.csv` of the 14 clips; gives `root`."""
    lines = []
    for label, word in enumerate(OFFICIAL_WORDS):
        for number in range(PER_CLASS):
            name = f"Daily/{word}/{number:04d}"
            draw(root / name, label, number)
            lines.append(f"{name} {word if number else label}")
    (root / "list.csv").write_text("\n".join(lines) + "\n")
    return root
