"""Pure: when a room moves so much that OBS is asked to keep it. Times are seconds of one clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from resonance_tui.emotions import REACTIONS, Emotion
from resonance_tui.room.reactions import ReactionDetector, ReactionRules

SHARE, LEAST, COOL_DOWN_S = 0.5, 3, 20.0
_RISE_OF_SHARE = 0.6  # of the share that is asked for, so much must be new


@dataclass(frozen=True, slots=True)
class LiveRules:
    """What counts as a moment."""

    emotions: tuple[Emotion, ...] = REACTIONS
    share: float = SHARE  # of those who are read, 0-1
    least: int = LEAST  # viewers that must be read
    cool_down_s: float = COOL_DOWN_S  # between two moments, whatever their emotions

    def of_detector(self) -> ReactionRules:
        """The same for one emotion: where fewer people are asked for, fewer must have joined."""
        return ReactionRules(
            least_people=self.least,
            least_more=float(min(2, self.least)),
            least_share=self.share,
            least_rise=min(0.3, _RISE_OF_SHARE * self.share),
            quiet_s=self.cool_down_s,
        )


@dataclass(frozen=True, slots=True)
class LiveMoment:
    """The room began to show `emotion` at `at`; that is clear up to a second later."""

    at: float
    emotion: Emotion
    people: int  # who show it
    read: int  # who show any emotion

    @property
    def share(self) -> float:
        """0-1, of those who are read."""
        return self.people / self.read


class LiveWatch:
    """Takes the counts of a room as they change; tells a moment once, when it is clear."""

    def __init__(self, rules: LiveRules) -> None:
        one = rules.of_detector()
        self._cool_down_s, self._held_s = rules.cool_down_s, one.held_s
        self._detectors = {code: ReactionDetector(code, one) for code in rules.emotions}
        self._times: deque[float] = deque()  # of what was taken, as far back as a rise is held
        self._told_at = -math.inf

    def reset(self) -> None:
        """The room was not seen for a while: what was usual is not known any more."""
        self._times.clear()
        for detector in self._detectors.values():
            detector.reset()

    def take(self, counts: Sequence[int], at: float) -> LiveMoment | None:
        """`counts`: seven, in the order of `Emotion`. The emotion that most show."""
        seven = tuple(counts)
        self._times.append(at)
        while self._times[0] < at - self._held_s:
            self._times.popleft()
        shown = {code: each.take(seven, at) for code, each in self._detectors.items()}
        code = max(shown, key=lambda each: shown[each], default=None)
        if code is None or not shown[code] or at - self._told_at < self._cool_down_s:
            return None
        self._told_at = at
        return LiveMoment(self._times[0], code, shown[code], sum(seven))
