"""What a broker publishes of itself as figures: how many viewers there are, how much is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from resonance_broker.running import Figure

WINDOW = 5  # draws, one a second, over which traffic is averaged


@dataclass(frozen=True, slots=True)
class Figures:
    """A broker's traffic as of now; `viewers` None before the broker has sent any figure."""

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
