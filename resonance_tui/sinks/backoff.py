"""Pure: when the next call to a service may be made, after the results of the last ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime

CAP_S = 64.0  # the longest that back-off alone waits
ASKED_CAP_S = 600.0  # the longest that a Retry-After header makes us wait
GIVE_UP_AFTER = 8  # failures in a row; then a notice is due


@dataclass(frozen=True, slots=True)
class Backoff:
    """A limit of writes a minute; after failures, truncated exponential back-off with full jitter.

    Times are seconds of a monotonic clock.
    """

    writes_a_minute: int
    failures: int = 0  # in a row
    ready_at: float = float("-inf")
    written_at: tuple[float, ...] = ()  # the last `writes_a_minute` writes, oldest first

    @property
    def is_hopeless(self) -> bool:
        """Whether calls have failed so often in a row that a notice is due."""
        return self.failures >= GIVE_UP_AFTER

    def wait_s(self, now: float) -> float:
        """Seconds until the next call."""
        is_spent = len(self.written_at) >= self.writes_a_minute
        free_at = self.written_at[0] + 60.0 if is_spent else now
        return max(0.0, self.ready_at - now, free_at - now)

    def tried(self, now: float) -> Backoff:
        """After a write was sent, whatever its result."""
        return replace(self, written_at=(*self.written_at, now)[-self.writes_a_minute :])

    def worked(self) -> Backoff:
        """After a success."""
        return replace(self, failures=0)

    def failed(self, now: float, jitter: float, asked_s: float = 0.0) -> Backoff:
        """After a failure. `jitter`: uniform from 0 to 1. `asked_s`: of a Retry-After header."""
        most = min(CAP_S, 2.0 ** min(self.failures, 16))
        wait = min(max(asked_s, 0.0), ASKED_CAP_S) + min(max(jitter, 0.0), 1.0) * most
        return replace(self, failures=self.failures + 1, ready_at=now + wait)


def asked_wait(header: str | None, clock: Callable[[], float]) -> float:
    """Seconds that a Retry-After header (a number or a date) asks for; 0 for anything else."""
    words = (header or "").strip()
    if words.isascii() and words.isdigit():
        return min(float(words[:9]), ASKED_CAP_S)
    try:
        until = parsedate_to_datetime(words)
        wait = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - clock()
        return min(max(wait, 0.0), ASKED_CAP_S)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
