"""Which tokens a pre-training network does not see.

The mask hides the same places at all times, so that a hidden patch cannot be read off its
neighbours in time (the tube masking of VideoMAE, arXiv 2203.12602). It is drawn from the legacy
numpy generator, as in the authors' code: the same seed gives the same mask.
"""

from __future__ import annotations

import numpy as np

Grid = tuple[int, int, int]


def part_window_mask(
    rng: np.random.RandomState,
    grid: Grid = (8, 10, 10),
    window: tuple[int, int] = (5, 10),
    ratio: float = 0.9,
) -> np.ndarray:
    """bool[T * H * W] in raster order, True where hidden: `ratio` of each window's places.

    The default windows are the two halves of a face, upper and lower; 5 of the 50 patches of
    either stay visible, so that every region has equally many. Raises ValueError where windows do
    not tile the grid, and for a ratio outside 0 to below 1.
    """
    times, height, width = grid
    rows, columns = window
    if height % rows or width % columns:
        raise ValueError(f"windows of {window} do not tile a grid of {height}x{width}")
    places = np.empty((height, width), dtype=bool)
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            hidden = _shuffled(rng, rows * columns, ratio)
            places[top : top + rows, left : left + columns] = hidden.reshape(window)
    return np.tile(places.ravel(), times)


def _shuffled(rng: np.random.RandomState, places: int, ratio: float) -> np.ndarray:
    """bool[places], int(ratio * places) of them True, in random order."""
    if not 0 <= ratio < 1:
        raise ValueError(f"the masked share must be from 0 to below 1, not {ratio}")
    hidden = np.arange(places) >= places - int(ratio * places)
    rng.shuffle(hidden)
    return hidden
