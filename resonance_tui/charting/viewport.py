"""Pure: which part of a recording is on screen, and where the keys take it."""

from __future__ import annotations

from dataclasses import dataclass, replace

LEAST_S = 30.0


@dataclass(frozen=True, slots=True)
class Viewport:
    """`low <= start < end <= high`, epoch seconds; at least LEAST_S wide."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, low: float, high: float) -> Viewport:
        """The whole recording; a very short one is shown in the middle of LEAST_S."""
        spare = max(0.0, LEAST_S - (high - low)) / 2
        return cls(low - spare, high + spare, low - spare, high + spare)

    @property
    def span(self) -> float:
        return self.end - self.start

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @property
    def is_whole(self) -> bool:
        return self.start == self.low and self.end == self.high

    @property
    def is_at_end(self) -> bool:
        return self.end == self.high

    def whole(self) -> Viewport:
        return replace(self, start=self.low, end=self.high)

    def pan(self, part: float) -> Viewport:
        """Moved by a part of its own width (negative: back in time), not past the ends."""
        return self._placed(self.start + part * self.span, self.span)

    def zoom(self, factor: float, fixed: float | None = None) -> Viewport:
        """`factor` > 1 shows less time; `fixed` (epoch s; the middle when None) keeps its place."""
        span = min(max(self.span / factor, LEAST_S), self.high - self.low)
        if fixed is None:
            fixed = self.middle
        return self._placed(fixed - (fixed - self.start) * span / self.span, span)

    def around(self, t: float) -> Viewport:
        """As wide as before, with `t` in the middle as far as the ends allow."""
        return self._placed(t - self.span / 2, self.span)

    def latest(self) -> Viewport:
        """As wide as before, at the end."""
        return self._placed(self.high - self.span, self.span)

    def grown(self, low: float, high: float) -> Viewport:
        """The recording now reaches from `low` to `high`, as in `over`. The whole stays the whole,
        and a window at the end moves on with it; any other stays where it is."""
        new = Viewport.over(low, high)
        if self.is_whole:
            return new
        placed = replace(self, low=new.low, high=new.high)
        return placed.latest() if self.is_at_end else placed

    def holds(self, t: float) -> bool:
        return self.start <= t <= self.end

    def _placed(self, start: float, span: float) -> Viewport:
        start = min(max(start, self.low), self.high - span)
        if self.high - self.low - span < 1e-6:
            return self.whole()
        return replace(self, start=max(start, self.low), end=min(start + span, self.high))
