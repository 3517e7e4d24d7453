"""Messages that arrived and were not read yet: the newest of each topic, bounded."""

from __future__ import annotations

from dataclasses import replace

from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.protocol.events import AgentEvent, Event, ReportEvent, TotalEvent
from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.table import MessageTable


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
        self._waiting: dict[str, tuple[bytes, bool]] = {}  # payload, whether it was retained
        self.on_broken: Listeners[[str]] = Listeners()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, payload: bytes, is_retained: bool = False) -> None:
        """`is_retained`: the broker kept it from before. A live one of the same bytes holds."""
        is_known = topic in self._waiting
        message = self._table.find(topic)
        is_ours = message is not None and len(payload) <= message.max_bytes
        if not is_ours or (is_known and self._decoded(topic, payload) is None):
            self._reject(topic)
        elif is_known or len(self._waiting) < self._max_topics:
            is_live = not is_retained or self._waiting.get(topic) == (payload, False)
            self._waiting[topic] = payload, not is_live
        else:
            self.dropped += 1

    def peek(self, topic: str) -> Event | None:
        """What of this topic waits to be drained, if it can be decoded."""
        return self._read(topic, *self._waiting[topic]) if topic in self._waiting else None

    def drain(self) -> list[Event]:
        """Everything that can be decoded, and an empty inbox."""
        waiting, self._waiting = self._waiting, {}
        events: list[Event] = []
        for topic, kept in waiting.items():
            if (event := self._read(topic, *kept)) is not None:
                events.append(event)
            else:
                self._reject(topic)
        return events

    def _reject(self, topic: str) -> None:
        self.rejected += 1
        self.on_broken(topic)

    def _read(self, topic: str, payload: bytes, is_retained: bool) -> Event | None:
        event = self._decoded(topic, payload)
        if is_retained and isinstance(event, ReportEvent | TotalEvent | AgentEvent):
            return replace(event, is_retained=True)
        return event

    def _decoded(self, topic: str, payload: bytes) -> Event | None:
        try:
            return self._table.decode(topic, payload)
        except WireError:
            return None
