"""How often an engine takes one emotion for another, as the card of its network says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from resonance_zoo.cards import network_card, still_card

from resonance_tui.engines import registry


def confusion_of(engine: str) -> NDArray[np.float64] | None:
    """Pictures or clips per emotion shown (rows) and read (columns), `[7, 7]`; None where nobody
    published that. "auto" stands for the default engine. Reads a file; no torch.

    Raises InputError for a name that is not in the registry.
    """
    row = registry.entry(engine)
    if row.card:
        return np.array(still_card(row.card).metrics["shipped"]["confusion"], np.float64)
    known = network_card(engine).confusion if engine not in registry.ENGINES else None
    return np.array(known.table, np.float64) if known else None
