"""Pure: what of a recording is looked at, and where each key takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.charting.viewport import Viewport
from resonance_tui.charting.views import View


@dataclass(frozen=True, slots=True)
class ViewState:
    """A window on a recording, a way to look at it, and a cursor that reads values."""

    window: Viewport
    view: View = View.EMOTIONS
    is_grouped: bool = False
    is_corrected: bool = False
    cursor: float | None = None  # epoch s

    @property
    def corrects(self) -> bool:
        """Whether what this view shows is corrected."""
        return self.is_corrected and self.view.is_of_emotions

    def on(self, window: Viewport) -> ViewState:
        """The same look at another time; a cursor that falls out of sight is put away."""
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
