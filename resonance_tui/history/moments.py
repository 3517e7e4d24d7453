"""Pure: where the room reacted: times at which its mix of emotions changed beyond chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.history.recording import Floats, Recording
from resonance_tui.history.windows import Ints, Mix, WindowSums

SCALES_S = (5, 20)  # a scare is over in seconds, a laugh builds up
USUAL_S, USUAL_PARTS = 60, 5  # what the room is usually like: the median of so many minutes
PEAK_S = 15  # within this long after its start a reaction is at its highest
SETTLED_S = (30, 60)  # where a reaction is over and a turn is not
MOMENT_APART_S = 60
LEAST_SHIFT = 0.12  # of the room; smaller changes are no moments, however certain
LEAST_PEOPLE = 5  # with fewer viewers read, no change counts as a moment
DWELL_S = 10  # a face tells something new this often; in between it repeats itself
CHANCE_Z = 3.5  # one look in four thousand exceeds it by chance
CHUNK = 1 << 16  # rows at a time: bounds the memory

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
    """The room changed its mind at `t`."""

    t: int  # epoch s
    shift: float  # 0-1: part of the room that feels something else than just before
    code: Emotion  # the emotion that gained most
    before: float  # its share just before, 0-1
    after: float  # and its highest in the seconds that follow
    strength: float = 0.0  # 0-1: Jensen-Shannon divergence in bits, less what chance gives
    kind: Kind = "reaction"  # "turn": the new mood stayed
    length_s: int = 0  # how long at least half of the rise lasted; 0 where it was not measured
    chance: float = 0.0  # how often an hour a room without a reaction looks as much like one

    @property
    def name(self) -> str:
        """Its display name."""
        return NAMES[self.code]


def moments(track: Recording, limit: int = 12) -> list[Moment]:
    """The strongest changes of the room's mix, in order of time, a minute or more apart.

    Two neighbouring windows are compared at each second, once for each of SCALES_S. A moment's
    strength is their Jensen-Shannon divergence beyond what chance gives, were each window a few
    looks (one every DWELL_S) at viewers who choose anew each time: the fewer they are, the more
    of them must change. Changes that coming and going explains are none, nor is the way back
    from a reaction to what the room was like before.
    """
    if len(track) < 2:
        return []
    sums = WindowSums(track)
    strength = np.concatenate(
        [
            _strengths(sums, track.times[low : low + CHUNK]).max(axis=0)
            for low in range(0, len(track), CHUNK)
        ]
    )
    return [_describe(sums, t) for t in _apart(track.times, strength, limit)]


def _apart(times: Ints, strength: Floats, limit: int) -> list[int]:
    """Non-maximum suppression: the strongest first, and none near one that was taken."""
    candidates = np.flatnonzero(strength > 0)
    found: list[int] = []
    for index in candidates[np.argsort(-strength[candidates], kind="stable")]:
        t = int(times[index])
        if all(abs(t - other) >= MOMENT_APART_S for other in found):
            found.append(t)
        if len(found) == limit:
            break
    return sorted(found)


def _strengths(sums: WindowSums, times: Ints) -> Floats:
    """`float64[scales, K]`: bits beyond chance at each of `times`, 0 where there is no moment."""
    usual = _usual(sums, times)
    return np.stack([_strength(sums, times, scale, usual) for scale in SCALES_S])


def _usual(sums: WindowSums, times: Ints) -> Floats:
    """`float64[K, 7]`: a median, so that what the room did for two of five minutes is not usual.
    A minute that was not recorded is taken to be like the last one."""
    minutes = [sums.mix(times - USUAL_S * (back + 1), USUAL_S) for back in range(USUAL_PARTS)]
    last = minutes[0].shares
    return np.median([np.where(m.is_known[:, None], m.shares, last) for m in minutes], axis=0)


def _strength(sums: WindowSums, times: Ints, scale_s: int, usual: Floats) -> Floats:
    before, after = sums.mix(times - scale_s, scale_s), sums.mix(times, scale_s)
    beyond = _beyond_chance(before, after, max(1.0, scale_s / DWELL_S))
    shift = _distance(before.shares, after.shares)
    is_way_back = _distance(after.shares, usual) < _distance(before.shares, usual)
    is_moment = (
        before.is_known
        & after.is_known
        & (np.minimum(before.people, after.people) >= LEAST_PEOPLE)
        & (shift - _turnover(before, after) >= LEAST_SHIFT)
        & ~is_way_back
    )
    return np.where(is_moment, np.maximum(beyond, 0.0), 0.0)


def jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence of the mixes `p[K, C]` and `q[K, C]` in bits, 0-1."""
    return np.maximum(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2, 0.0)


