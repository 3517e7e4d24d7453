"""Pure: for how long the broker has not answered, while the connection still stands."""

from __future__ import annotations

from resonance_tui.room.room_clock import ASLEEP_S

SILENT_AFTER_S = 2  # a slow line answers sooner


class Silence:
    """Follows the oldest question to the broker. What our own program sleeps does not count."""

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._looked_at = 0.0
        self._silent_s = 0.0

    def look(self, asked_at: float | None, now: float) -> int:
        """Whole seconds without an answer; 0 while that is nothing to speak of. `asked_at`: of the
        oldest question that has no answer yet. Times are monotonic seconds."""
        passed, self._looked_at = now - self._looked_at, now
        if asked_at is None or asked_at != self._asked_at:
            self._asked_at, self._silent_s = asked_at, 0.0
        elif passed <= ASLEEP_S:
            self._silent_s += passed
        return int(self._silent_s) if self._silent_s >= SILENT_AFTER_S else 0


def silence_text(seconds: int) -> str:
    """One line, in English."""
    return f"no answer from the broker for {seconds} s"
