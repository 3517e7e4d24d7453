"""Simulated viewers: what each shows at a time, as a pure function of a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.reaction_kinds import Reaction

_FIRST = ("amber", "brisk", "calm", "dusty", "early", "fuzzy", "gentle", "hazy", "ivory", "jolly")
_LAST = ("badger", "dingo", "egret", "ferret", "gecko", "heron", "ibis", "koala", "lemur", "otter")

# How often people at a screen show what, between the moments; happiness first, fear last.
_RESTING = (0.18, 0.06, 0.58, 0.03, 0.08, 0.02, 0.05)
_MOMENTS = (
    Emotion.HAPPINESS,
    Emotion.SURPRISE,
    Emotion.SADNESS,
    Emotion.HAPPINESS,
    Emotion.FEAR,
    Emotion.ANGER,
)
MOMENT_EVERY_S = 24.0
MOMENT_LASTS_S = 9.0
SHORTEST_STAY_S = 60.0  # at least, unless the average is shorter


REACTS = 0.2  # how likely a changed mood comes with a reaction by key
TEAMLESS = 0.1  # of them join no team
_REACTIONS: dict[Emotion, tuple[Reaction, ...]] = {
    Emotion.HAPPINESS: (Reaction.LAUGH, Reaction.APPLAUSE, Reaction.HEART),
    Emotion.SURPRISE: (Reaction.WOW, Reaction.APPLAUSE),
    Emotion.SADNESS: (Reaction.HEART,),
    Emotion.ANGER: (Reaction.BOO,),
    Emotion.NEUTRAL: (Reaction.QUESTION, Reaction.FASTER, Reaction.SLOWER),
}


def reaction_to(code: Emotion, rng: random.Random) -> Reaction | None:
    """What a simulated viewer sends with a key as its mood turns to `code`; mostly nothing."""
    kinds = _REACTIONS.get(code, ())
    likely = REACTS / 10 if code is Emotion.NEUTRAL else REACTS
    return rng.choice(kinds) if kinds and rng.random() < likely else None


def team_of(taste: float, teams: int) -> int:
    """The team, from 1, that a simulated viewer joins of so many; 0 for none. `taste`: 0 to 1."""
    joins = min(taste / (1 - TEAMLESS), 1.0)
    return 1 + int(joins * teams) if teams and joins < 1 else 0


def random_nickname(rng: random.Random) -> str:
    """A friendly two-word nickname."""
    return f"{rng.choice(_FIRST)}-{rng.choice(_LAST)}"


@dataclass(slots=True)
class SimulatedMood:
    """One viewer who dwells on an emotion for seconds and, now and then, feels with the room."""

    rng: random.Random
    nickname: str
    code: Emotion = Emotion.NEUTRAL
    confidence: int = 60
    until: float = 0.0

    def step(self, now: float) -> bool:
        """Advance to `now` (seconds since the start); True when something changed."""
        if now < self.until:
            return False
        self.code = self._next(now)
        self.confidence = self.rng.randint(45, 98) if self.code.is_emotion else 0
        self.until = now + self.rng.uniform(3.0, 12.0)
        return True

    def _next(self, now: float) -> Emotion:
        chance = self.rng.random()
        if chance < 0.03:
            return Emotion.AWAY
        if chance < 0.08:
            return Emotion.UNSURE
        number, into = divmod(now, MOMENT_EVERY_S)
        if into < MOMENT_LASTS_S and self.rng.random() < 0.7:
            return _MOMENTS[int(number) % len(_MOMENTS)]
        return self.rng.choices(EMOTIONS, _RESTING)[0]


@dataclass(frozen=True, slots=True)
class Visit:
    """When a viewer is in the room; seconds since the start."""

    arrives_at: float
    leaves_at: float


def first_visit(rng: random.Random, within_s: float, stay_s: float) -> Visit:
    """A viewer joins in the first `within_s` seconds and stays `stay_s` on average."""
    arrives_at = rng.uniform(0, within_s)
    return Visit(arrives_at, arrives_at + _stay_length(rng, stay_s))


def next_visit(rng: random.Random, after: float, stay_s: float) -> Visit:
    """A viewer joins some seconds after another has left at `after`."""
    arrives_at = after + rng.uniform(0.5, 8.0)
    return Visit(arrives_at, arrives_at + _stay_length(rng, stay_s))


def _stay_length(rng: random.Random, mean_s: float) -> float:
    """Most leave early, some stay for hours: exponential, above a shortest stay."""
    shortest = min(SHORTEST_STAY_S, mean_s / 2)
    return shortest + rng.expovariate(1 / (mean_s - shortest))


def crowd(size: int, seed: int = 0) -> list[SimulatedMood]:
    """`size` viewers, the same ones for the same seed, no two of the same name; their first steps
    are spread over 3 s."""
    rng = random.Random(seed)
    names = [f"{first}-{last}" for first in _FIRST for last in _LAST]
    rng.shuffle(names)
    viewers: list[SimulatedMood] = []
    for number in range(size):
        round_, index = divmod(number, len(names))
        own_rng = random.Random(rng.random())
        name = names[index] + (f"-{round_ + 1}" if round_ else "")
        viewers.append(SimulatedMood(own_rng, name, until=own_rng.uniform(0, 3)))
    return viewers
