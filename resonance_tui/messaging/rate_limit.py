"""Per-source rate limiting: sources over their budget are dropped, those that send broken
messages again and again are muted for a while."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.table import MessageTable, Rate

MAX_SOURCES = 5000  # remembered; the least recently heard is forgotten first
STRIKES = 10  # broken messages, none longer than FORGIVE_S after the one before
FORGIVE_S = 30.0
MUTE_S = 60.0
_STRAYS = "broken messages come in again and again, and are left out"


@dataclass(slots=True)
class _Source:
    tokens: float
    heard_at: float  # seconds
    strikes: int = 0
    struck_at: float = -math.inf
    muted_until: float = -math.inf


class RateLimiter:
    """A token bucket for each source, and a mute for sources of broken messages.

    A source is the one publisher of a topic. Times are the receiver's monotonic seconds.
    Memory is bounded by `max_sources`. `rate`: for every message, in place of the table's.

    Latest wins, so what a bucket refuses is made up for by the source's next heartbeat. On a
    broker without access rules anybody can publish under another's id, and so have it muted; but
    there anybody can take another out of the room in any case.
    """

    def __init__(
        self,
        *,
        table: MessageTable = TABLE,
        rate: Rate | None = None,
        max_sources: int = MAX_SOURCES,
        strikes: int = STRIKES,
        mute_s: float = MUTE_S,
    ) -> None:
        self.refused = 0  # messages
        self.mutes = 0  # how often a source was muted
        self._table = table
        self._rate = rate
        self._max_sources = max_sources
        self._strikes, self._mute_s = strikes, mute_s
        self._sources: dict[str, _Source] = {}  # least lately heard first
        self._strays = _Source(0.0, 0.0)  # broken messages that are nobody's own
        self._has_strays = False  # so many that it is said

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def notice(self) -> str:
        """One line for a person, which changes with the order of magnitude only; "" at first."""
        if not self.mutes:
            return _STRAYS if self._has_strays else ""
        if self.mutes == 1:
            return "somebody sends garbage and was muted for a while"
        least = 10 ** int(math.log10(self.mutes))
        many = "some" if least == 1 else f"{least} or more"
        return f"{many} peers send garbage and were muted for a while"

    def allow(self, topic: str, now: float) -> bool:
        """Whether to take in a message that has just arrived; to be asked for every one."""
        found = self._table.publisher_of(topic)
        if found is None:
            return True
        name, rate = found
        source = self._refilled(name, self._rate or rate, now)
        if now >= source.muted_until and source.tokens >= 1.0:
            source.tokens -= 1.0
            return True
        self.refused += 1
        return False

    def record_stray(self, topic: str, now: float) -> bool:
        """A message of this topic was broken. True when it has no one source, who could be muted,
        and there have been so many of them that it is worth a word."""
        if self._table.publisher_of(topic) is not None or not self._struck(self._strays, now):
            return False
        self._has_strays = True
        return True

    def record_violation(self, topic: str, now: float) -> bool:
        """A message of this topic was broken. True when its source is muted for that."""
        found = self._table.publisher_of(topic)
        if found is None:
            return False
        source = self._sources.get(found[0])
        if source is None or now < source.muted_until or not self._struck(source, now):
            return False
        source.muted_until = now + self._mute_s
        self.mutes += 1
        return True

    def _struck(self, source: _Source, now: float) -> bool:
        """Whether that was one strike too many."""
        source.strikes = source.strikes + 1 if now - source.struck_at <= FORGIVE_S else 1
        source.struck_at = now
        if source.strikes < self._strikes:
            return False
        source.strikes = 0
        return True

    def _refilled(self, name: str, rate: Rate, now: float) -> _Source:
        source = self._sources.pop(name, None)
        if source is None:
            source = _Source(rate.burst, now)
            if len(self._sources) >= self._max_sources:
                del self._sources[next(iter(self._sources))]
        since = max(0.0, now - source.heard_at)
        source.tokens = min(rate.burst, source.tokens + since * rate.per_s)
        source.heard_at = now
        self._sources[name] = source
        return source
