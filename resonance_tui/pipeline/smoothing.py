"""Pure: from predictions that flicker to one emotion that holds, by averaging and hysteresis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.emotions import Emotion

AWAY_AFTER_S = 1.0  # no face for this long, and the viewer is away
UNREAD_AFTER_S = 1.0  # a face for this long without a prediction, and the viewer is "unsure"
# An emotion lapses when predictions stop: after LAPSES_AFTER_S, or for a slow engine after
# LAPSES_AFTER_GAPS times the pause between the last two predictions, whichever is longer.
LAPSES_AFTER_S = 5.0
LAPSES_AFTER_GAPS = 4.0


@dataclass(frozen=True, slots=True)
class Steady:
    """The emotion that holds now."""

    code: Emotion
    confidence: float  # 0-1; 0 while away
    probabilities: tuple[float, ...]  # averaged, seven; empty while away


ABSENT = Steady(Emotion.AWAY, 0.0, ())
UNREAD = Steady(Emotion.UNSURE, 0.0, ())  # a face, and no prediction yet


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """Found on real clips and on still faces under webcam noise (tests/pipeline/test_steady.py)."""

    time_constant_s: float = 0.4  # of the average over predictions
    margin: float = 0.10  # by which another emotion must lead the one that holds
    hold_s: float = 0.4  # for how long it must lead; a clear lead halves this
    clear_margin: float = 0.5
    unsure_below: float = 0.4
    unsure_band: float = 0.05  # hysteresis around the threshold


class Smoother:
    """Averages probabilities over time; another emotion has to lead for a while to take over.

    A challenger (another emotion, or "unsure") takes over once it has led by `margin` for `hold_s`
    without a break. Times are seconds on any one clock.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self._settings = settings or SmoothingSettings()
        self.reset()

    def reset(self) -> None:
        """Drop everything: another person is in view, or the camera was off."""
        self._average: list[float] = []
        self._at = -math.inf
        self._seen_at = -math.inf
        self._waiting_since: float | None = None  # face in view, no prediction of it yet
        self._predicted_at: float | None = None  # the newest prediction
        self._gap = 0.0
        self._holder = Emotion.AWAY
        self._challenger: Emotion | None = None
        self._since = 0.0

    def update(self, probabilities: tuple[float, ...], at: float) -> Steady:
        """A prediction of the clip that ended at `at`."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
        self._blend(probabilities, at)
        self._seen_at = max(self._seen_at, at)  # a slow engine answers about an earlier moment
        self._note_gap()
        if self._holder is Emotion.AWAY:
            self._holder = self._wanted()
        else:
            self._contest(at)
        return self._steady()

    def face_absent(self, at: float) -> Steady:
        """No face at `at`; nothing changes until it has been gone for AWAY_AFTER_S."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
            return ABSENT
        return self._steady()

    def face_present(self, at: float) -> Steady:
        """A face in view at `at`, with or without a prediction."""
        if at - self._seen_at > AWAY_AFTER_S:
            self.reset()
            self._waiting_since = at
        self._seen_at = max(self._seen_at, at)
        if self._predicted_at is not None and at - self._predicted_at > self._lapse_s():
            waiting_since = self._predicted_at
            self.reset()
            self._seen_at, self._waiting_since = at, waiting_since
        return self._steady()

    def _note_gap(self) -> None:
        before = self._predicted_at if self._predicted_at is not None else self._waiting_since
        self._predicted_at = self._seen_at
        self._gap = self._predicted_at - before if before is not None else 0.0

    def _lapse_s(self) -> float:
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
        """The emotion that the average asks for, given the one that holds."""
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
            since = self._seen_at if self._waiting_since is None else self._waiting_since
            return UNREAD if self._seen_at - since >= UNREAD_AFTER_S else ABSENT
        index = self._holder if self._holder.is_emotion else self._average.index(max(self._average))
        return Steady(self._holder, self._average[index], tuple(self._average))
