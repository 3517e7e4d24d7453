"""Pure: which part of a recording is looked at and how, and where each key takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.charting.views import FIRST_VIEW, ViewSpec

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


@dataclass(frozen=True, slots=True)
class ViewState:
    """A window on a recording, a way to look at it, and a cursor that reads values."""

    window: Viewport
    view: ViewSpec = FIRST_VIEW
    is_grouped: bool = False
    is_corrected: bool = False
    cursor: float | None = None  # epoch s

    @property
    def corrects(self) -> bool:
        """Whether what this view shows is corrected."""
        return self.is_corrected and self.view.is_of_emotions

    def on(self, window: Viewport) -> ViewState:
        """The same view of another window; a cursor outside of it is removed."""
        is_seen = self.cursor is not None and window.holds(self.cursor)
        return replace(self, window=window, cursor=self.cursor if is_seen else None)

    def zoom(self, factor: float) -> ViewState:
        """Around the cursor, which keeps its place on screen; else around the middle."""
        return self.on(self.window.zoom(factor, self.cursor))

    def around(self, t: float) -> ViewState:
        """`t` under the cursor, and in the middle as far as the ends allow."""
        return replace(self, window=self.window.around(t), cursor=t)

    def point(self, t: float) -> ViewState:
        return replace(self, cursor=min(max(t, self.window.start), self.window.end))

    def step(self, by: int, bins: int) -> ViewState:
        """The cursor `by` buckets of `bins` on; past the edge the window moves with it."""
        width = self.width_s(bins)
        if self.cursor is None:
            return self.point(self.window.middle)
        t = min(max(self.cursor + by * width, self.window.low), self.window.high)
        over = max(0.0, t - self.window.end) + min(0.0, t - self.window.start)
        return replace(self, window=self.window.pan(over / self.window.span), cursor=t)

    def grown(self, low: float, high: float) -> ViewState:
        """After new seconds were recorded: a window at the end stays at the end."""
        return self.on(self.window.grown(low, high))

    def bins(self, most: int) -> int:
        """How many buckets a chart of `most` columns draws: none is shorter than a second."""
        return max(1, min(most, int(self.window.span + 1)))

    def width_s(self, bins: int) -> float:
        return (self.window.span + 1) / self.bins(bins)

    def bucket(self, bins: int) -> tuple[float, float] | None:
        """First and last moment of the bucket under the cursor, epoch s."""
        if self.cursor is None:
            return None
        width = self.width_s(bins)
        index = int((self.cursor - self.window.start) / width)
        start = self.window.start + min(index, self.bins(bins) - 1) * width
        return start, start + width - 1e-3
