import asyncio
from collections.abc import Awaitable, Callable, Mapping

from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BasePlugin
from amqtt.session import Session

class BrokerContext: ...

class PluginManager:
    def get_plugin(self, name: str) -> BasePlugin[BrokerContext] | None: ...

class Server:
    instance: asyncio.Server

class Broker:
    plugins_manager: PluginManager
    _servers: dict[str, Server]
    stream_connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]
    def __init__(self, config: Mapping[str, object] | None = None) -> None: ...
    @property
    def sessions(self) -> dict[str, tuple[Session, BrokerProtocolHandler]]: ...
    async def start(self) -> None: ...
    async def shutdown(self) -> None: ...
