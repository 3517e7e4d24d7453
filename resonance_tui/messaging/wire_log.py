"""The last packets that were sent and received; bounded, whatever a room sends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from resonance_tui.messaging.packet_guard import PUBLISH
from resonance_tui.messaging.tap import Caught

MOST = 500  # packets that are kept


class Shown(StrEnum):
    """Which packets are looked at."""

    ALL = "all"
    SENT = "sent"
    RECEIVED = "received"
    MESSAGES = "messages"  # neither pings nor acknowledgements

    @property
    def next(self) -> Shown:
        every = list(Shown)
        return every[(every.index(self) + 1) % len(every)]

    def holds(self, caught: Caught) -> bool:
        match self:
            case Shown.ALL:
                return True
            case Shown.MESSAGES:
                return caught.packet[0] >> 4 == PUBLISH
            case _:
                return caught.is_sent == (self is Shown.SENT)


@dataclass(frozen=True, slots=True)
class Flow:
    """What went one way since the beginning."""

    packets: int = 0
    bytes: int = 0


class WireLog:
    """The last MOST packets, the oldest first. A listener of `TAPS`."""

    def __init__(self, most: int = MOST) -> None:
        self._kept: deque[Caught] = deque(maxlen=most)
        self.sent = self.received = Flow()

    def __call__(self, caught: Caught) -> None:
        self._kept.append(caught)
        flow = self.sent if caught.is_sent else self.received
        flow = Flow(flow.packets + 1, flow.bytes + caught.size)
        if caught.is_sent:
            self.sent = flow
        else:
            self.received = flow

    def packets(self, shown: Shown = Shown.ALL) -> tuple[Caught, ...]:
        return tuple(each for each in self._kept if shown.holds(each))
