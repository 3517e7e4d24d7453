"""The host's part at a broker where nothing expires: it clears what is left behind in its rooms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from resonance_tui.errors import WireError
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.protocol.events import Event, ReportEvent
from resonance_tui.protocol.messages import NICKNAME, REPORT, ROOM_SETTINGS, SWEEP, TABLE, decode
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.room.sweeping import Sweeper

LOOK_EVERY_S = 0.5
_KINDS = (REPORT, NICKNAME, SWEEP, ROOM_SETTINGS)


class Tidying:
    """A `Sweeper` for each of these rooms, on one connection after the other."""

    def __init__(self, channels: Sequence[str]) -> None:
        name = new_viewer_id()
        self._sweepers = {channel: Sweeper(channel, name) for channel in channels}

    def begin(self) -> None:
        """On a new connection, or when reports no longer come."""
        for sweeper in self._sweepers.values():
            sweeper.forget()

    def take(self, topic: str, payload: bytes, is_retained: bool) -> None:
        """Takes any message, and ignores what is not about viewers of these rooms."""
        if TABLE.find(topic) not in _KINDS:
            return
        try:
            event: Event = decode(topic, payload)
        except WireError:
            return
        if isinstance(event, ReportEvent) and is_retained:
            event = replace(event, is_retained=True)
        sweeper = self._sweepers.get(getattr(event, "channel", ""))
        if sweeper is not None:
            sweeper.take(event, time.monotonic())

    async def run(self, client: BrokerClient) -> None:
        """Until the connection is lost. Raises MqttError."""
        while True:
            for sweeper in self._sweepers.values():
                for message in sweeper.step(time.monotonic()):
                    await client.send(message)
            await asyncio.sleep(LOOK_EVERY_S)
