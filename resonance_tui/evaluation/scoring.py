"""Pure: from what was read, moment by moment, to figures for each task.

What is read holds until something else is: all shares are shares of a task's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from resonance_tui.emotions import Emotion
from resonance_tui.evaluation.plan import Plan, Step

LEAST_S = 0.5  # of a task that was broken off; of less nothing can be said


@dataclass(frozen=True, slots=True)
class Reading:
    """What holds from `at` on, in seconds from the start of the plan."""

    at: float
    emotion: Emotion
    confidence: float  # 0-1; 0 while away
    probabilities: tuple[float, ...] = ()  # seven; empty while nothing is known


NOTHING = Reading(0.0, Emotion.AWAY, 0.0)  # holds before the first reading


@dataclass(frozen=True, slots=True)
class TaskScore:
    """What was read during one task."""

    step: Step
    seconds: float  # of it that were done
    shares: dict[Emotion, float]  # of its time, 0-1; sum 1
    changes: int  # of what is told while a face is read
    found_s: float | None  # from its begin until the expected reading holds; None: never
    confidence: float | None  # mean while an emotion holds; None where none did
    probability: float | None  # mean of the expected emotion's; None where nothing was read

    @property
    def share(self) -> float:
        """Of the expected reading, 0-1."""
        return self.shares[self.step.task.expected]

    @property
    def changes_a_minute(self) -> float:
        return 60 * self.changes / self.seconds

    @property
    def leading(self) -> Emotion:
        """What held for longest."""
        return max(self.shares, key=lambda emotion: self.shares[emotion])


def score_all(plan: Plan, readings: Sequence[Reading], until: float) -> list[TaskScore]:
    """The figures of every task of which LEAST_S were done when the sitting ended, `until` s after
    its start. `readings` in the order of time."""
    return [
        score(step, readings, until)
        for step in plan.steps
        if until >= min(step.end, step.begin + LEAST_S)
    ]


def score(step: Step, readings: Sequence[Reading], until: float) -> TaskScore:
    """The figures of one task, which had begun `until` s after the start."""
    end = min(step.end, until)
    pieces = list(_pieces(readings, step.begin, end))
    expected = step.task.expected
    seconds = end - step.begin
    shares = {
        emotion: _sum(length for length, held in pieces if held.emotion is emotion) / seconds
        for emotion in Emotion
    }
    sure = [(length, held.confidence) for length, held in pieces if held.emotion.is_emotion]
    likely = [
        (length, held.probabilities[expected])
        for length, held in pieces
        if held.probabilities and expected.is_emotion
    ]
    return TaskScore(
        step,
        seconds,
        shares,
        _changes(pieces),
        _found(pieces, expected),
        _mean(sure),
        _mean(likely),
    )


def _pieces(
    readings: Sequence[Reading], begin: float, end: float
) -> Iterator[tuple[float, Reading]]:
    """What held between two moments, and for how many seconds, in the order of time."""
    held = NOTHING
    at = begin
    for reading in readings:
        if reading.at >= end:
            break
        if reading.at > at:
            yield reading.at - at, held
            at = reading.at
        held = reading
    yield end - at, held


def _changes(pieces: Sequence[tuple[float, Reading]]) -> int:
    told = [held.emotion for _, held in pieces if held.emotion is not Emotion.AWAY]
    return sum(one is not other for one, other in pairwise(told))


def _found(pieces: Sequence[tuple[float, Reading]], expected: Emotion) -> float | None:
    gone = 0.0
    for length, held in pieces:
        if held.emotion is expected:
            return gone
        gone += length
    return None


def _mean(weighted: Sequence[tuple[float, float]]) -> float | None:
    total = _sum(length for length, _ in weighted)
    return _sum(length * value for length, value in weighted) / total if total > 0 else None


def _sum(values: Iterable[float]) -> float:
    return sum(values, 0.0)
