"""Pure: how late viewers of a stream see it: as a person says, and as the room's reactions tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError, InvalidTime
from resonance_tui.history.recording import Floats, Recording
from resonance_tui.history.times import parse_length
from resonance_tui.history.windows import Ints
from resonance_tui.history.words import MOST_DELAY_S
from resonance_tui.secret import describe
from resonance_tui.texts import mark

LAGS_S = (-3, 60)  # of a reaction behind a mark: whoever marks is a little late, too
LEAST_MARKS = 5
LEAST_S = 1600  # of a recording: 25 stretches as long as LAGS_S, of which chance makes one highest
BY_HAND_S = 1.5  # how much later or earlier than a room's face a hand is
WIDEST_S = 15.0  # a wider band tells nothing
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds; the delay lies between `low` and `high` in nine of ten cases."""

    delay_s: float
    low_s: float
    high_s: float
    marks: int  # how many it was told from


def parse_delay(text: str) -> float:
    """From "8.5s" or "12". Raises InvalidTime and InputError."""
    delay_s = parse_length(text)
    if not 0 <= delay_s <= MOST_DELAY_S:
        raise InvalidTime(
            mark("{text} is no delay of a stream.", text=describe(text)),
            mark("Use 0s to 10m, for example 8.5s."),
        )
    return delay_s


def estimate(track: Recording, marks: Sequence[float]) -> Estimate:
    """How long after the streamer's marks (epoch s) the room reacted.

    The mean rise of reactions is taken at each lag behind the marks. It tells a delay where its
    highest lag is higher than at any other place of the recording to which the marks could be
    moved; the band is what other draws of the same marks give. Raises InputError, with what is
    missing, where it cannot be told.
    """
    rises = _rises(track)
    places = np.array([int(t) - track.start for t in marks], np.int64)
    places = places[(places >= 0) & (places < len(rises))]
    if len(places) < LEAST_MARKS:
        raise _unknown(f"there are {len(places)} marks, and {LEAST_MARKS} are needed")
    if len(rises) < LEAST_S:
        raise _unknown(f"the recording is shorter than {LEAST_S // 60} minutes")
    lags = np.arange(LAGS_S[0], LAGS_S[1] + 1)
    found = rises[np.clip(places[:, None] + lags, 0, len(rises) - 1)]  # [marks, lags]
    if not _stands_out(rises, places, float(_mean(found).max())):
        raise _unknown("the room did not react to the marks more than to anything else")
    draws = np.random.default_rng(0).integers(0, len(places), (_DRAWS, len(places)))
    best = [_peak(lags, _mean(found[draw])) for draw in draws]
    low, high = (float(edge) for edge in np.quantile(best, (0.05, 0.95)))
    if high - low > WIDEST_S:
        raise _unknown("the reactions to the marks lie too far apart")
    middle = _peak(lags, _mean(found))
    edges = (middle, low - BY_HAND_S, high + BY_HAND_S)
    delay_s, low, high = (round(max(0.0, edge), 1) for edge in edges)
    return Estimate(delay_s, low, high, len(places))


def _rises(track: Recording) -> Floats:
    """For each second from the first to the last, how much more of the room reacts in the two
    seconds from it on than in the two before; 0 where fewer do, or nothing was recorded."""
    shown = track.counts.sum(axis=1)
    reacting = shown - track.counts[:, Emotion.NEUTRAL]
    share = np.full(track.end + 1 - track.start, np.nan)
    share[track.times - track.start] = reacting / np.maximum(shown, 1)
    if len(share) < 4:
        return np.zeros(len(share))
    rise = np.zeros(len(share))
    rise[2:-1] = (share[2:-1] + share[3:] - share[1:-2] - share[:-3]) / 2
    return np.maximum(np.nan_to_num(rise), 0.0)


def _mean(found: Floats) -> Floats:
    """Over marks, smoothed over three lags."""
    return _smooth(np.pad(found.mean(axis=0), 1))


def _smooth(line: Floats) -> Floats:
    """Over three seconds; the first and the last are taken off."""
    return line[:-2] / 4 + line[1:-1] / 2 + line[2:] / 4


def _peak(lags: Ints, mean: Floats) -> float:
    """The lag of the highest, between seconds."""
    top = int(np.argmax(mean))
    near = slice(max(top - 1, 0), top + 2)
    weight = mean[near]
    return float((lags[near] * weight).sum() / max(float(weight.sum()), 1e-9))


def _stands_out(rises: Floats, places: Ints, highest: float) -> bool:
    """Whether no other lag, round the recording's ends, gives the marks as much."""
    circle = np.zeros(len(rises))
    for place in places:
        circle += np.roll(rises, -place)
    others = _smooth(np.pad(circle, 1, "wrap")) / len(places)
    return float(others[LAGS_S[1] + 2 : LAGS_S[0] - 1].max()) < highest


def _unknown(why: str) -> InputError:
    return InputError(
        mark("The stream's delay cannot be told from this recording: {why}.", why=why),
        mark("Measure it with `d` on the live screen, or give it: --stream-delay 8.5s"),
    )
