"""Whom one goes on listening to: a bounded rate for each source, silence for those who babble."""

from __future__ import annotations

import math
from dataclasses import dataclass

RATE_PER_S, BURST = 25.0, 50.0  # an honest viewer sends one a second, an aggregator twenty
MAX_SOURCES = 5000  # remembered; who was heard least lately is forgotten first
STRIKES = 10  # broken messages, none longer than FORGIVE_S after the one before
FORGIVE_S = 30.0
MUTE_S = 60.0


@dataclass(slots=True)
class _Source:
    tokens: float
    heard_at: float  # seconds
    strikes: int = 0
    struck_at: float = -math.inf
    muted_until: float = -math.inf


def source_of(topic: str) -> str | None:
    """Who alone writes there by the broker's rules: a viewer, whatever the shard it names, or an
    aggregator. None for what many rely on (`room`, `total`): one who babbles there must not get
    it muted for all."""
    match topic.split("/", 6)[3:]:  # behind resonance/1/CHANNEL
        case ["r" | "n", _, viewer_id]:
            return viewer_id
        case ["agg" | "agent", agent_id]:
            return f"agent {agent_id}"
    return None


class RateLimiter:
    """A token bucket for each source, and a mute for those whose messages are broken again and
    again. Times are the receiver's monotonic seconds. Memory is bounded by `max_sources`.

    Latest wins, so what a bucket refuses is made up for by the source's next heartbeat. On a
    broker without access rules anybody can speak under another's id, and so have it muted; but
    there anybody can take another out of the room in any case.
    """

    def __init__(
        self,
        *,
        rate_per_s: float = RATE_PER_S,
        burst: float = BURST,
        max_sources: int = MAX_SOURCES,
        strikes: int = STRIKES,
        mute_s: float = MUTE_S,
    ) -> None:
        self.refused = 0  # messages
        self.mutes = 0  # how often a source was muted
        self._rate, self._burst = rate_per_s, burst
        self._max_sources = max_sources
        self._strikes, self._mute_s = strikes, mute_s
        self._sources: dict[str, _Source] = {}  # least lately heard first

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def notice(self) -> str:
        """One line for a person, which changes with the order of magnitude only; "" at first."""
        if not self.mutes:
            return ""
        if self.mutes == 1:
            return "somebody sends garbage and was muted for a while"
        least = 10 ** int(math.log10(self.mutes))
        many = "some" if least == 1 else f"{least} or more"
        return f"{many} peers send garbage and were muted for a while"

    def allow(self, topic: str, now: float) -> bool:
        """Whether to take in a message that has just arrived; to be asked for every one."""
        name = source_of(topic)
        if name is None:
            return True
        source = self._heard(name, now)
        if now >= source.muted_until and source.tokens >= 1.0:
            source.tokens -= 1.0
            return True
        self.refused += 1
        return False

    def record_violation(self, topic: str, now: float) -> bool:
        """A message of this topic was broken. True when its source is muted for that."""
        name = source_of(topic)
        source = None if name is None else self._sources.get(name)
        if source is None or now < source.muted_until:
            return False
        source.strikes = source.strikes + 1 if now - source.struck_at <= FORGIVE_S else 1
        source.struck_at = now
        if source.strikes < self._strikes:
            return False
        source.strikes, source.muted_until = 0, now + self._mute_s
        self.mutes += 1
        return True

    def _heard(self, name: str, now: float) -> _Source:
        source = self._sources.pop(name, None)
        if source is None:
            source = _Source(self._burst, now)
            if len(self._sources) >= self._max_sources:
                del self._sources[next(iter(self._sources))]
        since = max(0.0, now - source.heard_at)
        source.tokens = min(self._burst, source.tokens + since * self._rate)
        source.heard_at = now
        self._sources[name] = source
        return source
