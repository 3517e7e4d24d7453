"""What arrived and was not read yet: the newest message of each topic, bounded."""

from __future__ import annotations

from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.protocol.messages import PAYLOAD_LIMITS, Event, decode
from resonance_tui.protocol.topics import TOPIC_LIMIT

_LARGEST = max(limit for kind, limit in PAYLOAD_LIMITS.items() if kind != "agg")
_LARGEST_PARTIAL = PAYLOAD_LIMITS["agg"]  # few, and only aggregators hear them


class Inbox:
    """Latest wins per topic, so a flood costs no more memory than the room has topics.

    Decoding waits until somebody drains, except for what would overwrite: garbage must not
    displace what can be understood. `on_broken` tells the topic of what cannot be.
    """

    def __init__(self, max_topics: int = 8192) -> None:
        self.dropped = 0  # messages of new topics that came while it was full
        self.rejected = 0  # messages that are not ours, or broken
        self._max_topics = max_topics
        self._waiting: dict[str, bytes] = {}
        self.on_broken: Listeners[[str]] = Listeners()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, payload: bytes) -> None:
        is_known = topic in self._waiting
        limit = _LARGEST_PARTIAL if "/agg/" in topic else _LARGEST
        is_too_long = len(payload) > limit or len(topic) > TOPIC_LIMIT
        if is_too_long or (is_known and _understood(topic, payload) is None):
            self._reject(topic)
        elif is_known or len(self._waiting) < self._max_topics:
            self._waiting[topic] = payload
        else:
            self.dropped += 1

    def waits(self, topic: str) -> Event | None:
        """What of this topic waits to be drained, if it can be understood."""
        return _understood(topic, self._waiting[topic]) if topic in self._waiting else None

    def drain(self) -> list[Event]:
        """Everything that can be understood, and an empty inbox."""
        waiting, self._waiting = self._waiting, {}
        events: list[Event] = []
        for topic, payload in waiting.items():
            if (event := _understood(topic, payload)) is not None:
                events.append(event)
            else:
                self._reject(topic)
        return events

    def _reject(self, topic: str) -> None:
        self.rejected += 1
        self.on_broken(topic)


def _understood(topic: str, payload: bytes) -> Event | None:
    try:
        return decode(topic, payload)
    except WireError:
        return None
