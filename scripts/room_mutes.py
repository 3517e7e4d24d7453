"""bench_room's mutes: from a host's key to every screen of a large room, and what that costs.

Every viewer is a connection of its own with an authority of its own, which verifies signatures as
a session does; all of them in one process, so that the last one waits for all others' arithmetic.
A mute is in effect for a viewer once its rules say so and the total no longer counts the muted.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from room_load import Load, Viewer, subscribe

from resonance_tui.hosting.desk import Desk
from resonance_tui.protocol.events import RulesEvent, TotalEvent
from resonance_tui.protocol.messages import RULES, TOTAL, decode
from resonance_tui.protocol.packets import connack_code
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.room.authority import Authority
from resonance_tui.room_keys import RoomKey, RoomKeys

_PUBLISH, _SUBACK = 3, 9
REPORT_EVERY_S = 5.0
BETWEEN_S = 2.0


@dataclass(frozen=True, slots=True)
class Mutes:
    """What was measured; times in seconds from the host's key press."""

    viewers: int
    mutes: int
    ruled_s: list[float]  # one for each viewer and mute: the rules say so
    counted_s: list[float]  # and the total does not count the muted any more
    missed: int  # viewers that a mute did not reach in time
    bytes_s: float  # that one viewer receives, without mutes
    bytes_mute: float  # that one viewer receives for a mute

    @property
    def growth(self) -> float:
        """Of the traffic to a viewer, where the host acts once in five minutes."""
        return self.bytes_mute / (300 * self.bytes_s)


class Screen(Viewer):
    """A line that hears totals and rules, and knows whom it would not show."""

    def __init__(self, channel: str, key: RoomKey, totals: dict[bytes, int], load: Load) -> None:
        super().__init__(load.ledger, channel, TOTAL.topic.of(channel), {})
        self.viewer_id = self.topic.rpartition("/")[2]
        self.ruled_at: dict[str, float] = {}  # by the id of the muted
        self.counted_at: dict[int, float] = {}  # by how many viewers the total counts
        self.bytes = {"total": 0, "rules": 0}
        self._channel, self._totals = channel, totals
        self._authority = Authority(channel, remembered=key.host_public, host_print=key.print)

    def _packet(self, data: bytes, at: int, start: int, end: int, now: float) -> None:
        kind = data[at] >> 4
        if kind == _PUBLISH:
            self._hear(data, start, end, end - at)
        elif kind == _SUBACK:
            if not self._ready.done():
                self._ready.set_result(None)
        elif connack_code(data[at:end]) == 0:
            rules = RULES.topic.filter(channel=self._channel)
            self.write(subscribe(self._follows) + subscribe(rules))

    def _hear(self, data: bytes, start: int, end: int, size: int) -> None:
        name = (data[start] << 8) + data[start + 1] + start + 2
        topic, payload = data[start + 2 : name].decode(), data[name + 1 + data[name] : end]
        if topic == self._follows:
            self.bytes["total"] += size
            if payload not in self._totals:
                event = decode(topic, payload)
                self._totals[payload] = event.viewers if isinstance(event, TotalEvent) else 0
            self.counted_at.setdefault(self._totals[payload], time.perf_counter())
            return
        self.bytes["rules"] += size
        event = decode(topic, payload)
        if isinstance(event, RulesEvent):
            self._authority.take_rules(event)
            rules = self._authority.look(time.monotonic(), time.time())
            for muted in rules.muted if rules else ():
                self.ruled_at.setdefault(muted, time.perf_counter())


async def measure_mutes(
    url: str, channel: str, viewers: int, mutes: int, seconds: float, folder: Path
) -> Mutes:
    """`folder`: with the room's key, which the aggregator of the room has too. `seconds`: how long
    the traffic without mutes is measured."""
    keys = RoomKeys(folder)
    key = keys.make(channel)
    load = Load(channel, 0, TOTAL.topic.of(channel))
    totals: dict[bytes, int] = {}
    screens = [Screen(channel, key, totals, load) for _ in range(viewers)]
    load.lines = list[Viewer](screens)
    desk = Desk(parse_broker_url(url), keys, key, sees_viewers=False)
    running = asyncio.create_task(desk.run())
    try:
        await load.enter(parse_broker_url(url).port)
        await desk.until_ready()
        talking = asyncio.create_task(load.talk(10_000, REPORT_EVERY_S))
        await _until_counted(screens, viewers)
        before, began = _heard(screens, "total"), time.perf_counter()
        await asyncio.sleep(seconds)
        bytes_s = (_heard(screens, "total") - before) / (time.perf_counter() - began) / viewers
        ruled, counted, missed = await _mute(desk, screens, mutes)
        bytes_mute = _heard(screens, "rules") / viewers / mutes
        talking.cancel()
    finally:
        running.cancel()
        await asyncio.wait([running])
        load.leave()
    return Mutes(viewers, mutes, ruled, counted, missed, bytes_s, bytes_mute)


def _heard(screens: list[Screen], kind: str) -> int:
    return sum(each.bytes[kind] for each in screens)


async def _until_counted(screens: list[Screen], viewers: int) -> None:
    async with asyncio.timeout(60):
        while not all(viewers in each.counted_at for each in screens):
            await asyncio.sleep(0.1)


async def _mute(
    desk: Desk, screens: list[Screen], mutes: int
) -> tuple[list[float], list[float], int]:
    ruled: list[float] = []
    counted: list[float] = []
    missed = 0
    for number, victim in enumerate(screens[:mutes], 1):
        left = len(screens) - number
        pressed = time.perf_counter()
        await desk.act("mute", victim.viewer_id)
        await asyncio.sleep(BETWEEN_S)
        for each in screens:
            said, seen = each.ruled_at.get(victim.viewer_id), each.counted_at.get(left)
            if said is None or seen is None:
                missed += 1
                continue
            ruled.append(said - pressed)
            counted.append(max(said, seen) - pressed)
    return ruled, counted, missed
