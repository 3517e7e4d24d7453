"""Pure: when the own report is worth a message. About publishing, so not part of the face path."""

from __future__ import annotations

import math

from resonance_tui.emotions import Emotion


class PublishGate:
    """Opens for a report that differs from the last one, at most once every `min_gap_s`.

    A confidence that moved by `drift` percent or more counts as different after `drift_gap_s`.
    Unchanged reports are repeated by the link's heartbeat. Times are monotonic seconds.
    """

    def __init__(
        self, *, min_gap_s: float = 1.0, drift: int = 20, drift_gap_s: float = 5.0
    ) -> None:
        self._min_gap_s, self._drift, self._drift_gap_s = min_gap_s, drift, drift_gap_s
        self._last: tuple[Emotion, int, int] | None = None
        self._at = -math.inf

    def opens(self, code: Emotion, confidence: int, flags: int, now: float) -> bool:
        """Whether to publish now; True counts as published. `confidence` in percent."""
        quiet = now - self._at
        if self._last is not None:
            changed = (code, flags) != (self._last[0], self._last[2])
            drifted = abs(confidence - self._last[1]) >= self._drift
            if not (changed and quiet >= self._min_gap_s) and not (
                drifted and quiet >= self._drift_gap_s
            ):
                return False
        self._last, self._at = (code, confidence, flags), now
        return True

    def reset(self) -> None:
        """The next report is published whatever it says."""
        self._last = None
