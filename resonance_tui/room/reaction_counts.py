"""Reactions that were sent with keys, added up: how many of each kind, and never whose.

Messages say how many somebody has sent since their program started, so one that comes twice, late
or again adds nothing. What was said last by each sender is remembered for that alone, in memory.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from resonance_tui.reaction_kinds import NO_REACTIONS, Reaction

PER_S, BURST = 2.0, 8.0  # of one sender; a line that stalls delivers several together
SEND_BURST = 2.0  # of the own ones
MOST_SENDERS = 5000  # remembered; the least recently heard is forgotten first

Reactions = tuple[int, ...]  # eight, in the order of `Reaction`


class Bucket:
    """So many a second, and so many at once. Times are monotonic seconds."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._at = burst, -math.inf

    def take(self, wanted: int, now: float) -> int:
        """How many of them may be had now."""
        if math.isinf(self._burst):
            return wanted
        since = max(0.0, now - self._at)
        self._tokens = min(self._burst, self._tokens + min(since * self._per_s, self._burst))
        self._at = max(self._at, now)
        given = min(wanted, int(self._tokens))
        self._tokens -= given
        return given


@dataclass(slots=True)
class _Sender:
    boot: int
    counts: Reactions
    bucket: Bucket


class ReactionCounts:
    """`total` grows by what each sender has sent more than before; within a limit, where senders
    are people. `refused`: how many were over it, or could not be remembered."""

    def __init__(
        self, *, per_s: float = PER_S, burst: float = BURST, most_senders: int = MOST_SENDERS
    ) -> None:
        self.total: Reactions = NO_REACTIONS
        self.refused = 0
        self._per_s, self._burst, self._most = per_s, burst, most_senders
        self._senders: dict[str, _Sender] = {}  # the least recently heard first
        self._room: tuple[int, Reactions] | None = None  # boot and counts of the last total

    def take(
        self,
        sender: str,
        boot: int,
        counts: Sequence[int],
        now: float,
        newest: int | None = None,
    ) -> Reactions:
        """`counts`: eight, since the sender's `boot`. Of a sender that is new here, or has started
        anew, the `newest` one alone is counted: the others may be hours old. `now`: monotonic
        seconds. Returns what was added."""
        known = self._senders.pop(sender, None)
        bucket = known.bucket if known else Bucket(self._per_s, self._burst)
        before: Reactions
        if known is not None and boot < known.boot:
            self._senders[sender] = known
            return NO_REACTIONS
        if known is not None and boot == known.boot:
            before = known.counts
        else:
            before = tuple(count - (kind == newest) for kind, count in enumerate(counts))
        held = tuple(map(max, before, counts))
        self._remember(sender, _Sender(boot, held, bucket))
        more = tuple(count - said for count, said in zip(held, before, strict=True))
        return self._grow(more, bucket, now)

    def take_total(self, boot: int, counts: Sequence[int], *, is_news: bool) -> None:
        """`counts`: of the room, as the aggregator that was started at `boot` adds them up. Where
        they fall another one counts from now on, and what it says first is not news; nor is what
        was said before one came, or is counted elsewhere (`is_news`)."""
        before, self._room = self._room, (boot, tuple(counts))
        if before is None:
            before = boot, NO_REACTIONS
        if not is_news or before[0] != boot:
            return
        if all(map(operator.ge, counts, before[1])):
            more = tuple(map(operator.sub, counts, before[1]))
            self.total = tuple(map(operator.add, self.total, more))

    def _remember(self, sender: str, said: _Sender) -> None:
        if len(self._senders) >= self._most:
            del self._senders[next(iter(self._senders))]
        self._senders[sender] = said

    def _grow(self, more: Reactions, bucket: Bucket, now: float) -> Reactions:
        wanted = sum(more)
        left = bucket.take(wanted, now)
        self.refused += wanted - left
        given = list(more)
        for kind, count in enumerate(more):
            given[kind] = min(count, left)
            left -= given[kind]
        self.total = tuple(map(operator.add, self.total, given))
        return tuple(given)


class ShardReactions:
    """What an aggregator counts, by shard; of the shards that it watches."""

    def __init__(self, most_senders: int) -> None:
        self._counts = ReactionCounts(most_senders=most_senders)
        self._shards: dict[int, Reactions] = {}

    def watch(self, shards: Collection[int]) -> None:
        """A shard that is left begins at zero when it is watched again."""
        self._shards = {shard: self._shards.get(shard, NO_REACTIONS) for shard in shards}

    def take(
        self, shard: int, sender: str, boot: int, counts: Sequence[int], now: float, newest: int
    ) -> None:
        """As `ReactionCounts.take`."""
        if shard in self._shards:
            more = self._counts.take(sender, boot, counts, now, newest)
            self._shards[shard] = tuple(map(operator.add, self._shards[shard], more))

    def of(self, shard: int) -> Reactions:
        """Since the shard is watched; () where nothing was sent."""
        found = self._shards.get(shard, NO_REACTIONS)
        return found if any(found) else ()


class OwnReactions:
    """What this viewer sends: counted since the start, at most two a second."""

    def __init__(self) -> None:
        self.counts: Reactions = NO_REACTIONS
        self._bucket = Bucket(PER_S, SEND_BURST)

    def send(self, kind: Reaction, now: float) -> bool:
        """Counts one more; False where that would be too many. `now`: monotonic seconds."""
        if not self._bucket.take(1, now):
            return False
        self.counts = tuple(count + (each == kind) for each, count in enumerate(self.counts))
        return True


class ReactionSeconds:
    """A total that grows in, what each second brought out. Times are epoch seconds."""

    def __init__(self) -> None:
        self._known: Reactions = NO_REACTIONS
        self._second = 0
        self._is_hidden = False
        self._new: Reactions = NO_REACTIONS

    def take(self, total: Sequence[int], at: float) -> tuple[int, Reactions] | None:
        """The second that is over, and what it brought; None while there is nothing to say."""
        found = None
        if int(at) != self._second and any(self._new):
            found = self._second, self._new
            self._new = NO_REACTIONS
        self._second = int(at)
        if not total:
            self._is_hidden = any(self._known)
        elif self._is_hidden:  # by the host's rule: what came meanwhile is of no one second
            self._is_hidden, self._known = False, tuple(total)
        else:
            more = tuple(max(0, now - then) for now, then in zip(total, self._known, strict=True))
            self._new = tuple(one + other for one, other in zip(self._new, more, strict=True))
            self._known = tuple(total)
        return found
