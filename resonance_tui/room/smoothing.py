"""Smooths predictions to a steady report: averaging, hysteresis, when to publish."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.emotions import Emotion

AWAY_AFTER_S = 1.0  # no face for this long, and the viewer is away
UNREAD_AFTER_S = 1.0  # a face for this long without a prediction, and the viewer is "unsure"
LAPSES_AFTER_S = 5.0  # predictions that stop coming: what was read holds for this long, or for
LAPSES_AFTER_GAPS = 4.0  # this many times the last gap between two of them, for a slow engine


@dataclass(frozen=True, slots=True)
class Steady:
    """The smoothed state."""

    code: Emotion
    confidence: float  # 0-1; 0 while away
    probabilities: tuple[float, ...]  # averaged, seven; empty while away


ABSENT = Steady(Emotion.AWAY, 0.0, ())
UNREAD = Steady(Emotion.UNSURE, 0.0, ())  # a face, and no prediction yet


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """Found on real clips and on still faces under webcam noise (tests/pipeline/test_steady.py)."""

    time_constant_s: float = 0.4  # of the average over predictions
    margin: float = 0.10  # by which a new emotion must lead the present one
    hold_s: float = 0.4  # for how long it must lead; a clear lead halves this
    clear_margin: float = 0.5
    unsure_below: float = 0.4
    unsure_band: float = 0.05  # hysteresis around the threshold


class Smoother:
    """Averages probabilities over time and changes the emotion only for a lead that lasts.

    A challenger (another emotion, or "unsure") takes over once it has led by `margin` for `hold_s`
    without a break. Times are seconds on any one clock.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self._settings = settings or SmoothingSettings()
        self.reset()

    def reset(self) -> None:
        """Forget the face: another person, or the camera was off."""
        self._average: list[float] = []
        self._at = -math.inf
        self._seen_at = -math.inf
        self._waits_since: float | None = None  # for a first prediction of the face in view
        self._came_at: float | None = None  # the newest prediction
        self._gap = 0.0
        self._holder = Emotion.AWAY
        self._challenger: Emotion | None = None
        self._since = 0.0

    def see(self, probabilities: tuple[float, ...], at: float) -> Steady:
        """A prediction for the face in view at time `at`."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
        self._blend(probabilities, at)
        self._seen_at = max(self._seen_at, at)  # a slow engine's news is older than the face
        self._note_gap()
        if self._holder is Emotion.AWAY:
            self._holder = self._wanted()
        else:
            self._contest(at)
        return self._steady()

    def miss(self, at: float) -> Steady:
        """No face at time `at`; nothing changes until it has been gone for `AWAY_AFTER_S`."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
            return ABSENT
        return self._steady()

    def keep(self, at: float) -> Steady:
        """The face is in view at `at`, whether or not a prediction comes of it."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
            self._waits_since = at
        self._seen_at = max(self._seen_at, at)
        if self._came_at is not None and at - self._came_at > self._patience_s():
            waits_since = self._came_at
            self.reset()
            self._seen_at, self._waits_since = at, waits_since
        return self._steady()

    def _note_gap(self) -> None:
        before = self._came_at if self._came_at is not None else self._waits_since
        self._came_at = self._seen_at
        self._gap = self._came_at - before if before is not None else 0.0

    def _patience_s(self) -> float:
        return max(LAPSES_AFTER_S, LAPSES_AFTER_GAPS * self._gap)

    def _blend(self, probabilities: tuple[float, ...], at: float) -> None:
        if not self._average:
            self._average = list(probabilities)
        else:
            weight = 1.0 - math.exp(-(at - self._at) / self._settings.time_constant_s)
            self._average = [
                old + weight * (new - old)
                for old, new in zip(self._average, probabilities, strict=True)
            ]
        self._at = at

    def _wanted(self) -> Emotion:
        """The emotion of the average, with hysteresis around the present one."""
        rules = self._settings
        top = max(self._average)
        best = Emotion(self._average.index(top))
        band = rules.unsure_band if self._holder is not Emotion.UNSURE else -rules.unsure_band
        if top < rules.unsure_below - band:
            return Emotion.UNSURE
        if self._holder.is_emotion and top - self._average[self._holder] < rules.margin:
            return self._holder
        return best

    def _contest(self, at: float) -> None:
        wanted = self._wanted()
        if wanted is self._holder:
            self._challenger = None
            return
        if wanted is not self._challenger:
            self._challenger, self._since = wanted, at
        if at - self._since >= self._hold(wanted):
            self._holder, self._challenger = wanted, None

    def _hold(self, wanted: Emotion) -> float:
        rules = self._settings
        if not (wanted.is_emotion and self._holder.is_emotion):
            return rules.hold_s
        lead = self._average[wanted] - self._average[self._holder]
        return rules.hold_s / 2 if lead >= rules.clear_margin else rules.hold_s

    def _steady(self) -> Steady:
        if not self._average:
            since = self._seen_at if self._waits_since is None else self._waits_since
            return UNREAD if self._seen_at - since >= UNREAD_AFTER_S else ABSENT
        index = self._holder if self._holder.is_emotion else self._average.index(max(self._average))
        return Steady(self._holder, self._average[index], tuple(self._average))


class PublishGate:
    """When to publish a report: on a change, at most once a second; a confidence that drifted less
    often. The link's heartbeat repeats it in between."""

    def __init__(
        self, *, min_gap_s: float = 1.0, drift: int = 20, drift_gap_s: float = 5.0
    ) -> None:
        self._min_gap_s, self._drift, self._drift_gap_s = min_gap_s, drift, drift_gap_s
        self._last: tuple[Emotion, int, int] | None = None
        self._at = -math.inf

    def opens(self, code: Emotion, confidence: int, flags: int, now: float) -> bool:
        """Whether to publish now; True counts as published."""
        quiet = now - self._at
        if self._last is not None:
            changed = (code, flags) != (self._last[0], self._last[2])
            drifted = abs(confidence - self._last[1]) >= self._drift
            if not (changed and quiet >= self._min_gap_s) and not (
                drifted and quiet >= self._drift_gap_s
            ):
                return False
        self._last, self._at = (code, confidence, flags), now
        return True

    def reset(self) -> None:
        self._last = None
