"""How many calls an hour each way of using a Google sheet costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.sinks.sheets.plan import BATCH_ROWS, MOST_AHEAD

HOUR_S = 3600
USER_QUOTA, PROJECT_QUOTA = 60 * 60, 300 * 60  # Google's limits an hour: reads, and writes as many


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls in one hour."""

    reads: int
    writes: int

    @property
    def of_project_quota(self) -> float:
        """The share of what Google allows a whole project; above 1 calls are refused."""
        return max(self.reads, self.writes) / PROJECT_QUOTA

    @property
    def of_user_quota(self) -> float:
        """The same for one user, which a service account is, whoever shares it."""
        return max(self.reads, self.writes) / USER_QUOTA


def outbox(interval_s: float) -> Calls:
    """One logger that looks for new rows every `interval_s`, for any number of viewers, while a
    recording goes on: a look and a write a batch, and twice more when the grid grows."""
    looks = math.ceil(HOUR_S / interval_s)
    batches = max(looks, math.ceil(HOUR_S / BATCH_ROWS))
    growths = math.ceil(HOUR_S / MOST_AHEAD)
    return Calls(batches + growths, batches + growths)


def each_viewer(viewers: int, writes_a_minute: float) -> Calls:
    """Every viewer reads the sheet once a second, to see the room, and writes what changes."""
    return Calls(HOUR_S * viewers, round(60 * writes_a_minute * viewers))
