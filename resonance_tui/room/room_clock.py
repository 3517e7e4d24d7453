"""The time by which a viewer's silence is measured: it stands still while nobody could be heard."""

from __future__ import annotations

import math

ASLEEP_S = 1.5  # between two looks: our own program, or its whole machine, stood still
UNANSWERED_S = 1.0  # a question to the broker: it, or the line to it, stands still
GRACE_S = 3.0  # at most, after a stall: for what piled up, and for who has to dial again
STILL_MOST_S = 20.0  # for late answers; it is made up for in twice the time
_MADE_UP = 0.5  # of the time that passes


class RoomClock:
    """Pure: monotonic seconds in, the room's own seconds out, which never fall.

    Silence of the line is not silence of the viewers. The clock stands still while a question to
    the broker has no answer, while there is no connection, and over a sleep of our own program;
    after a question or a sleep also for as long again, but no longer than `GRACE_S`. Where every
    answer is late it goes slowly, but goes: for late answers it stands still no longer than
    `STILL_MOST_S`, then for a part of the time. `asleep_s`: so long a pause between two looks is a
    sleep.
    """

    def __init__(self, asleep_s: float = ASLEEP_S) -> None:
        self.asleep_s = asleep_s
        self._last: float | None = None  # when it was asked last
        self._room_s = 0.0
        self._still_until = -math.inf
        self._patience_s = STILL_MOST_S

    def at(self, now: float, *, asked_at: float | None, is_connected: bool = True) -> float:
        """The room's time. `asked_at`: of the oldest question that has no answer yet."""
        passed = 0.0 if self._last is None else now - self._last
        self._room_s = now if self._last is None else self._room_s
        self._last = now
        lost = 0.0 if asked_at is None else now - asked_at - UNANSWERED_S
        lost = max(lost, passed if passed > self.asleep_s else 0.0)
        if is_connected and lost > 0:
            self._still_until = now + min(lost, GRACE_S)
        if is_connected and passed <= self.asleep_s:
            self._go(passed, is_still=now < self._still_until)
        return self._room_s

    def _go(self, passed: float, *, is_still: bool) -> None:
        if is_still and self._patience_s > 0:
            self._patience_s -= passed
        else:
            self._room_s += passed
            self._patience_s = min(STILL_MOST_S, self._patience_s + _MADE_UP * passed)

    def begin(self, now: float) -> None:
        """A new connection: nothing of before it counts, no grace either."""
        self._last = self._last and now
        self._still_until = -math.inf
