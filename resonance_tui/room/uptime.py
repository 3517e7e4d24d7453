"""Since when a broker is known to be up, by what those say who have been connected to it."""

from __future__ import annotations

import math

SLACK_S = 2.0  # brokers tell whole seconds, and a report waits a moment to be read


class Uptime:
    """A broker that has been up since a report was made executes the will of its sender, so the
    sender is there as long as the report is. One that was started since then may keep reports of
    people who died with it. Times are the receiver's monotonic seconds."""

    def __init__(self) -> None:
        self._since = math.inf

    def lose(self) -> None:
        """Disconnected: it may be started anew."""
        self._since = math.inf

    def said(self, up_s: int, now: float) -> None:
        """`up_s`: of a live report; see `Report`."""
        if up_s:
            self._since = min(self._since, now - (up_s - 1))

    def covers(self, made_at: float) -> bool:
        """Whether it was up when a report was made, of which a broker tells the age."""
        return made_at - SLACK_S >= self._since
