"""Pure: from predictions that flicker to one emotion that holds.

A sequential test decides which (`decision`), an average says how surely, and both say how many
frames a second are worth looking at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.decision import DecisionSettings, SequentialTest

# No face for AWAY_AFTER_S, and the viewer is away. Where frames come slowly, the next one is waited
# for: AWAY_AFTER_GAPS times the pause between the last two, where that is SLOWEST_GAP_S at most.
AWAY_AFTER_S = 1.0
AWAY_AFTER_GAPS = 2.5
SLOWEST_GAP_S = 1.6
UNREAD_AFTER_S = 1.0  # a face for this long without a prediction, and the viewer is "unsure"
# An emotion lapses when predictions stop: after LAPSES_AFTER_S, or for a slow engine after
# LAPSES_AFTER_GAPS times the pause between the last two predictions, whichever is longer.
LAPSES_AFTER_S = 5.0
LAPSES_AFTER_GAPS = 4.0
TIME_CONSTANT_S = 0.3  # of the average over predictions
# How many frames a second the decision wants. A camera of 30 has all of these.
REST_FPS = 6.0  # nothing speaks for a change
ACTIVE_FPS = 30.0  # evidence for another emotion builds up, or a face arrives
CALM_AFTER_S = 0.5  # of a change, which the next frames may still take back


@dataclass(frozen=True, slots=True)
class Steady:
    """The emotion that holds now."""

    code: Emotion
    confidence: float  # 0-1; 0 while away
    probabilities: tuple[float, ...]  # averaged, seven; empty while away


ABSENT = Steady(Emotion.AWAY, 0.0, ())
UNREAD = Steady(Emotion.UNSURE, 0.0, ())  # a face, and nothing known of it yet


class Smoother:
    """The emotion of one face that holds, prediction by prediction; see `SequentialTest`.

    Times are seconds on any one clock.
    """

    def __init__(self, settings: DecisionSettings | None = None) -> None:
        self._test = SequentialTest(settings or DecisionSettings())
        self._frame_gap = 0.0  # between the last two frames with a face
        self.reset()

    def reset(self) -> None:
        """Drop everything: another person is in view, or the camera was off."""
        self._test.reset()
        self._average: tuple[float, ...] = ()
        self._at = self._seen_at = -math.inf
        self._changed_at = -math.inf
        self._waiting_since: float | None = None  # face in view, no prediction of it yet
        self._predicted_at: float | None = None  # the newest prediction
        self._gap = 0.0

    def update(
        self, probabilities: tuple[float, ...], at: float, span: float = 0.0, demand: float = 0.0
    ) -> Steady:
        """A prediction of the clip of `span` s that ended at `at`. `demand`: how much surer than
        usual it has to be, 0-1."""
        self._see(at)  # a slow engine answers about an earlier moment
        self._blend(probabilities, at)
        self._note_gap()
        before = self._test.holder
        self._test.update(probabilities, self._average, at, span, demand)
        if self._test.holder is not before:
            self._changed_at = at
        return self._steady()

    def wanted_fps(self, at: float) -> float:
        """Frames a second that are worth looking at, after what was seen up to `at`."""
        if self._is_away(at):
            return REST_FPS
        is_open = self._test.holder is None or self._test.is_contested
        return ACTIVE_FPS if is_open or at - self._changed_at < CALM_AFTER_S else REST_FPS

    def face_absent(self, at: float) -> Steady:
        """No face at `at`; nothing changes until it has been gone for AWAY_AFTER_S."""
        if self._is_away(at):
            self.reset()
            return ABSENT
        return self._steady()

    def face_present(self, at: float) -> Steady:
        """A face in view at `at`, with or without a prediction."""
        if self._see(at):
            self._waiting_since = at
        if self._predicted_at is not None and at - self._predicted_at > self._lapse_s():
            waiting_since = self._predicted_at
            self.reset()
            self._seen_at, self._waiting_since = at, waiting_since
        return self._steady()

    def _see(self, at: float) -> bool:
        """A face at `at`; whether it had been away."""
        was_away, seen_at = self._is_away(at), self._seen_at
        if was_away:
            self.reset()
        if 0 < (gap := at - seen_at) <= SLOWEST_GAP_S:
            self._frame_gap = gap
        self._seen_at = max(self._seen_at, at)
        return was_away

    def _is_away(self, at: float) -> bool:
        patience = AWAY_AFTER_GAPS * self._frame_gap
        return at - self._seen_at > max(AWAY_AFTER_S, patience)

    def _note_gap(self) -> None:
        before = self._predicted_at if self._predicted_at is not None else self._waiting_since
        self._predicted_at = self._seen_at
        self._gap = self._predicted_at - before if before is not None else 0.0

    def _lapse_s(self) -> float:
        return max(LAPSES_AFTER_S, LAPSES_AFTER_GAPS * self._gap)

    def _blend(self, probabilities: tuple[float, ...], at: float) -> None:
        if not self._average:
            self._average = probabilities
        else:
            weight = 1.0 - math.exp(-max(at - self._at, 0.0) / TIME_CONSTANT_S)
            self._average = tuple(
                old + weight * (new - old)
                for old, new in zip(self._average, probabilities, strict=True)
            )
        self._at = at

    def _steady(self) -> Steady:
        holder = self._test.holder
        if holder is None:
            since = self._seen_at if self._waiting_since is None else self._waiting_since
            return UNREAD if self._seen_at - since >= UNREAD_AFTER_S else ABSENT
        index = holder if holder.is_emotion else self._average.index(max(self._average))
        return Steady(holder, self._average[index], self._average)
