"""Messages that arrived and were not read yet: the newest of each topic, bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.protocol.events import (
    AgentEvent,
    AnswerEvent,
    AsideTotalEvent,
    Event,
    LeaveEvent,
    ReportEvent,
    SweepEvent,
    TotalEvent,
)
from resonance_tui.protocol.messages import SWEEP, TABLE
from resonance_tui.protocol.table import MessageTable
from resonance_tui.room.sweeping import Sweeps


@dataclass(frozen=True, slots=True)
class _Kept:
    payload: bytes
    is_retained: bool
    is_swept: bool
    left_s: float | None
    at: float  # monotonic seconds: when it arrived


class Inbox:
    """Latest wins per topic, so a flood costs no more memory than the room has topics.

    Decoding is put off until `drain`, except for what would overwrite: a message that cannot be
    decoded must not displace one that can. `on_broken` is called with the topic of such a message.
    """

    def __init__(self, max_topics: int = 8192, *, table: MessageTable = TABLE) -> None:
        self.dropped = 0  # messages of new topics that came while it was full
        self.rejected = 0  # messages outside the protocol, or broken
        self._max_topics = max_topics
        self._table = table
        self._waiting: dict[str, _Kept] = {}
        self._sweeps = Sweeps()
        self.on_broken: Listeners[[str]] = Listeners()
        self.on_sweep: Listeners[[SweepEvent]] = Listeners()  # at once, each of them

    def __len__(self) -> int:
        return len(self._waiting)

    def put(
        self,
        topic: str,
        payload: bytes,
        is_retained: bool = False,
        left_s: int | None = None,
        now: float = 0.0,
    ) -> None:
        """`is_retained`: the broker kept it from before, and forgets it after `left_s`. A live one
        of the same bytes holds. `now`: monotonic seconds; a sweep explains what is cleared soon
        after it."""
        is_known = topic in self._waiting
        message = self._table.find(topic)
        is_ours = message is not None and len(payload) <= message.max_bytes
        if not is_ours or (is_known and self._decoded(topic, payload) is None):
            self.reject(topic)
        elif is_known or len(self._waiting) < self._max_topics:
            self._keep(topic, payload, is_retained, now, left_s)
        else:
            self.dropped += 1

    def _keep(
        self, topic: str, payload: bytes, is_retained: bool, now: float, left_s: int | None
    ) -> None:
        before = self._waiting.get(topic)
        is_swept = not payload and self._is_swept(topic, now)
        is_repeated = is_retained and before is not None and before.payload == payload
        if before is not None and not before.is_retained and (is_swept or is_repeated):
            return  # what its sender said last holds
        self._waiting[topic] = _Kept(payload, is_retained, is_swept, left_s, now)
        if self._table.find(topic) is SWEEP:
            self._note(self._decoded(topic, payload), now)

    def _note(self, sweep: Event | None, now: float) -> None:
        if isinstance(sweep, SweepEvent):
            self._sweeps.note(sweep, now)
            self.on_sweep(sweep)

    def _is_swept(self, topic: str, now: float) -> bool:
        leave = self._decoded(topic, b"")
        return isinstance(leave, LeaveEvent) and self._sweeps.covers(leave, now)

    def peek(self, topic: str) -> Event | None:
        """What of this topic waits to be drained, if it can be decoded."""
        return self._read(topic, self._waiting[topic]) if topic in self._waiting else None

    def drain(self, now: float | None = None) -> list[Event]:
        """Everything that can be decoded, and an empty inbox. `now`: monotonic seconds, as `put`
        was given them; what waited here is as much nearer to its expiry."""
        waiting, self._waiting = self._waiting, {}
        events: list[Event] = []
        for topic, kept in waiting.items():
            if now is not None and kept.left_s is not None:
                kept = replace(kept, left_s=max(0.0, kept.left_s - (now - kept.at)))
            if (event := self._read(topic, kept)) is not None:
                events.append(event)
            else:
                self.reject(topic)
        return events

    def reject(self, topic: str) -> None:
        """Counts a message that is broken."""
        self.rejected += 1
        self.on_broken(topic)

    def _read(self, topic: str, kept: _Kept) -> Event | None:
        event = self._decoded(topic, kept.payload)
        if kept.is_swept and isinstance(event, LeaveEvent):
            return replace(event, is_swept=True)
        if kept.is_retained and isinstance(event, ReportEvent | AnswerEvent):
            return replace(event, is_retained=True, left_s=kept.left_s)
        if kept.is_retained and isinstance(event, TotalEvent | AsideTotalEvent | AgentEvent):
            return replace(event, is_retained=True)
        return event

    def _decoded(self, topic: str, payload: bytes) -> Event | None:
        try:
            return self._table.decode(topic, payload)
        except WireError:
            return None
