"""Which topics of a room's shards one connection of an aggregator follows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Set
from types import MappingProxyType

from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.table import Message

UNSUBSCRIBE_AT_ONCE = 16  # topics; a packet has its limit


class ShardSubscriptions:
    """Reports of the shards that are counted, and of some of them what is sent beside reports."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._since: dict[int, float] = {}
        self._beside: dict[str, frozenset[int]] = {}  # shards, by the kind of message
        self.since = MappingProxyType(self._since)  # shards: when, monotonic s

    @property
    def shards(self) -> Set[int]:
        """Whose reports are followed."""
        return self._since.keys()

    def begin(self) -> None:
        """A new connection follows nothing."""
        self._since.clear()
        self._beside.clear()

    async def follow(self, client: BrokerClient, shards: Set[int]) -> None:
        """Reports of these shards and of no others."""
        ended = self._since.keys() - shards
        await self._end(client, REPORT, ended)
        for shard in ended:
            del self._since[shard]
        for shard in sorted(shards - self._since.keys()):
            # One at a time: a broker drops retained messages of too many at once.
            await client.follow(self._filter(REPORT, shard), 0)
            self._since[shard] = time.monotonic()

    async def follow_beside(self, client: BrokerClient, row: Message, shards: Set[int]) -> bool:
        """Messages of that row in these shards and in no others; whether they were others before.
        A broker whose rules were made before there was this row refuses all, and that is that."""
        before, wanted = self._beside.get(row.kind, frozenset[int]()), frozenset(shards)
        await self._end(client, row, before - wanted)
        with contextlib.suppress(BrokerRefused):
            for shard in sorted(wanted - before):
                await client.follow(self._filter(row, shard), 0)
        self._beside[row.kind] = wanted
        return wanted != before

    async def _end(self, client: BrokerClient, row: Message, shards: Set[int]) -> None:
        topics = [self._filter(row, shard) for shard in shards]
        for first in range(0, len(topics), UNSUBSCRIBE_AT_ONCE):
            await client.unsubscribe(topics[first : first + UNSUBSCRIBE_AT_ONCE])

    def _filter(self, row: Message, shard: int) -> str:
        return row.topic.filter(channel=self._channel, shard=str(shard))
