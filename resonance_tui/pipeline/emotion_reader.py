"""The emotion of the own face: smoothed predictions of one person; absent once it is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import Flaw
from resonance_tui.listeners import Listeners
from resonance_tui.pipeline.baseline import Baseline, BaselineMode, BaselineState
from resonance_tui.pipeline.decision import DecisionSettings
from resonance_tui.pipeline.flaw import SteadyFlaw
from resonance_tui.pipeline.smoothing import ABSENT, ACTIVE_FPS, UNREAD, Smoother, Steady


class EmotionReader:
    """Calls `on_reading(steady, latency_ms)` whenever there is something to say.

    `generation` grows when running predictions become outdated: another person is in view, the
    camera was switched off, sharing was switched on. A prediction that was started in an earlier
    generation is dropped.
    """

    def __init__(
        self,
        on_reading: Callable[[Steady, dict[str, float]], None],
        baseline: BaselineMode = BaselineMode.OFF,
    ) -> None:
        self._on_reading = Listeners(on_reading)
        self._smoother = Smoother()
        self._flaw, self._is_unsure = SteadyFlaw(), False
        self._mode = baseline
        self.baseline = Baseline((), baseline)  # of the person in view
        self._track: int | None = None
        self.generation = 0

    def set_engine(self, unsure_below: float, neutral: tuple[float, ...] = ()) -> None:
        """The engine's confidence threshold, 0-1, and what it says of most neutral faces, where
        that is known; drops what was read before."""
        self._smoother = Smoother(DecisionSettings(unsure_below=unsure_below))
        self.baseline = Baseline(neutral, self._mode)

    @property
    def flaw(self) -> Flaw:
        """Why the emotion is unsure, where it is and a picture gives the reason."""
        return self._flaw.told if self._is_unsure else Flaw.NONE

    def wanted_fps(self, at: float) -> float:
        """Frames a second that the decision asks for at `at` (monotonic s)."""
        if self.baseline.state is BaselineState.WAITING:
            return ACTIVE_FPS
        return self._smoother.wanted_fps(at)

    def forget(self) -> None:
        """Drop what was read: the camera was switched off, or sharing on. Reports ABSENT."""
        self._smoother.reset()
        self._forget_person()
        self._on_reading(ABSENT, {})

    def _forget_person(self) -> None:
        self.generation += 1
        self.baseline.forget()
        self._flaw.reset()
        self._is_unsure = False

    def face_seen(self, track: int, at: float) -> None:
        """A face in view at `at` (monotonic s), with or without a prediction."""
        if track != self._track:
            self._track = track
            self._smoother.reset()
            self._forget_person()
        if self._smoother.face_present(at) is UNREAD:
            self._on_reading(UNREAD, {})

    def face_held(self, at: float) -> None:
        """Who was in view last looks the same at `at`."""
        if self._track is not None:
            self.face_seen(self._track, at)

    def face_missing(self, at: float) -> bool:
        """No face at `at`. True, and ABSENT reported, once it has been gone for long enough."""
        if self._smoother.face_absent(at) is not ABSENT:
            return False
        self._forget_person()
        self._on_reading(ABSENT, {})
        return True

    def predicted(
        self,
        probabilities: tuple[float, ...],
        at: float,
        generation: int,
        latency_ms: dict[str, float],
        span: float = 0.0,
        flaw: Flaw = Flaw.NONE,
        demand: float = 0.0,
    ) -> None:
        """A prediction of the clip of `span` s that ended at `at`, started in `generation`;
        `flaw` and `demand`: see Judgement."""
        if generation != self.generation:
            return
        started = time.perf_counter()
        own = self.baseline.corrected(probabilities, at)
        self._flaw.see(flaw, at)
        steady = self._smoother.update(own, at, span, demand)
        self._is_unsure = steady.code is Emotion.UNSURE
        if steady is ABSENT:
            return  # of an arriving face too little is known
        spent = {
            "smoothing": round((time.perf_counter() - started) * 1000, 3),
            "total": round((time.monotonic() - at) * 1000, 2),
        }
        self._on_reading(steady, latency_ms | spent)