def _beyond_chance(before: Mix, after: Mix, draws: float) -> Floats:
    """Bits beyond chance, were each window `draws` looks at each of its viewers: of the whole mix,
    or of the share of the one emotion that gained most, whichever is more. (Several emotions may
    gain at once; one alone is told from chance sooner.)"""
    fewest = np.maximum(draws * np.minimum(before.people, after.people), 1e-9)
    most = np.maximum(draws * np.maximum(before.people, after.people), 1e-9)
    in_play = ((before.shares + after.shares) / 2 * fewest[:, None] >= 0.5).sum(axis=1)
    gained = np.argmax(after.shares - before.shares, axis=1)[:, None]
    one, other = (_or_not(np.take_along_axis(m.shares, gained, 1)) for m in (before, after))
    share = jensen_shannon(one, other) - chance(fewest, most, np.ones_like(in_play))
    mix = jensen_shannon(before.shares, after.shares) - chance(fewest, most, in_play - 1)
    return np.maximum(share, mix)


def chance(n: Floats, m: Floats, freedom: Ints) -> Floats:
    """The divergence (K,) in bits that two draws of `n` and `m` viewers from the same room exceed
    once in four thousand, with `freedom` emotions that vary (at least one).

    For small differences 8 JSD / (1/n + 1/m) in nats follows a chi-squared law.
    """
    return _chi_squared(np.maximum(freedom, 1)) * (1 / n + 1 / m) / (8 * np.log(2))


def _chi_squared(freedom: Ints) -> Floats:
    """The quantile at CHANCE_Z, after Wilson and Hilferty."""
    spread = 2 / (9 * freedom)
    return freedom * (1 - spread + CHANCE_Z * np.sqrt(spread)) ** 3


def _turnover(before: Mix, after: Mix) -> Floats:
    """The largest shift that people who came or went can have made by themselves."""
    most = np.maximum(np.maximum(before.viewers, after.viewers), 1e-9)
    return np.abs(after.viewers - before.viewers) / most


def _describe(sums: WindowSums, t: int) -> Moment:
    at = np.array([t])
    strengths = _strengths(sums, at)[:, 0]
    scale = SCALES_S[int(np.argmax(strengths))]
    before, after = sums.mix(at - scale, scale).shares[0], sums.mix(at, scale).shares[0]
    code = int(np.argmax(after - before))
    follow = sums.mix(np.arange(t, t + PEAK_S), SCALES_S[0])
    peak = follow.shares[follow.is_known, code].max(initial=after[code])
    first, last = SETTLED_S
    settled = sums.mix(at + first, last - first)
    has_stayed = settled.is_known[0] and settled.shares[0, code] > (before[code] + peak) / 2
    return Moment(
        t,
        float(_distance(before[None], after[None])[0]),
        EMOTIONS[code],
        float(before[code]),
        float(peak),
        float(strengths.max()),
        "turn" if has_stayed else "reaction",
    )


def _distance(p: Floats, q: Floats) -> Floats:
    """Total variation (K,): the part of the room that must change to get from one to the other."""
    return np.abs(p - q).sum(axis=1) / 2


def _or_not(share: Floats) -> Floats:
    return np.concatenate([share, 1 - share], axis=1)


def _entropy(p: Floats) -> Floats:
    return -(p * np.log2(np.maximum(p, 1e-12))).sum(axis=1)
