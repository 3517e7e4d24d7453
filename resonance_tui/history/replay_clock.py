"""Pure: where a replay of a recording is, with pause, seek and speed."""

from __future__ import annotations

from dataclasses import dataclass, replace

SPEEDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class ReplayClock:
    """A position between `first` and `last` that moves while it plays.

    Positions are on the recording's own clock (epoch s); `now` of every method is monotonic
    seconds and may stand still or step back. Changes return a new clock.
    """

    first: float
    last: float
    anchor: float  # the position at `since`
    since: float = 0.0  # monotonic s
    speed: float = 1.0  # one of SPEEDS
    is_playing: bool = False

    def at(self, now: float) -> float:
        """The position, from `first` to `last`."""
        if not self.is_playing:
            return self.anchor
        return min(self.anchor + max(now - self.since, 0.0) * self.speed, self.last)

    def is_over(self, now: float) -> bool:
        return self.at(now) >= self.last

    def play(self, now: float) -> ReplayClock:
        """From here; from the beginning where it has ended."""
        here = self.first if self.is_over(now) else self.at(now)
        return replace(self, anchor=here, since=now, is_playing=True)

    def pause(self, now: float) -> ReplayClock:
        return replace(self, anchor=self.at(now), since=now, is_playing=False)

    def toggle(self, now: float) -> ReplayClock:
        """Pause what moves, play what stands: one that has ended stands."""
        is_moving = self.is_playing and not self.is_over(now)
        return self.pause(now) if is_moving else self.play(now)

    def seek(self, position: float, now: float) -> ReplayClock:
        """To the position, or to the end that is nearer to it; it goes on as it did."""
        inside = min(max(position, self.first), self.last)
        return replace(self, anchor=inside, since=now)

    def skip(self, seconds: float, now: float) -> ReplayClock:
        """So far on; back where it is below 0."""
        return self.seek(self.at(now) + seconds, now)

    def faster(self, now: float, by: int = 1) -> ReplayClock:
        """`by` steps up SPEEDS, down below 0; the position stays."""
        index = min(max(SPEEDS.index(self.speed) + by, 0), len(SPEEDS) - 1)
        return replace(self, anchor=self.at(now), since=now, speed=SPEEDS[index])

    def settle(self, now: float) -> ReplayClock:
        """The same, paused once it has ended."""
        return self.pause(now) if self.is_playing and self.is_over(now) else self
