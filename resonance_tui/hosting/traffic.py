"""What a host is shown of its broker: how many people there are, what they say, what is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from resonance_broker.running import Figure

WINDOW = 5  # draws, one a second, over which traffic is averaged


@dataclass(frozen=True, slots=True)
class Figures:
    """The rooms of a broker as of now."""

    people: int | None = None  # None: not connected yet
    reports_per_s: float = 0.0
    out_per_s: float | None = None  # messages; None: the broker does not tell


class Rate:
    """A counter that only grows, as so many a second over the last draws."""

    def __init__(self) -> None:
        self._draws: deque[tuple[float, int]] = deque(maxlen=WINDOW + 1)

    def draw(self, now: float, count: int) -> float:
        """Takes the counter as of `now`: seconds of any steady clock."""
        if self._draws and count < self._draws[-1][1]:
            self._draws.clear()  # it began again
        self._draws.append((now, count))
        since, count_then = self._draws[0]
        return (count - count_then) / max(now - since, 1.0)


class FigureReader:
    """Reads how many messages a broker has sent, without those to our own connections.

    `names`: topic to figure, as the broker's `figures` says; empty for one that tells nothing.
    """

    def __init__(self, names: Mapping[str, Figure]) -> None:
        self._names = names
        self.forget()

    def feed(self, topic: str, payload: bytes) -> None:
        """Take in every message of the host's connection; a payload that is no number is only
        counted."""
        self._heard += 1
        if self._names.get(topic) == "sent" and len(payload) < 20 and payload.isdigit():
            self._sent = int(payload)

    def forget(self) -> None:
        """After a lost connection: the counters may start from nothing again."""
        self._sent: int | None = None
        self._heard = 0
        self._rate = Rate()

    def out_per_s(self, now: float, *, heard: int = 0) -> float | None:
        """Messages a second. `heard`: how many of them our aggregators have received so far.
        None before the broker has told."""
        if self._sent is None:
            return None
        return self._rate.draw(now, self._sent - self._heard - heard)
