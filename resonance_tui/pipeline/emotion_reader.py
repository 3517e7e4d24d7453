"""What the own face says now: predictions of one person, smoothed; nobody, once they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from resonance_tui.listeners import Listeners
from resonance_tui.room.smoothing import ABSENT, UNREAD, Smoother, SmoothingSettings, Steady


class EmotionReader:
    """Tells `on_reading(steady, latency_ms)` whenever something was read.

    `era` grows when what is being predicted no longer concerns what is seen: another person, the
    camera off, sharing on again. A prediction that began in an earlier era is dropped.
    """

    def __init__(self, on_reading: Callable[[Steady, dict[str, float]], None]) -> None:
        self._on_reading = Listeners(on_reading)
        self._smoother = Smoother()
        self._track: int | None = None
        self.era = 0

    def set_threshold(self, unsure_below: float) -> None:
        """The engine's; forgets what was read before."""
        self._smoother = Smoother(SmoothingSettings(unsure_below=unsure_below))

    def forget(self) -> None:
        """The camera was switched off, or sharing on: what was seen before is not told."""
        self.era += 1
        self._smoother.reset()
        self._on_reading(ABSENT, {})

    def saw(self, track: int, at: float) -> None:
        """A face is in view at `at` (monotonic s), whether or not a prediction comes of it."""
        if track != self._track:
            self._track = track
            self.era += 1
            self._smoother.reset()
        if self._smoother.keep(at) is UNREAD:
            self._on_reading(UNREAD, {})

    def missed(self, at: float) -> bool:
        """No face at `at`; True once it has been gone for long enough to say so."""
        if self._smoother.miss(at) is not ABSENT:
            return False
        self.era += 1
        self._on_reading(ABSENT, {})
        return True

    def judged(
        self, probabilities: tuple[float, ...], at: float, era: int, latency_ms: dict[str, float]
    ) -> None:
        """A prediction of the clip that ended at `at`, begun in `era`."""
        if era != self.era:
            return
        started = time.perf_counter()
        steady = self._smoother.see(probabilities, at)
        spent = {
            "smoothing": round((time.perf_counter() - started) * 1000, 3),
            "total": round((time.monotonic() - at) * 1000, 2),
        }
        self._on_reading(steady, latency_ms | spent)
