"""Whether a room just burst out laughing, or gasped: a sudden, clear, shared rise of one emotion.

Times are seconds on any clock that grows; the counts may come at any pace.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from resonance_tui.emotions import EMOTIONS, Emotion


@dataclass(frozen=True, slots=True)
class ReactionRules:
    """When a rise counts. Shares are of those who show an emotion, 0-1."""

    least_people: int = 3  # who show an emotion
    least_more: float = 2.0  # people more than usual
    least_share: float = 0.5
    least_rise: float = 0.3
    sigmas: float = 3.0  # and so many standard deviations of what chance does in such a room
    held_s: float = 1.0  # a single odd sample is none
    usual_from_s: float = 30.0  # "usual" is the mean from so long ago ...
    usual_to_s: float = 4.0  # ... up to here, so that the rise itself is no part of it
    usual_least_s: float = 5.0  # of it must be known
    quiet_s: float = 20.0  # between two of a kind
    crowd_change: float = 0.25  # newcomers are no reaction: above this share, look anew


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    people: int  # who show an emotion
    count: int  # who show this one

    @property
    def share(self) -> float:
        return self.count / self.people if self.people else 0.0


class ReactionDetector:
    """Watches one emotion. Fires once for a rise, and not again before it has gone back."""

    def __init__(self, emotion: Emotion, rules: ReactionRules | None = None) -> None:
        self._emotion, self._rules = emotion, rules or ReactionRules()
        self._past: deque[_Sample] = deque()
        self._fired_at = -math.inf
        self._rearm_below: float | None = None  # share; None while armed

    def reset(self) -> None:
        """Forget what was usual: the room was not seen for a while."""
        self._past.clear()

    def take(self, counts: tuple[int, ...], at: float) -> int:
        """How many people react, at the moment in which that has become clear; else 0.

        `counts`: seven, in the order of `Emotion`.
        """
        sample = _Sample(at, sum(counts), counts[self._emotion])
        self._remember(sample)
        usual = self._usual(at)
        if usual is None or self._is_another_crowd(sample, usual):
            return 0
        base = _mean(each.share for each in usual)
        if self._rearm_below is not None and sample.share < self._rearm_below:
            self._rearm_below = None
        is_armed = self._rearm_below is None and at - self._fired_at >= self._rules.quiet_s
        if not is_armed or not self._is_held(base, at):
            return 0
        self._fired_at = at
        self._rearm_below = base + (sample.share - base) / 2
        return sample.count

    def _remember(self, sample: _Sample) -> None:
        self._past.append(sample)
        while self._past[0].at < sample.at - self._rules.usual_from_s:
            self._past.popleft()

    def _usual(self, at: float) -> list[_Sample] | None:
        """The samples of before; None where too little is known."""
        rules = self._rules
        before = [sample for sample in self._past if sample.at <= at - rules.usual_to_s]
        if not before or before[-1].at - before[0].at < rules.usual_least_s:
            return None
        return before

    def _is_another_crowd(self, sample: _Sample, usual: list[_Sample]) -> bool:
        people = _mean(each.people for each in usual)
        if abs(sample.people - people) <= max(self._rules.crowd_change * people, 1.0):
            return False
        self.reset()
        return True

    def _is_held(self, base: float, at: float) -> bool:
        """Whether the rise over the usual share `base` has been clear for long enough."""
        since = at - self._rules.held_s
        newest = [sample for sample in self._past if sample.at >= since]
        return len(newest) > 1 and all(self._is_clear(each, base) for each in newest)

    def _is_clear(self, sample: _Sample, base: float) -> bool:
        rules = self._rules
        if sample.people < rules.least_people or sample.share < rules.least_share:
            return False
        likely = min(max(base, 0.05), 0.95)
        by_chance = rules.sigmas * math.sqrt(likely * (1 - likely) / sample.people)
        is_more = sample.count - base * sample.people >= rules.least_more - 1e-9
        return is_more and sample.share - base >= max(rules.least_rise, by_chance)


class Reactions:
    """The reactions that have a name: laughing and gasping."""

    def __init__(self) -> None:
        self._detectors = {
            "laugh": ReactionDetector(Emotion.HAPPINESS),
            "gasp": ReactionDetector(Emotion.SURPRISE),
        }

    def reset(self) -> None:
        for detector in self._detectors.values():
            detector.reset()

    def take(self, counts: tuple[int, ...], at: float) -> dict[str, int]:
        """People who react, by kind; mostly empty."""
        assert len(counts) == len(EMOTIONS)
        found = {kind: each.take(counts, at) for kind, each in self._detectors.items()}
        return {kind: people for kind, people in found.items() if people}


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
