"""Everything a host's process does while its broker runs, until the broker ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from resonance_broker.running import RunningBroker
from resonance_tui.errors import BrokerRefused, InputError, StoreError
from resonance_tui.hosting.headcount import DRAW_EVERY_S, Headcount
from resonance_tui.hosting.host import FAREWELL_S, Host, own_url
from resonance_tui.hosting.protection import known_authority, renew_protection
from resonance_tui.hosting.traffic import Figures
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.nearby import NearbyAnnouncer
from resonance_tui.room.authority import Authority
from resonance_tui.room_keys import RoomKeys

log = logging.getLogger(__name__)
# The MQTT client calls a subscription that we cancelled an error; never on the status line.
log.addHandler(logging.NullHandler())


async def watch(
    broker: RunningBroker,
    channels: Sequence[str],
    show: Callable[[Figures], None],
    say: Callable[[str], None] = log.warning,
    *,
    keys: RoomKeys | None = None,
    nearby: NearbyAnnouncer | None = None,
) -> None:
    """Show the figures once a second; returns when the broker has ended for good.

    `say` takes a sentence for a person now and then; `nearby` announces the rooms meanwhile.
    `keys`: of the rooms, made where there are none; None keeps them without rules.
    """
    # Aggregators need MQTT 5. The rooms of a broker without it are small: everybody reads all.
    aggregators = [
        Aggregator(own_url(broker), channel, version=5, authority=_authority(channel, keys))
        for channel in channels
        if broker.has_mqtt5
    ]
    headcount = Headcount(broker.figures, aggregators)
    host = Host(broker, channels, headcount, say=say, keys=keys)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(host.run(), name="broker host")]
        tasks += [group.create_task(_aggregate(each), name="aggregator") for each in aggregators]
        if nearby is not None:
            tasks.append(group.create_task(nearby.run(), name="nearby"))
        try:
            while broker.is_running:
                show(headcount.figures(time.monotonic()))
                await asyncio.sleep(DRAW_EVERY_S)
        finally:
            await _cancel_all(*tasks)


def _authority(channel: str, keys: RoomKeys | None) -> Authority | None:
    """What our own aggregator believes: the key that this host shows, and from its first total on
    the rules that were kept, before a broker that was just started is shown them."""
    if keys is None:
        return None
    with contextlib.suppress(StoreError, InputError):  # the host says so, and goes on without
        key = keys.make(channel)
        renew_protection(keys, key)
        return known_authority(keys, key)
    return None


async def _aggregate(aggregator: Aggregator) -> None:
    try:
        await aggregator.run()
    except BrokerRefused as error:  # the rooms go on as a mesh
        log.warning("not counting: %s", error)


async def _cancel_all(*tasks: asyncio.Task[None]) -> None:
    """Cancel until it is so: `wait_for` in Python 3.11, under the MQTT client, can swallow one.

    It does when the cancellation meets the very answer that was waited for.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=FAREWELL_S + 0.5)
