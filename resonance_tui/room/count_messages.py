"""What an aggregator tells of its counts, and when: its own partials, and the room's totals from
whoever holds the root; pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Generic, TypeVar

from resonance_tui.protocol.aside_frames import encode_aside_partials, encode_aside_total
from resonance_tui.protocol.asides import Aside, AsidePartial
from resonance_tui.protocol.frames import encode_partial, encode_total
from resonance_tui.protocol.messages import ASIDE_PARTIAL, ASIDE_TOTAL, PARTIAL, TOTAL
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.values import Counts, Partial, RoomSettings
from resonance_tui.room.federation import Edges, Sum
from resonance_tui.room.small_rooms import SmallRoom, Table
from resonance_tui.room.teams import TEAM_LEAST, visible

REPEATS = 4  # of unchanged counts within a viewer's heartbeat
ASIDE_EVERY_S = 0.2  # at most, however short the ticks are

Value = TypeVar("Value")


class _Told(Generic[Value]):
    """The newest value that was told on this connection."""

    def __init__(self) -> None:
        self.value: Value | None = None
        self._at = -math.inf

    def is_due(self, value: Value, now: float, *, least_s: float = 0.0, most_s: float) -> bool:
        """What is new may be told after `least_s`; the same is told again after `most_s`."""
        since_s = now - self._at
        return since_s >= least_s and (value != self.value or since_s >= most_s)

    def set(self, value: Value, now: float) -> None:
        self.value, self._at = value, now


class CountMessages:
    """Counts in, messages out where they are due: changed, or not repeated for `repeat_s`.

    Our own partials go to `edges` as they are told. `now`: monotonic seconds; `epoch_ms`: when a
    message is made. `agent_id` is the one that speaks.
    """

    def __init__(self, channel: str, agent_id: str, boot: int, edges: Edges) -> None:
        self.agent_id = agent_id
        self.repeat_s = repeat_s(RoomSettings())
        self._channel, self._boot, self._edges = channel, boot, edges
        self._seq = self._total_seq = 0
        self._small_room = SmallRoom()
        self.begin()

    def begin(self) -> None:
        """A new connection was told nothing."""
        self._partial = _Told[dict[int, Counts]]()
        self._aside = _Told[dict[int, Aside]]()
        self._total = _Told[Sum | tuple[Table, int]]()
        self._aside_total = _Told[Aside]()

    def clearings(self) -> list[Outgoing]:
        """What the last aggregator takes back as it goes."""
        total = TOTAL.clearing(self._channel)
        is_aside_told = self._aside_total.value is not None
        return [total, ASIDE_TOTAL.clearing(self._channel)] if is_aside_told else [total]

    # What we count ourselves

    def partials(self, shards: dict[int, Counts], now: float, epoch_ms: int) -> list[Outgoing]:
        """Of the shards that are counted here; a new aggregator has none yet."""
        has_counts = bool(shards) or self._partial.value is not None
        if not (has_counts and self._partial.is_due(shards, now, most_s=self.repeat_s)):
            return []
        self._partial.set(shards, now)
        self._seq += 1
        partial = Partial(self._boot, self._seq, shards)
        self._edges.post(self._edges.home, self.agent_id, partial, now)
        payload = encode_partial(partial, epoch_ms, self._edges.home)
        return [PARTIAL.outgoing(payload, self._channel, self.agent_id)]

    def aside_partials(self, asides: dict[int, Aside], now: float, epoch_ms: int) -> list[Outgoing]:
        """Nothing where nothing is counted beside; once more when that ends."""
        is_used = any(asides.values()) or any((self._aside.value or {}).values())
        every = {"least_s": ASIDE_EVERY_S, "most_s": self.repeat_s}
        if not is_used or not self._aside.is_due(asides, now, **every):
            return []
        self._aside.set(asides, now)
        self._seq += 1
        partial = AsidePartial(self._boot, self._seq, asides)
        self._edges.post_aside(self._edges.home, self.agent_id, partial, now)
        payloads = encode_aside_partials(partial, epoch_ms, self._edges.home)
        names = self._channel, self.agent_id
        return [
            ASIDE_PARTIAL.outgoing(payload, *names, str(part))
            for part, payload in enumerate(payloads)
        ]

    # The room, from the root

    def totals(
        self,
        room: Sum,
        aside: Aside,
        question: Question | None,
        least: int,
        now: float,
        epoch_ms: int,
    ) -> list[Outgoing]:
        """Of the whole room, whose host asks `question`. `least`: by the host's rules, how many
        viewers there must be for counts; 0: none."""
        table = self._table(room.counts, aside.private, least)
        total = self._due_total(room, table, least, now, epoch_ms)
        shown = self._shown(aside, question, room.counts, table, least)
        return total + self._due_aside_total(shown, now, epoch_ms)

    def _table(self, counts: Counts, private: Counts, least: int) -> Table:
        """What may be told of the room."""
        if not least:
            self._small_room = SmallRoom()
            return Table(sum(counts), counts)
        return self._small_room.table(counts, least, sum(private))

    def _due_total(
        self, room: Sum, table: Table, least: int, now: float, epoch_ms: int
    ) -> list[Outgoing]:
        told = (table, room.edges) if least else room
        if not self._total.is_due(told, now, most_s=self.repeat_s):
            return []
        self._total.set(told, now)
        self._total_seq += 1
        numbers = self._boot, self._total_seq, epoch_ms
        present, edges = table.viewers if least else 0, max(1, room.edges)
        payload = encode_total(*numbers, table.counts, edges, least=least, present=present)
        return [TOTAL.outgoing(payload, self._channel)]

    def _shown(
        self, aside: Aside, question: Question | None, counts: Counts, table: Table, least: int
    ) -> Aside:
        """What may be told beside the room's counts."""
        if least:
            aside = self._small_room.aside(aside, table, least, question)
        if aside.teams:
            aside = replace(aside, teams=visible(aside.teams, counts, least or TEAM_LEAST))
        return aside

    def _due_aside_total(self, aside: Aside, now: float, epoch_ms: int) -> list[Outgoing]:
        is_used = bool(aside) or bool(self._aside_total.value)
        every = {"least_s": ASIDE_EVERY_S, "most_s": self.repeat_s}
        if not is_used or not self._aside_total.is_due(aside, now, **every):
            return []
        self._aside_total.set(aside, now)
        self._total_seq += 1
        payload = encode_aside_total(self._boot, self._total_seq, epoch_ms, aside)
        return [ASIDE_TOTAL.outgoing(payload, self._channel)]


def repeat_s(settings: RoomSettings) -> float:
    """How often unchanged counts are told again."""
    return settings.heartbeat_s / REPEATS
