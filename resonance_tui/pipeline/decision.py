"""Pure: when there is enough evidence to say that a face shows another emotion.

A sequential test (CUSUM) for each emotion that could take the place of the one that holds. What a
prediction says for a challenger is the log ratio of their probabilities, less a drift that noise
does not overcome, limited to -1 and 1. That is integrated over time and never falls below zero, so
a sum is "seconds of full evidence". Who reaches the immunity takes over: a face that shows
something for less time than that, a blink or a syllable, cannot get there at any frame rate,
and one that shows it clearly gets there with the first prediction after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.emotions import Emotion

EPSILON = 1e-9  # s; sums of time steps that are there but for rounding
LEAST = 1e-4  # a probability below this counts as this

Probabilities = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """Found on faces that rest and talk; `scripts/bench_decision` measures them on others."""

    immunity_s: float = 0.25  # what lasts shorter than this is never told
    drift: float = 0.5  # nats by which a challenger must lead for its time to count
    full: float = 1.0  # nats from which on it counts fully
    unsure_below: float = 0.4  # top probability, 0-1
    unsure_band: float = 0.05  # hysteresis around it
    arrival: float = 3.5  # nats by which the first emotion must lead the next
    arrival_s: float = 0.6  # after which the leading one is told in any case


class SequentialTest:
    """Which emotion holds, prediction by prediction. Times are seconds on any one clock."""

    def __init__(self, settings: DecisionSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Nobody is known: another person is in view."""
        self.holder: Emotion | None = None  # None while an arriving face is not decided on
        self._arrival = _Arrival(self._settings)
        self._sums = dict.fromkeys((*_EMOTIONS, Emotion.UNSURE), 0.0)
        self._before: tuple[Probabilities, float, float] | None = None
        self.is_contested = False  # the newest prediction speaks for another emotion

    def update(
        self,
        probabilities: Probabilities,
        average: Probabilities,
        at: float,
        span: float,
        demand: float = 0.0,
    ) -> None:
        """Take in the prediction of a clip that took `span` s and ended at `at`.

        `average`: of the last predictions; decides between two challengers that are both through.
        `demand`: how much surer than usual this one has to be, 0-1: the picture is a bad one.
        """
        if self.holder is None:
            self.holder = self._arrival.update(probabilities, at, span, demand)
        else:
            self._contest(self._evidence(probabilities, demand), average, at, span)
        self._before = probabilities, at, demand

    def _contest(
        self, now: dict[Emotion, float], average: Probabilities, at: float, span: float
    ) -> None:
        self._integrate(now, at, span)
        self.is_contested = any(value > 0 for value in now.values())
        through = [
            code
            for code, value in now.items()
            if value > 0 and self._sums[code] >= self._settings.immunity_s - EPSILON
        ]
        if through:
            self.holder = max(through, key=lambda code: average[code] if code.is_emotion else 0.0)
            self._sums = dict.fromkeys(self._sums, 0.0)

    def _integrate(self, now: dict[Emotion, float], at: float, span: float) -> None:
        if self._before is None:
            return
        earlier, earlier_at, demand = self._before
        before, gone = self._evidence(earlier, demand), max(at - earlier_at, 0.0)
        # Of a long pause no more is known than of a short one. A clip that only repeats the one
        # before counts half.
        repeated = max(span - gone, 0.0) / span if span > 0 else 0.0
        step = min(gone, self._settings.immunity_s) * (1 - repeated / 2)
        for code, value in now.items():
            mean = (before[code] + value) / 2
            # A challenger's first prediction says nothing of the time before it.
            rate = mean if before[code] > 0 and value > 0 else min(mean, 0.0)
            self._sums[code] = max(0.0, self._sums[code] + step * rate)

    def _evidence(self, probabilities: Probabilities, demand: float) -> dict[Emotion, float]:
        """For each challenger of the holder: -1 (speaks fully against it) to 1."""
        rules, holder = self._settings, self.holder
        if holder is None or not holder.is_emotion:
            leave = rules.unsure_below + demand + rules.unsure_band
            return {c: _limited((probabilities[c] - leave) / 0.1) for c in _EMOTIONS}
        enter = rules.unsure_below + demand - rules.unsure_band
        held = math.log(max(probabilities[holder], LEAST))
        found = {
            code: min(
                self._lead(math.log(max(probabilities[code], LEAST)) - held),
                _limited((probabilities[code] - enter) / rules.unsure_band),
            )
            for code in _EMOTIONS
            if code is not holder
        }
        return found | {Emotion.UNSURE: _limited((enter - max(probabilities)) / 0.1)}

    def _lead(self, nats: float) -> float:
        rules = self._settings
        return _limited((nats - rules.drift) / (rules.full - rules.drift))


class _Arrival:
    """The first emotion of a face, by the odds against the next one."""

    def __init__(self, settings: DecisionSettings) -> None:
        self._settings = settings
        self._since: float | None = None
        self._count = 0
        self._logs = [0.0] * len(_EMOTIONS)
        self._sums = [0.0] * len(_EMOTIONS)
        self._demands = 0.0

    def update(
        self, probabilities: Probabilities, at: float, span: float, demand: float
    ) -> Emotion | None:
        """The emotion that is certain enough, or "unsure"; None while more must be seen."""
        rules = self._settings
        self._since = at - span if self._since is None else self._since
        self._count += 1
        self._demands += demand
        for code, value in enumerate(probabilities):
            self._logs[code] += math.log(max(value, LEAST))
            self._sums[code] += value
        first, second = sorted(self._logs, reverse=True)[:2]
        mean = max(self._sums) / self._count
        best = Emotion(self._logs.index(first))
        unsure_below = rules.unsure_below + self._demands / self._count
        is_flat = mean < unsure_below - rules.unsure_band
        if at - self._since >= rules.arrival_s or mean < unsure_below - 2 * rules.unsure_band:
            return Emotion.UNSURE if is_flat else best
        return best if first - second >= rules.arrival and not is_flat else None


_EMOTIONS = tuple(code for code in Emotion if code.is_emotion)


def _limited(value: float) -> float:
    return min(max(value, -1.0), 1.0)
