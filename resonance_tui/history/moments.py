"""Pure: what a moment of a room is, and how far two mixes of emotions are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from resonance_tui.emotions import Emotion
from resonance_tui.history.recording import Floats

Kind = Literal["reaction", "turn"]

NAMES = {
    Emotion.HAPPINESS: "Laughter",
    Emotion.SADNESS: "Sorrow",
    Emotion.NEUTRAL: "Calm",
    Emotion.ANGER: "Outrage",
    Emotion.SURPRISE: "Astonishment",
    Emotion.DISGUST: "Revulsion",
    Emotion.FEAR: "Scare",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The room began to show an emotion at `t`."""

    t: int  # epoch s
    shift: float  # 0-1: part of the room that joined
    code: Emotion
    before: float  # the share that usually shows it, 0-1
    after: float  # and its highest, over three seconds
    strength: float = 0.0  # 0-1: Jensen-Shannon divergence of the two, in bits
    kind: Kind = "reaction"  # "turn": the new mood stayed
    length_s: int = 0  # how long at least half of the rise lasted; 0 where it was not measured
    chance: float = 0.0  # how often an hour a room without a reaction looks as much like one

    @property
    def name(self) -> str:
        """Its display name."""
        return NAMES[self.code]


def jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence of the mixes `p[K, C]` and `q[K, C]` in bits, 0-1."""
    return np.maximum(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2, 0.0)


def _entropy(p: Floats) -> Floats:
    return -(p * np.log2(np.maximum(p, 1e-12))).sum(axis=1)
