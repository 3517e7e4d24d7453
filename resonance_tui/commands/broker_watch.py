"""What a host watches at its own broker: how many are there, how much is said."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from resonance_broker.running import Figure, RunningBroker

from resonance_tui.commands.broker_host import FAREWELL_S, Host, own_url
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.connection import LinkState

log = logging.getLogger(__name__)
# The MQTT client calls a subscription that we cancelled an error; never on the status line.
log.addHandler(logging.NullHandler())

WINDOW = 5  # draws, one a second, over which traffic is averaged


@dataclass(frozen=True, slots=True)
class Figures:
    """A broker's traffic as of now; `viewers` None before the broker has said anything."""

    viewers: int | None = None
    in_per_s: float = 0.0
    out_per_s: float = 0.0


class FigureReader:
    """Adds up what a broker publishes of itself, without our own connections and their traffic.

    `names`: topic to figure, as the broker's `figures` says.
    """

    def __init__(self, names: Mapping[str, Figure]) -> None:
        self._names = names
        self._values: dict[Figure, int] = {}
        self._heard = 0
        self._draws: deque[tuple[float, int, int]] = deque(maxlen=WINDOW + 1)

    def feed(self, topic: str, payload: bytes) -> None:
        """Take in one message; other topics, and payloads that are no number, are ignored."""
        self._heard += 1
        name = self._names.get(topic)
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
    broker: RunningBroker,
    channels: Sequence[str],
    show: Callable[[Figures], None],
    say: Callable[[str], None] = log.warning,
) -> None:
    """Show the figures once a second; returns when the broker has ended for good.

    `say` takes a sentence for a person now and then.
    """
    reader = FigureReader(broker.figures)
    host = Host(broker, channels, tuple(broker.figures), reader.feed, forget=reader.forget, say=say)
    # Aggregators need MQTT 5. The rooms of a broker without it are small: everybody reads all.
    counting = [
        Aggregator(own_url(broker), channel, version=5) for channel in channels if broker.has_mqtt5
    ]
    async with asyncio.TaskGroup() as group:
        ours = [group.create_task(host.run(), name="broker-host")]
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
