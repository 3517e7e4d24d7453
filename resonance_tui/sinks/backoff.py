"""Pure: when the next call to Google may be made, after what came of the last ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime

CAP_S = 64.0  # the longest that back-off alone waits
ASKED_CAP_S = 600.0  # the longest that Google may make us wait
GIVE_UP_AFTER = 8  # failures in a row; then whoever waits for the end is told


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many writes in any minute; after failures truncated exponential back-off, full jitter.

    Times are seconds of any clock that only goes forward.
    """

    writes_a_minute: int
    failures: int = 0  # in a row
    ready_at: float = float("-inf")
    written_at: tuple[float, ...] = ()  # the last `writes_a_minute` writes, oldest first

    @property
    def is_hopeless(self) -> bool:
        """Trying again at once is no use: whoever waits for the end should be told."""
        return self.failures >= GIVE_UP_AFTER

    def wait_s(self, now: float) -> float:
        """Seconds until the next call."""
        is_spent = len(self.written_at) >= self.writes_a_minute
        free_at = self.written_at[0] + 60.0 if is_spent else now
        return max(0.0, self.ready_at - now, free_at - now)

    def tried(self, now: float) -> Backoff:
        """A write goes out; it counts, whatever comes of it."""
        return replace(self, written_at=(*self.written_at, now)[-self.writes_a_minute :])

    def worked(self) -> Backoff:
        return replace(self, failures=0)

    def failed(self, now: float, jitter: float, asked_s: float = 0.0) -> Backoff:
        """`jitter` is drawn evenly from 0 to 1; `asked_s` is what Google asked us to wait."""
        most = min(CAP_S, 2.0 ** min(self.failures, 16))
        wait = min(max(asked_s, 0.0), ASKED_CAP_S) + min(max(jitter, 0.0), 1.0) * most
        return replace(self, failures=self.failures + 1, ready_at=now + wait)


def asked_wait(header: str | None, clock: Callable[[], float]) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date; 0 for anything else."""
    words = (header or "").strip()
    if words.isascii() and words.isdigit():
        return min(float(words[:9]), ASKED_CAP_S)
    try:
        until = parsedate_to_datetime(words)
        wait = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - clock()
        return min(max(wait, 0.0), ASKED_CAP_S)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
