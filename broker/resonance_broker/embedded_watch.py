"""What amqtt leaves undone: a client that has fallen silent is closed, and so is a connection that
another one of the same client took over. Loaded by amqtt itself, as one of its plugins."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amqtt.plugins.base import BasePlugin

if TYPE_CHECKING:
    from amqtt.broker import Broker, BrokerContext
    from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
    from amqtt.session import Session

LOOK_EVERY_S = 0.5
PATIENCE = 1.5  # keepalives, as the standard has it


@dataclass(slots=True)
class _Connection:
    session: Session
    handler: BrokerProtocolHandler
    silent_s: float = 0.0  # since its last packet, while we were running


class ConnectionWatch(BasePlugin["BrokerContext"]):
    """Knows the newest connection of each client, and how long nothing came from it."""

    def __init__(self, context: BrokerContext) -> None:
        super().__init__(context)
        self._broker: Broker | None = None
        self._connections: dict[str, _Connection] = {}
        self._lines: set[StreamWriter] = set()

    def begin(self, broker: Broker) -> None:
        """Before the broker is started: its connections are those to be closed."""
        self._broker = broker
        meet = broker.stream_connected

        async def keep(reader: StreamReader, writer: StreamWriter, listener_name: str) -> None:
            self._lines.add(writer)
            try:
                await meet(reader, writer, listener_name)
            finally:
                self._lines.discard(writer)

        broker.stream_connected = keep

    def hang_up(self) -> None:
        """On whoever is left once the broker has been shut down: its loop ends, and a connection
        that it leaves open looks like a broker that says nothing."""
        for each in self._lines:
            each.transport.abort()

    async def on_mqtt_packet_received(self, *, session: Session | None = None, **_: object) -> None:
        known = self._connections.get(session.client_id or "") if session is not None else None
        if known is not None and known.session is session:
            known.silent_s = 0.0

    async def on_broker_client_connected(self, *, client_id: str, **_: object) -> None:
        """Of a client that was connected already the old connection is closed. Its will is not
        sent: who is back has not left."""
        before = self._connections.get(client_id)
        if self._broker is None or client_id not in self._broker.sessions:
            return
        self._connections[client_id] = _Connection(*self._broker.sessions[client_id])
        if before is not None and before.session is not self._connections[client_id].session:
            before.session.will_flag = False
            await before.handler.handle_connection_closed()

    async def on_broker_client_disconnected(
        self, *, client_id: str, client_session: Session, **_: object
    ) -> None:
        known = self._connections.get(client_id)
        if known is not None and known.session is client_session:
            del self._connections[client_id]

    async def run(self) -> None:
        """Close whoever is silent, until cancelled. A sleep of this whole machine is nobody's
        silence: a look counts for no longer than the pause between two."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for client_id, each in list(self._connections.items()):
                each.silent_s += LOOK_EVERY_S
                is_newest = self._connections.get(client_id) is each  # still, after other closings
                if is_newest and 0 < PATIENCE * each.session.keep_alive < each.silent_s:
                    del self._connections[client_id]
                    await each.handler.handle_connection_closed()  # the will is sent
