"""Pure: what this viewer reports, from the camera or by key, and when that is worth a message."""

from __future__ import annotations

import math

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.protocol.values import FILM, FORGET_ME, MANUAL, PRIVATE, SIMULATED, Report
from resonance_tui.room.private_answers import PrivateAnswers
from resonance_tui.session.events import SelfState, SelfView
from resonance_tui.session.private_voice import (
    OPENLY,
    SLOT_S,
    Manner,
    PrivacyView,
    PrivateVoice,
)

MANUAL_LASTS_S = 10.0
PRIVATE_CONFIDENCE = 0  # always: how sure an answer is would tell whether it is a true one


class SelfReport:
    """The own state. All times are monotonic seconds.

    `boot`: of the reports; the link numbers them. `is_simulated`: marks every report that comes
    from the camera, and so does `is_film`. `answers`: of a viewer whose reports may be private.
    """

    def __init__(
        self,
        boot: int,
        answers: PrivateAnswers | None = None,
        /,
        *,
        is_simulated: bool,
        is_film: bool = False,
    ) -> None:
        self._boot = boot
        self._flags = _flags(is_simulated, is_film)
        self._reading: tuple[Steady, dict[str, float]] = (ABSENT, {})
        self._manual: tuple[Emotion, float] | None = None  # the emotion, and when it lapses
        self._gate = PublishGate()
        self.team = 0  # in the host's list; 0: in none
        self.asks_to_be_forgotten = False  # says every report until the host has
        self._told_wish = False  # by the newest private report
        self._voice = PrivateVoice(answers or PrivateAnswers())
        self._manner = OPENLY

    def speak(self, manner: Manner) -> bool:
        """How to tell the own state from now on; True where that is another manner than before,
        so that what was said in that one has to be taken back."""
        is_other, self._manner = manner != self._manner, manner
        if is_other:
            self.reset()
        return is_other

    @property
    def privacy(self) -> PrivacyView | None:
        """What of the budget is spent; None while nothing is told privately."""
        epsilon = self._manner.epsilon
        return None if epsilon is None else self._voice.view(epsilon)

    def mark_source(self, *, is_simulated: bool, is_film: bool = False) -> None:
        """Of another camera, from the next reading on."""
        self._flags = _flags(is_simulated, is_film)
        self._reading = (ABSENT, {})

    def read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        """Takes the newest state of the face path."""
        self._reading = (steady, latency_ms)

    def say(self, code: Emotion | None, now: float) -> None:
        """Report `code` for ten seconds whatever the camera shows; None takes that back."""
        self._manual = None if code is None else (code, now + MANUAL_LASTS_S)

    def view(self, now: float, *, is_sharing: bool) -> SelfView:
        """The own state as screens show it."""
        if self._manual is not None and now >= self._manual[1]:
            self._manual = None
        if self._manual is not None:
            code = self._manual[0]
            return SelfView(_state(code, is_sharing), code, 1.0, is_manual=True)
        steady, latency_ms = self._reading
        return SelfView(
            _state(steady.code, is_sharing),
            steady.code,
            round(steady.confidence, 4),
            tuple(round(value, 4) for value in steady.probabilities),
            latency_ms,
            is_simulated=bool(self._flags & SIMULATED),
        )

    def report(self, view: SelfView) -> Report:
        """What `view` is as a report; its `seq` is the link's to set. A private one has the answer
        that was given last, and nothing in it tells whether a key said it."""
        wish = FORGET_ME if self.asks_to_be_forgotten else 0
        if not self._manner.is_open:
            said = Emotion.AWAY if self._voice.said is None else self._voice.said
            flags = PRIVATE | self._flags | wish
            return Report(self._boot, 0, said, PRIVATE_CONFIDENCE, flags)
        flags = (MANUAL if self._manual is not None else self._flags) | wish
        percent = round(100 * view.confidence)
        return Report(self._boot, 0, view.code, percent, flags, team=self.team)

    def due(self, view: SelfView, now: float) -> Report | None:
        """The report to be published now, which counts as published; None where there is none."""
        epsilon = self._manner.epsilon
        if self._manner.is_held:
            return None
        if epsilon is not None:
            return self._private_due(view, epsilon, now)
        report = self.report(view)
        opens = self._gate.opens(report.code, report.confidence, report.flags, now)
        return report if opens else None

    def _private_due(self, view: SelfView, epsilon: float, now: float) -> Report | None:
        """Another answer, or the same once the person asks to be forgotten or no longer does."""
        is_news, wish = self._voice.look(view.code, epsilon, now), self.asks_to_be_forgotten
        is_news |= self._voice.said is not None and wish != self._told_wish
        if not is_news:
            return None
        self._told_wish = wish
        return self.report(view)

    def reset(self) -> None:
        """The next report is due whatever it says."""
        self._gate.reset()
        self._voice.begin()

    def slow_down(self, seconds: float) -> None:
        """At least so long between two reports that differ; 0 for as usual."""
        self._gate.slow_s = seconds
        self._voice.slot_s = max(SLOT_S, seconds)


def _flags(is_simulated: bool, is_film: bool) -> int:
    return (SIMULATED if is_simulated else 0) | (FILM if is_film else 0)


def _state(code: Emotion, is_sharing: bool) -> SelfState:
    if not is_sharing:
        return "paused"
    if code is Emotion.AWAY:
        return "away"
    return "unsure" if code is Emotion.UNSURE else "ok"


class PublishGate:
    """Opens for a report that differs from the last one, at most once every `min_gap_s`.

    A confidence that moved by `drift` percent or more counts as different after `drift_gap_s`.
    Unchanged reports are repeated by the link's heartbeat. Times are monotonic seconds. In a
    slow room both gaps are `slow_s` at least.
    """

    def __init__(
        self, *, min_gap_s: float = 1.0, drift: int = 20, drift_gap_s: float = 5.0
    ) -> None:
        self._min_gap_s, self._drift, self._drift_gap_s = min_gap_s, drift, drift_gap_s
        self.slow_s = 0.0
        self._last: tuple[Emotion, int, int] | None = None
        self._at = -math.inf

    def opens(self, code: Emotion, confidence: int, flags: int, now: float) -> bool:
        """Whether to publish now; True counts as published. `confidence` in percent."""
        quiet = now - self._at
        if self._last is not None:
            if quiet < self.slow_s:
                return False
            changed = (code, flags) != (self._last[0], self._last[2])
            drifted = abs(confidence - self._last[1]) >= self._drift
            if not (changed and quiet >= self._min_gap_s) and not (
                drifted and quiet >= self._drift_gap_s
            ):
                return False
        self._last, self._at = (code, confidence, flags), now
        return True

    def reset(self) -> None:
        """The next report is published whatever it says."""
        self._last = None
