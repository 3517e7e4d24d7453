"""Pure: a person's own neutral face, and predictions with what it leans to taken out.

Some resting faces lean to an emotion: the engine reads a little sadness, anger or joy in them. How
much more (or less) than in most neutral faces is called the lean: the log ratio of an emotion and
neutral, less what it is in most neutral faces. It is learnt from the predictions of one track while
they are near neutral, or set by key, and taken off the log of that emotion. It is seven numbers in
memory, dropped with the track.

What cannot happen, whatever is seen for however long, and the rule that makes it so:

- A smile or tears that are clearly read teach nothing: a prediction in which an emotion leads
  neutral by more than `near` nats changes no lean, but for fading.
- They are not turned into neutral either: at most `limit` nats are taken off or added, and that is
  not more than `near`. Whoever is read so clearly stays ahead of neutral.
- Nothing is learnt quickly: a lean grows by `rate` nats a second at most, so minutes of a faint
  smile count and a scene does not.
- Nothing stays: without calm moments it fades by half in `half_life_s`.

Only the key, with which a person says so, may set up to `key_limit` at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.secret import shown

Probabilities = tuple[float, ...]

LEAST = 1e-4  # a probability below this counts as this
LONGEST_STEP_S = 1.0  # of a pause between two predictions no more is learnt than of this
CAPTURE_S = 2.0  # for which a person looks at the screen after the key
CAPTURE_LEAST = 3  # predictions that this needs; a slow engine takes longer
USED_FROM = 0.05  # nats; below that nothing is to be told


class BaselineMode(StrEnum):
    """Where a person's neutral comes from."""

    AUTO = "auto"  # calm stretches, and the key
    KEY = "key"
    OFF = "off"


class BaselineState(StrEnum):
    """What a screen says of it."""

    UNUSED = ""  # off, not known, or too little to be noticed
    WAITING = "waiting"  # the key was pressed: the person looks neutral for two seconds
    AUTO = "auto"  # in use, as it was learnt
    KEY = "key"  # in use, as it was set


def baseline_named(setting: str) -> BaselineMode:
    """Raises InputError for what is none."""
    try:
        return BaselineMode(setting)
    except ValueError:
        text = f"There is no baseline {shown(setting, 20)!r}."
        raise InputError(text, "engine.baseline: auto, key, off") from None


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """`scripts/bench_baseline` measures them."""

    weight: float = 1.0  # of the lean, when it is taken off
    near: float = 1.0  # nats by which an emotion may lead neutral and still teach
    limit: float = 1.0  # nats; the largest lean that is learnt
    key_limit: float = 2.0  # the same of one set by key
    rate: float = 0.03  # nats a second
    half_life_s: float = 600.0  # of a lean that nothing confirms
    is_two_sided: bool = True  # what the face leans away from is made likelier


class Baseline:
    """Of the face of one track. Times are seconds on any one clock."""

    def __init__(
        self,
        usual: Probabilities,
        mode: BaselineMode = BaselineMode.AUTO,
        settings: BaselineSettings | None = None,
    ) -> None:
        """`usual`: what the engine says of most neutral faces, seven; empty where that is not
        known, and nothing is changed."""
        self._rules = settings or BaselineSettings()
        self._mode = mode if usual else BaselineMode.OFF
        self._usual = _leads(usual) if usual else []
        self.forget()

    def forget(self) -> None:
        """Another person, or nobody."""
        self._lean = [0.0] * len(_EMOTIONS)
        self._at: float | None = None
        self._key: _Capture | None = None
        self._is_by_key = False

    @property
    def state(self) -> BaselineState:
        if self._key is not None:
            return BaselineState.WAITING
        if max(map(abs, self._shifts())) < USED_FROM:
            return BaselineState.UNUSED
        return BaselineState.KEY if self._is_by_key else BaselineState.AUTO

    @property
    def lean(self) -> tuple[float, ...]:
        """Nats by emotion, 0 for neutral."""
        return tuple(self._lean)

    def capture(self, at: float) -> bool:
        """From `at` on the face is neutral for CAPTURE_S, says the person. False where that is of
        no use: baselines are off, or not known of this engine."""
        if self._mode is BaselineMode.OFF:
            return False
        self._key = _Capture(at)
        return True

    def corrected(self, probabilities: Probabilities, at: float) -> Probabilities:
        """The prediction at `at` less the lean, seven that sum to 1. Learns from it, too."""
        if self._mode is BaselineMode.OFF:
            return probabilities
        leads = _leads(probabilities)
        gone = 0.0 if self._at is None else max(at - self._at, 0.0)
        self._at = at if self._at is None else max(self._at, at)
        self._fade(gone)
        if self._key is not None:
            self._learn_by_key(self._key, leads, at)
        elif self._mode is BaselineMode.AUTO and max(leads) <= self._rules.near:
            self._follow(leads, min(gone, LONGEST_STEP_S))
        return _less(probabilities, self._shifts())

    def _fade(self, gone: float) -> None:
        kept = 0.5 ** (gone / self._rules.half_life_s)
        self._lean = [kept * value for value in self._lean]

    def _follow(self, leads: list[float], gone: float) -> None:
        """One step towards what was seen: over time the median of it."""
        limit, step = self._rules.limit, self._rules.rate * gone
        for code, lead in enumerate(leads):
            seen = lead - self._usual[code]
            seen = limit if seen > limit else max(seen, -limit)
            by = seen - self._lean[code]
            self._lean[code] += step if by > step else max(by, -step)

    def _learn_by_key(self, key: _Capture, leads: list[float], at: float) -> None:
        if at < key.since:
            return  # of a picture from before
        key.add(leads)
        if at - key.since < CAPTURE_S or key.count < CAPTURE_LEAST:
            return
        limit = self._rules.key_limit
        self._lean = [
            _limited(seen - usual, limit)
            for seen, usual in zip(key.means(), self._usual, strict=True)
        ]
        self._key, self._is_by_key = None, True

    def _shifts(self) -> list[float]:
        """Nats to take off each emotion."""
        weight = self._rules.weight
        if self._rules.is_two_sided:
            return [weight * value for value in self._lean]
        return [weight * max(value, 0.0) for value in self._lean]


class _Capture:
    """The predictions since the key was pressed."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self._sums = [0.0] * len(_EMOTIONS)

    def add(self, leads: list[float]) -> None:
        self.count += 1
        self._sums = [one + other for one, other in zip(self._sums, leads, strict=True)]

    def means(self) -> list[float]:
        return [value / self.count for value in self._sums]


_EMOTIONS = tuple(code for code in Emotion if code.is_emotion)


def _leads(probabilities: Sequence[float]) -> list[float]:
    """Nats by which each emotion is ahead of neutral."""
    logs = [math.log(value if value > LEAST else LEAST) for value in probabilities]
    neutral = logs[Emotion.NEUTRAL]
    return [value - neutral for value in logs]


def _less(probabilities: Probabilities, shifts: list[float]) -> Probabilities:
    if not any(shifts):
        return probabilities
    values = [value * math.exp(-by) for value, by in zip(probabilities, shifts, strict=True)]
    whole = sum(values)
    return tuple(value / whole for value in values)


def _limited(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)
