"""The host at its own broker: reads the figures, keeps the rooms announced and counted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import aiomqtt

from broker.address import pinned_context
from broker.running import RunningBroker
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging import wire
from resonance_tui.messaging.address import parse_broker_url
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.line import LinkState

log = logging.getLogger(__name__)
# The MQTT client calls a subscription that we cancelled an error; never on the status line.
log.addHandler(logging.NullHandler())

RETRY_S = 1.0
SILENCE_S = 10.0  # a broker that renews its figures every second is gone after this
FAREWELL_S = 1.0
WINDOW = 5  # draws, one a second, over which traffic is averaged

_SYS = "$SYS/broker/"
_FIGURES = {
    "clients/connected": "connected",
    "publish/messages/received": "received",
    "publish/messages/sent": "sent",
    "messages/publish/received": "received",  # the embedded broker's spelling
    "messages/publish/sent": "sent",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """A broker's traffic as of now; `viewers` None before the broker has said anything."""

    viewers: int | None = None
    in_per_s: float = 0.0
    out_per_s: float = 0.0


class FigureReader:
    """Makes figures out of $SYS; our own connections and their traffic are not counted."""

    def __init__(self) -> None:
        self._values: dict[str, int] = {}
        self._heard = 0
        self._draws: deque[tuple[float, int, int]] = deque(maxlen=WINDOW + 1)

    def feed(self, topic: str, payload: bytes) -> None:
        """Take one $SYS message; what is no figure of ours is passed over."""
        self._heard += 1
        name = _FIGURES.get(topic.removeprefix(_SYS))
        if name and len(payload) < 20 and payload.isdigit():
            self._values[name] = int(payload)

    def forget(self) -> None:
        """After a lost connection: the counters may start from nothing again."""
        self._values.clear()
        self._draws.clear()
        self._heard = 0

    def figures(self, now: float, *, agents: int = 0, told: int = 0, heard: int = 0) -> Figures:
        """`now`: seconds of any steady clock; `agents`: our aggregators that are connected, and
        how many messages they have told and heard."""
        if not {"connected", "sent"} <= self._values.keys():
            return Figures()
        received = self._values.get("received", 0) - told
        sent = self._values["sent"] - self._heard - heard
        self._draws.append((now, received, sent))
        since, received_then, sent_then = self._draws[0]
        span_s = max(now - since, 1.0)
        return Figures(
            viewers=max(self._values["connected"] - 1 - agents, 0),
            in_per_s=max(received - received_then, 0) / span_s,
            out_per_s=max(sent - sent_then, 0) / span_s,
        )


async def watch(
    broker: RunningBroker, channels: Sequence[str], show: Callable[[Figures], None]
) -> None:
    """Show the figures once a second; returns when the broker has ended for good."""
    reader = FigureReader()
    # Without MQTT 5 it is the embedded broker, whose rooms are small enough for everybody to hear.
    counting = [_aggregator(broker, channel) for channel in channels if broker.has_mqtt5]
    async with asyncio.TaskGroup() as group:
        ours = [group.create_task(_stay_connected(broker, channels, reader), name="broker-host")]
        ours += [group.create_task(_count(each), name="aggregator") for each in counting]
        try:
            while broker.is_running:
                show(_figures(reader, counting))
                await asyncio.sleep(1.0)
        finally:
            await _end(*ours)


def _figures(reader: FigureReader, counting: Sequence[Aggregator]) -> Figures:
    return reader.figures(
        time.monotonic(),
        agents=sum(each.status.state is LinkState.CONNECTED for each in counting),
        told=sum(each.figures.told for each in counting),
        heard=sum(each.figures.heard for each in counting),
    )


def _aggregator(broker: RunningBroker, channel: str) -> Aggregator:
    settings, login = broker.settings, broker.login
    url = replace(
        parse_broker_url(settings.url),
        username=login.name if login else None,
        password=login.password if login else None,
    )
    return Aggregator(url, channel, version=5, tls=_tls(broker))


async def _count(aggregator: Aggregator) -> None:
    try:
        await aggregator.run()
    except BrokerRefused as error:  # the rooms go on as a mesh
        log.warning("not counting: %s", error)


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel until it is so: `wait_for` in Python 3.11, under the MQTT client, can swallow one.

    It does when the cancellation meets the very answer that was waited for.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=FAREWELL_S + 0.5)


async def _stay_connected(
    broker: RunningBroker, channels: Sequence[str], reader: FigureReader
) -> None:
    while True:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError, OSError):
            async with _client(broker) as client:
                await _host(client, channels, reader)
        reader.forget()
        await asyncio.sleep(RETRY_S)


async def _host(client: aiomqtt.Client, channels: Sequence[str], reader: FigureReader) -> None:
    """Announce the rooms and listen; on the way out the announcements are taken back."""
    try:
        await _announce(client, channels, wire.encode_room(wire.RoomSettings()))
        await client.subscribe([(_SYS + name, 0) for name in _FIGURES])
        await _listen(client, reader)
    except asyncio.CancelledError:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await _announce(client, channels, b"")
        raise


async def _listen(client: aiomqtt.Client, reader: FigureReader) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(SILENCE_S) as limit:
        async for message in client.messages:
            limit.reschedule(loop.time() + SILENCE_S)
            payload = message.payload
            reader.feed(str(message.topic), payload if isinstance(payload, bytes) else b"")


async def _announce(client: aiomqtt.Client, channels: Sequence[str], payload: bytes) -> None:
    for channel in channels:
        await client.publish(wire.room_topic(channel), payload, qos=1, retain=True)


def _client(broker: RunningBroker) -> aiomqtt.Client:
    settings, login = broker.settings, broker.login
    version = aiomqtt.ProtocolVersion
    return aiomqtt.Client(
        settings.local_host,
        settings.port,
        identifier=f"rsn-host-{secrets.token_hex(4)}",
        username=login.name if login else None,
        password=login.password if login else None,
        protocol=version.V5 if broker.has_mqtt5 else version.V311,
        tls_context=_tls(broker),
        timeout=5,
        keepalive=10,
        logger=log,
    )


def _tls(broker: RunningBroker) -> ssl.SSLContext | None:
    """We know this certificate: it is ours, under whatever name it was made for."""
    certificate = broker.settings.tls_cert
    return pinned_context(certificate, check_hostname=False) if certificate else None
