"""Counting a large room in shards: which aggregator owns which, the votes, and their sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import NOTHING, Aside, AsidePartial, Asked, total_of
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS, Counts, Partial, Report
from resonance_tui.room.conduct import FREE, Conduct
from resonance_tui.room.doubts import Doubts
from resonance_tui.room.teams import TeamTally

ROOT = "root"  # the place of the aggregator that publishes the total

_REMEMBER_TTLS = 20  # how long, in times to live, a departed viewer's last order is kept


# --- owners of shards --------------------------------------------------------------------------


@lru_cache(maxsize=16_384)
def _weight(agent_id: str, place: int | str) -> int:
    return int.from_bytes(blake2b(f"{agent_id}\n{place}".encode(), digest_size=8).digest())


def owner(place: int | str, agents: Collection[str]) -> str | None:
    """The agent that owns a shard (its number) or `ROOT`; None without agents.

    Rendezvous hashing: all that know the same agents compute the same owner without an election,
    and an agent that joins or leaves moves only its own shards.
    """
    return max(agents, key=lambda agent: (_weight(agent, place), agent), default=None)


def shards_owned(agent_id: str, agents: Collection[str]) -> frozenset[int]:
    """The shards that fall to this agent."""
    return frozenset(shard for shard in range(SHARDS) if owner(shard, agents) == agent_id)


# --- the votes in the shards that one agent counts ---------------------------------------------


@dataclass(slots=True)
class _Vote:
    order: tuple[int, int]  # (boot, seq)
    code: Emotion
    is_private: bool
    heard_at: float  # monotonic seconds
    changed_at: float
    is_counted: bool
    team: int = 0


class Tally:
    """Reports in, nine counts a shard out; the same whatever the order they came in.

    Times are the receiver's own monotonic seconds. A viewer silent for `ttl` seconds is gone;
    one that left or fell silent is remembered by its `(boot, seq)`, so that an old report,
    delivered late or again, does not bring it back. Who is not counted by the room's conduct
    stays known.
    """

    def __init__(self, *, ttl: float = 14.0, max_viewers: int = 200_000) -> None:
        self.ttl = ttl
        self._max_viewers = max_viewers
        self._conduct = FREE
        self._watched: frozenset[int] = frozenset()
        self.doubts = Doubts[str]()
        self._votes: dict[str, _Vote] = {}  # least recently heard first
        self._is_in_order, self._latest = True, -math.inf  # `_votes`; monotonic seconds
        self._rumours: dict[str, float] = {}  # who a broker remembers: until when that is waited on
        self._departed: dict[str, tuple[tuple[int, int], float]] = {}  # order, when it left
        self._counts, self._private = _no_counts(), _no_counts()
        self._teams = TeamTally()

    def be_patient(self, *, ttl: float, stale_after: float) -> None:
        """For how many seconds a silent viewer stays, and after how many a heartbeat is missed."""
        self.ttl, self.doubts.stale_after_s = ttl, stale_after

    @property
    def viewers(self) -> int:
        """Who are counted, those too whose reports are private."""
        return sum(map(sum, (*self._counts, *self._private)))

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on. Costs a look at every vote."""
        if conduct == self._conduct:
            return
        self._conduct = conduct
        self._counts, self._private = _no_counts(), _no_counts()
        for viewer_id, vote in self._votes.items():
            vote.is_counted = conduct.counts(viewer_id)
            self._teams.put(viewer_id, shard_of(viewer_id), vote.team * vote.is_counted, vote.code)
            self._count(viewer_id, vote, vote.is_counted)

    def _count(self, viewer_id: str, vote: _Vote, by: int) -> None:
        counts = self._private if vote.is_private else self._counts
        counts[shard_of(viewer_id)][vote.code] += by

    def watch(self, shards: frozenset[int]) -> None:
        """Counts these shards from now on, and drops the viewers of all others."""
        dropped = self._watched - shards
        self._watched = shards
        if not dropped:
            return
        for viewer_id in [each for each in self._votes if shard_of(each) in dropped]:
            self._remove(viewer_id)
        self._rumours = {
            viewer_id: until
            for viewer_id, until in self._rumours.items()
            if shard_of(viewer_id) in shards
        }
        self._departed = {
            viewer_id: went
            for viewer_id, went in self._departed.items()
            if shard_of(viewer_id) in shards
        }

    def hear_of(self, viewer_id: str, until: float) -> None:
        """A broker remembers a report that may be nobody's any more: no vote until the viewer
        itself is heard, before `until`."""
        is_news = viewer_id not in self._votes and len(self._rumours) < self._max_viewers
        if shard_of(viewer_id) in self._watched and is_news:
            self._rumours.setdefault(viewer_id, until)

    def confirming(self) -> frozenset[int]:
        """The shards of which a viewer may be missing that the broker remembers."""
        return frozenset(map(shard_of, self._rumours))

    def recall(
        self, viewer_id: str, report: Report, now: float, age_s: float | None, *, until: float
    ) -> None:
        """Takes a report that a broker has kept for `age_s`; None: it does not tell, and the viewer
        is waited for `until` then. See `Doubts`."""
        made_at = None if age_s is None else now - age_s
        if made_at is None or not self.doubts.believes(age_s):
            self.hear_of(viewer_id, until if made_at is None else made_at + self.ttl)
            return
        is_known = viewer_id in self._votes and viewer_id not in self.doubts
        self._take(viewer_id, report, made_at)
        if viewer_id in self._votes and not is_known:
            self.doubts.add(viewer_id, made_at)

    def report(self, viewer_id: str, report: Report, now: float) -> bool:
        """Takes a live vote in. False for one that is not newer, of another shard, or too many."""
        self.doubts.uptime.said(report.up_s, now)
        if viewer_id in self._votes and report.order >= self._votes[viewer_id].order:
            self.doubts.settle(viewer_id)
        return self._take(viewer_id, report, now)

    def _take(self, viewer_id: str, report: Report, now: float) -> bool:
        """`now`: when it was made, which may be some seconds ago."""
        shard, order = shard_of(viewer_id), (report.boot, report.seq)
        if shard not in self._watched or order <= self._last_order(viewer_id):
            return False
        self._is_in_order &= not self._votes or now >= self._latest
        self._latest = max(self._latest, now)
        code, changed_at = report.code, now
        if viewer_id in self._votes:
            before = self._remove(viewer_id)
            if before.is_private == report.is_private:
                code, changed_at = self._slowed(before, code, now)
        elif len(self._votes) >= self._max_viewers:
            return False
        self._departed.pop(viewer_id, None)
        self._rumours.pop(viewer_id, None)
        is_counted = self._conduct.counts(viewer_id)
        team = 0 if report.is_private else report.team
        vote = _Vote(order, code, report.is_private, now, changed_at, is_counted, team)
        self._teams.put(viewer_id, shard, team * is_counted, code)
        self._votes[viewer_id] = vote
        self._count(viewer_id, vote, is_counted)
        return True

    def _slowed(self, vote: _Vote, code: Emotion, now: float) -> tuple[Emotion, float]:
        """What is counted, and when it changed: in slow mode a change that comes too soon waits
        for the next heartbeat."""
        if code is vote.code or now - vote.changed_at < self._conduct.patience_s:
            return vote.code, vote.changed_at
        return code, now

    def _last_order(self, viewer_id: str) -> tuple[int, int]:
        if vote := self._votes.get(viewer_id):
            return vote.order
        departed = self._departed.get(viewer_id)
        return departed[0] if departed else (-1, -1)

    def _remove(self, viewer_id: str) -> _Vote:
        self.doubts.settle(viewer_id)
        self._teams.remove(viewer_id)
        vote = self._votes.pop(viewer_id)
        self._count(viewer_id, vote, -vote.is_counted)
        return vote

    def leave(self, viewer_id: str, now: float, *, is_swept: bool = False) -> None:
        """Removes a viewer. Only a newer report brings it back. `is_swept`: others cleared its
        report, which says nothing of who was heard lately."""
        if is_swept or viewer_id not in self._votes:
            self._rumours.pop(viewer_id, None)
            return
        self._departed[viewer_id] = (self._remove(viewer_id).order, now)
        if len(self._departed) > self._max_viewers:
            del self._departed[next(iter(self._departed))]

    def doubt(self, now: float, *, within: float) -> None:
        """After a reconnection: viewers without a report within so many seconds are dropped, and
        no sooner. Some may have left meanwhile, and nobody could be heard."""
        for vote in self._votes.values():
            vote.heard_at = now - self.ttl + within
        self._latest = max(self._latest, now - self.ttl + within)
        self.doubts.lose(self._votes)
        self.doubts.end_at(now + within)

    def has_silent(self, now: float, after_s: float) -> bool:
        """Whether somebody has been silent for that long."""
        first = next(iter(self._votes.values()), None)  # the least recently heard
        return first is not None and now - first.heard_at >= after_s

    def expire(self, now: float) -> None:
        """Removes viewers that have been silent for `ttl`."""
        for viewer_id, _ in self.doubts.look(now):
            self.leave(viewer_id, now)
        if not self._is_in_order:
            self._votes = dict(sorted(self._votes.items(), key=lambda each: each[1].heard_at))
            self._is_in_order = True
        for viewer_id in list(self._silent(now)):
            self.leave(viewer_id, now)
        if self._rumours:
            self._rumours = {each: until for each, until in self._rumours.items() if now < until}
        while self._departed:
            viewer_id, (_, went_at) = next(iter(self._departed.items()))
            if now - went_at < _REMEMBER_TTLS * self.ttl:
                break
            del self._departed[viewer_id]

    def _silent(self, now: float) -> Iterator[str]:
        for viewer_id, vote in self._votes.items():
            if now - vote.heard_at < self.ttl:
                return
            yield viewer_id

    def counts(self, shard: int) -> Counts:
        """Nine, without the private ones."""
        return tuple(self._counts[shard])

    def teams(self, shard: int) -> dict[int, Counts]:
        """Nine counts of each team of the host's list that somebody is in."""
        return self._teams.of(shard, self._conduct.teams)

    def aside(self, shard: int) -> Aside:
        """The answers of those whose reports are private, where there are any."""
        private = self._private[shard]
        return Aside(private=tuple(private)) if any(private) else NOTHING


