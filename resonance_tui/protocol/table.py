"""A row of the table of messages, and what follows from all rows: decoding and finding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

import msgspec

from resonance_tui.errors import WireError
from resonance_tui.protocol.events import Event
from resonance_tui.protocol.topics import TOPIC_LIMIT, Levels, Topic
from resonance_tui.protocol.values import Party


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to be sent. An empty payload clears a retained topic."""

    topic: str
    payload: bytes
    qos: int
    expiry_s: int | None = None  # None: it does not expire
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: so many messages a second, and so many at once."""

    per_s: float
    burst: float


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message.

    `frame`: what msgspec decodes. `read`: the event of a topic's names and a frame; where the
    message is retained, of None for an empty payload too. `rate`: what receivers take in from one
    publisher, over all its messages; None where a topic is not one publisher's own. `has_own_rate`:
    it is counted apart from the publisher's other messages, and its faults mute it alone.
    `stays_on_edge`: of several brokers, it concerns the one where it is published.
    `who_may_clear`: who takes back what its publisher left behind, where nothing expires;
    `is_for_sweeping`: it is published there alone. `is_told_to_all`: it tells of the room and of
    nobody in it, so viewers read it also where access rules let them read totals alone.
    """

    kind: str
    topic: Topic
    frame: Any
    read: Callable[[Levels, Any], Event]
    max_bytes: int
    rate: Rate | None
    who_may_publish: tuple[Party, ...]
    who_may_read: tuple[Party, ...]
    retained: bool
    qos: int
    expiry_s: int | None = None
    has_own_rate: bool = False
    stays_on_edge: bool = False
    who_may_clear: tuple[Party, ...] = ()
    is_for_sweeping: bool = False
    is_told_to_all: bool = False

    @property
    def lifetime_s(self) -> float:
        """How long a broker keeps it; for ever where it does not expire."""
        return math.inf if self.expiry_s is None else self.expiry_s

    @property
    def is_bridged(self) -> bool:
        """Whether it goes from broker to broker. What belongs to a shard is counted where it is."""
        is_counted_at_home = self.topic.is_in_shard or self.stays_on_edge
        return self.topic.is_in_room and not is_counted_at_home

    def is_published_by(self, party: Party, *, expires: bool) -> bool:
        """Whether a broker's access rules let this party write it; `expires`: what is retained
        there ends by itself. No rule can tell a clearing from a report."""
        if expires:
            return party in self.who_may_publish and not self.is_for_sweeping
        return party in (*self.who_may_publish, *self.who_may_clear)

    def outgoing(self, payload: bytes, *names: str, expiry_s: int | None = None) -> Outgoing:
        """This message on the topic with these names; `expiry_s` in place of the table's."""
        expiry_s = self.expiry_s if expiry_s is None else expiry_s
        return Outgoing(self.topic.of(*names), payload, self.qos, expiry_s, self.retained)

    def clearing(self, *names: str) -> Outgoing:
        """Takes back what is retained; at QoS 1, as nothing would repeat it."""
        return Outgoing(self.topic.of(*names), b"", 1)


class MessageTable:
    """Rows, found by topic."""

    def __init__(self, rows: Iterable[Message]) -> None:
        self.rows = tuple(rows)
        self._shapes: dict[int, list[tuple[Callable[[Sequence[str]], Any], dict[Any, _Entry]]]] = {}
        by_shape: dict[tuple[int, tuple[int, ...]], dict[Any, _Entry]] = {}
        for row in self.rows:
            levels = row.topic.levels
            fixed = tuple(at for at, level in enumerate(levels) if not level.startswith("{"))
            entry = _Entry(row, msgspec.msgpack.Decoder(row.frame).decode)
            by_shape.setdefault((len(levels), fixed), {})[itemgetter(*fixed)(levels)] = entry
        for (length, fixed), entries in by_shape.items():
            key = cast(Callable[[Sequence[str]], Any], itemgetter(*fixed))
            self._shapes.setdefault(length, []).append((key, entries))

    def __iter__(self) -> Iterator[Message]:
        return iter(self.rows)

    def find(self, topic: str) -> Message | None:
        """Whose topic this is by its fixed levels; the names in it are not looked at."""
        entry = self._entry(_split(topic))
        return entry.row if entry is not None else None

    def publisher_of(self, topic: str) -> tuple[str, Rate] | None:
        """Who alone publishes there by the broker's rules, and how fast: a viewer, whatever shard
        the topic names, or an aggregator ("agent " and its id); before that the kind of a message
        with a rate of its own. None for what has no single owner, such as `room` and `total`: one
        bad publisher must not get it muted for all."""
        levels = _split(topic)
        entry = self._entry(levels)
        if entry is None or entry.row.rate is None:
            return None
        level = entry.row.topic.owner_level
        name = entry.row.topic.name_in(levels, level)
        name = name if level == "viewer_id" else f"agent {name}"
        return (f"{entry.row.kind} {name}" if entry.row.has_own_rate else name), entry.row.rate

    def decode(self, topic: str, payload: bytes) -> Event:
        """What this message says. Raises WireError for everything outside the protocol."""
        try:
            return self._decode(_split(topic), payload)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            raise WireError(f"Not a frame of ours: {error}") from None

    def _decode(self, levels: Sequence[str], payload: bytes) -> Event:
        entry = self._entry(levels)
        if entry is None:
            raise WireError("Not a topic of this protocol version")
        row = entry.row
        names = row.topic.parse(levels)
        if len(payload) > row.max_bytes:
            raise WireError(f"Payload of {len(payload)} bytes, at most {row.max_bytes} allowed")
        is_cleared = row.retained and not payload
        return row.read(names, None if is_cleared else entry.unpack(payload))

    def _entry(self, levels: Sequence[str]) -> _Entry | None:
        for key_of, entries in self._shapes.get(len(levels), ()):
            if (entry := entries.get(key_of(levels))) is not None:
                return entry
        return None


@dataclass(frozen=True, slots=True)
class _Entry:
    row: Message
    unpack: Callable[[bytes], Any]


def _split(topic: str) -> list[str]:
    return topic.split("/") if len(topic) <= TOPIC_LIMIT else []
