"""Whether some people's faces are read worse, as far as that can be seen without knowing who they
are: neutral faces called sad, by look-alike group."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from judged_stills import DRAWS, SEED, Labels, short
from numpy.typing import NDArray


def audited(sad: NDArray[np.bool_], groupings: dict[str, Labels], count: int) -> Iterator[str]:
    """Lines of Markdown. `sad`: which of the neutral faces are called sad; `groupings`: of the same
    faces, in 0..`count`-1, by name."""
    low, high = wilson(int(sad.sum()), len(sad))
    yield (
        f"Of {len(sad)} neutral faces of the validation split the shipped network calls "
        f"{int(sad.sum())} sad: {short(float(sad.mean()))} ({short(low)} to {short(high)}). By "
        f"look-alike group ({count}, found on the training split's neutral faces, largest share "
        "first; share, its 95 % interval, faces):"
    )
    yield ""
    numbers = " | ".join(str(n + 1) for n in range(count))
    yield f"| grouping | {numbers} | as far apart by chance |"
    yield "|---|" + "---|" * count + "--:|"
    for name, groups in groupings.items():
        cells = " | ".join(shares(sad, groups, count))
        yield f"| {name} | {cells} | {short(by_chance(sad, groups))} |"


def shares(sad: NDArray[np.bool_], groups: Labels, count: int) -> list[str]:
    """Of each group, the largest first."""
    cells: list[tuple[float, str]] = []
    for group in range(count):
        those = sad[groups == group]
        if not len(those):
            cells.append((-1.0, "none"))
            continue
        share, (low, high) = float(those.mean()), wilson(int(those.sum()), len(those))
        cells.append((share, f"{short(share)} ({short(low)} to {short(high)}), {len(those)}"))
    return [cell for _, cell in sorted(cells, reverse=True)]


def wilson(found: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z = 1.96
    share, middle = found / of, (found / of + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z * sqrt(share * (1 - share) / of + z**2 / (4 * of**2)) / (1 + z**2 / of)
    return middle - half, middle + half


def by_chance(sad: NDArray[np.bool_], groups: Labels) -> float:
    """How often groups drawn at random differ as much, by the variance of their shares."""
    rng = np.random.default_rng(SEED)
    groups = np.unique(groups, return_inverse=True)[1]  # of those that have anybody
    counts = np.bincount(groups)

    def apart(marks: NDArray[np.bool_]) -> float:
        shares = np.bincount(groups, marks) / counts
        return float((counts * (shares - marks.mean()) ** 2).sum())

    seen = apart(sad)
    return float(np.mean([apart(rng.permutation(sad)) >= seen for _ in range(DRAWS)]))