def _no_counts() -> list[list[int]]:
    return [[0] * len(Emotion) for _ in range(SHARDS)]


# --- the shards that all agents counted, added up ----------------------------------------------


@dataclass(slots=True)
class _Posted:
    partial: Partial
    heard_at: float  # monotonic seconds


@dataclass(slots=True)
class _Told:
    seq: int
    aside: Aside
    heard_at: float  # monotonic seconds


@dataclass(slots=True)
class _Asides:
    boot: int
    shards: dict[int, _Told] = field(default_factory=dict)


@dataclass(slots=True)
class PartialTable:
    """The newest partial of every agent; their sum depends on nothing else.

    Two agents may count one shard while it changes its owner: of those that are present the owner's
    count is read, and where none of them has one, the last of those that are gone. So nothing is
    ever added up twice, and nothing is missing in between. `ttl`: seconds for which a partial is
    believed.
    """

    ttl: float = 30.0
    max_agents: int = 64
    _posted: dict[str, _Posted] = field(default_factory=dict)
    _asides: dict[str, _Asides] = field(default_factory=dict)

    def post(self, agent_id: str, partial: Partial, now: float) -> bool:
        """False for a partial that is not newer, or of too many agents."""
        self._expire(now)
        known = self._posted.get(agent_id)
        if known is None and len(self._posted) >= self.max_agents:
            return False
        if known and (partial.boot, partial.seq) <= (known.partial.boot, known.partial.seq):
            return False
        self._posted[agent_id] = _Posted(partial, now)
        return True

    def begin(self, agent_id: str, boot: int) -> None:
        """An agent announced itself. After a restart with its clock set back its `boot` is lower:
        that one holds from now on, and its last partial until the first one under it."""
        known = self._posted.get(agent_id)
        if known and boot < known.partial.boot:
            known.partial = replace(known.partial, boot=boot, seq=-1)

    def forget(self, agent_id: str) -> None:
        """Drops an agent that counts at another edge now."""
        self._posted.pop(agent_id, None)
        self._asides.pop(agent_id, None)

    def post_aside(self, agent_id: str, partial: AsidePartial, now: float) -> bool:
        """False for one that is not newer, or of too many agents."""
        known = self._asides.get(agent_id)
        if known is None or known.boot != partial.boot:
            is_before = known is not None and partial.boot < known.boot
            if is_before and partial.boot != self._boot_of(agent_id):
                return False
            if known is None and len(self._asides) >= self.max_agents:
                return False
            known = self._asides[agent_id] = _Asides(partial.boot)
        is_news = False
        for shard, aside in partial.shards.items():
            if shard not in known.shards or partial.seq > known.shards[shard].seq:
                known.shards[shard] = _Told(partial.seq, aside, now)
                is_news = True
        return is_news

    def _boot_of(self, agent_id: str) -> int | None:
        posted = self._posted.get(agent_id)
        return posted.partial.boot if posted else None

    def aside(self, live: Collection[str], now: float, asked: Asked | None = None) -> Aside:
        """What the room has beside `total`, of the same agents; answers as in `total_of`."""
        if not self._asides:
            return NOTHING
        self._expire(now)
        return total_of((self._aside_of(shard, live) for shard in range(SHARDS)), asked)

    def _aside_of(self, shard: int, live: Collection[str]) -> Aside:
        holder = self._holder(shard, live)
        asides = self._asides.get(holder) if holder is not None else None
        if holder is None or asides is None or asides.boot != self._boot_of(holder):
            return NOTHING
        told = asides.shards.get(shard)
        return told.aside if told is not None else NOTHING

    def _expire(self, now: float) -> None:
        for agent_id in [
            each for each, posted in self._posted.items() if now - posted.heard_at >= self.ttl
        ]:
            del self._posted[agent_id]
        for agent_id, asides in list(self._asides.items()):
            asides.shards = {
                shard: told
                for shard, told in asides.shards.items()
                if now - told.heard_at < self.ttl
            }
            if not asides.shards:
                del self._asides[agent_id]

    def holder(self, shard: int, live: Collection[str], now: float) -> str | None:
        """The agent whose count of this shard is read; None when there is no count."""
        self._expire(now)
        return self._holder(shard, live)

    def _holder(self, shard: int, live: Collection[str]) -> str | None:
        having = {each: sent for each, sent in self._posted.items() if shard in sent.partial.shards}
        if rightful := owner(shard, [each for each in having if each in live]):
            return rightful
        return max(having, key=lambda each: (having[each].heard_at, each), default=None)

    def total(self, live: Collection[str], now: float) -> tuple[Counts, int]:
        """The room's nine counts, and for how many of the 64 shards there is a count."""
        self._expire(now)
        sums, covered = [0] * len(Emotion), 0
        for shard in range(SHARDS):
            agent_id = self._holder(shard, live)
            if agent_id is None:
                continue
            covered += 1
            for code, count in enumerate(self._posted[agent_id].partial.shards[shard]):
                sums[code] += count
        return tuple(sums), covered
