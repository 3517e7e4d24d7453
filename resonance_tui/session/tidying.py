"""The recorder's part at a broker where nothing expires: it clears what is left behind."""

from __future__ import annotations

from collections.abc import Sequence

from resonance_tui.messaging.link import Link
from resonance_tui.protocol.events import Event
from resonance_tui.protocol.topics import is_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room.sweeping import Sweeper


class Tidying:
    """`own_id`: any; an account sweeps under its name."""

    def __init__(self, broker: BrokerUrl, channel: str, own_id: str) -> None:
        name = broker.username or ""
        self._sweeper = Sweeper(channel, name if is_id(name) else own_id)
        self._was_connected = False

    def look(
        self,
        link: Link,
        events: Sequence[Event],
        now: float,
        *,
        is_connected: bool,
        hears_all: bool,
    ) -> None:
        """To be called at every look at the room. `hears_all`: every report comes here."""
        if self._was_connected and not is_connected:
            self._sweeper.lost()
        self._was_connected = is_connected
        for event in events:
            self._sweeper.take(event, now)
        if not hears_all:
            self._sweeper.forget()
        if is_connected and link.traits is not None and not link.traits.expires:
            link.tidy(self._sweeper.step(now))
