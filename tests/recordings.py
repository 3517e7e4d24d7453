"""Recordings made of samples, as a store reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from resonance_tui.history.recording import Recording, from_table
from resonance_tui.history.samples import Sample


def from_samples(rows: Sequence[Sample]) -> Recording:
    table = [(r.t, r.viewers, *r.counts, r.unsure, r.away) for r in rows]
    return from_table(np.array(table, np.int64).reshape(-1, 11))
