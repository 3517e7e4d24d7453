"""What reports of the default engine say of stills whose emotion is known: the whole path as
shipped was measured, from the camera's picture to the decision, by `scripts/bench_counts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--engine` help reaches this module, and must not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

    from resonance_zoo.card_types import StillCard

LIVE_CONFUSION = Path(__file__).with_name("live_confusion.json")


def live_confusion(card: StillCard) -> NDArray[np.float64] | None:
    """Stills per emotion shown (rows) and reported (columns), `[7, 7]`, `unsure` and `away` left
    out; None where other weights than the card's were measured."""
    import numpy as np

    found = json.loads(LIVE_CONFUSION.read_text(encoding="utf-8"))
    if found["weights"] != card.sha256:
        return None
    return np.array(found["table"], np.float64)[:, :7]
