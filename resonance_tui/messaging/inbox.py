"""What arrived and was not read yet: the newest message of each topic, bounded."""

from __future__ import annotations

from resonance_tui.errors import WireError
from resonance_tui.messaging.wire import PAYLOAD_LIMITS, TOPIC_LIMIT, Event, decode

_LARGEST_PAYLOAD = max(PAYLOAD_LIMITS.values())


class Inbox:
    """Latest wins per topic, so a flood costs no more memory than the room has topics.

    Decoding waits until somebody drains: what is overwritten before is never decoded.
    """

    def __init__(self, max_topics: int = 8192) -> None:
        self.dropped = 0  # messages of new topics that came while it was full
        self.rejected = 0  # messages that are not ours, or broken
        self._max_topics = max_topics
        self._waiting: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, payload: bytes) -> None:
        if len(payload) > _LARGEST_PAYLOAD or len(topic) > TOPIC_LIMIT:
            self.rejected += 1
        elif topic in self._waiting or len(self._waiting) < self._max_topics:
            self._waiting[topic] = payload
        else:
            self.dropped += 1

    def drain(self) -> list[Event]:
        """Everything that can be understood, and an empty inbox."""
        waiting, self._waiting = self._waiting, {}
        events: list[Event] = []
        for topic, payload in waiting.items():
            try:
                events.append(decode(topic, payload))
            except WireError:
                self.rejected += 1
        return events
