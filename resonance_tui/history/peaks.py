"""Pure: the stretches in which a room showed an emotion more than it usually does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resonance_tui.emotions import REACTIONS, Emotion
from resonance_tui.history.moments import Kind, Moment, jensen_shannon
from resonance_tui.history.recording import Floats, Recording
from resonance_tui.history.windows import Flags, Ints, Mix, WindowSums
from resonance_tui.texts import mark

SPANS_S = (3, 6, 12, 24, 48)  # from a burst of laughter to a long scene
AROUND_S = 300  # what is usual is what the room shows this long before, or before and after
LEAST_PEOPLE = 5  # with fewer viewers read, nothing counts as a moment
LEAST_SHIFT = 0.12  # of the room; where fewer join it is no moment, however certain
NEAR_S = 100  # of a peak: where its beginning and end are looked for first
SETTLED_S = (30, 60)  # after its beginning a reaction is over then, and a turn is not
DWELL_S = 20.0  # a face is one look in this time: people stay with a mood
ONSET_S = 10  # a rise is held against what was shown this long before it
LEAST_GAIN = 2.5  # viewers that must have joined, however small the room is
APART_S = 15  # by default, from the end of one to the beginning of the next
ONE_AN_HOUR_Z = 2.9  # a room without reactions exceeds it once an hour in one emotion
TAIL = 0.75  # scores of small rooms reach further than a normal law's, whose tail is 1
FALSE_PER_HOUR = 1.0  # over all emotions that are looked for
SURE, LIKELY = 0.01, 0.1  # false ones an hour

_PARTS = ((0.22, "some"), (0.3, "a quarter"), (0.42, "a third"), (0.58, "half"), (0.85, "most"))


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    """One emotion over a recording of N rows."""

    share: Floats  # (N,) of those who were read, over three seconds around
    usual: Floats  # (N,) share that the room shows when it does not react
    score: Floats  # (N,) highest over all spans that begin here, in standard deviations
    span: Ints  # (N,) the span, in s, that it came from


def peaks(
    track: Recording,
    codes: Sequence[Emotion] = REACTIONS,
    *,
    top: int | None = None,
    apart_s: int = APART_S,
    within: tuple[int, int] | None = None,
    false_per_hour: float = FALSE_PER_HOUR,
) -> list[Moment]:
    """Stretches in which more of the room than usual showed one of `codes`, in order of time.

    The share over each span is held against what the room shows in the ten minutes around, other
    peaks left out. One counts where chance gives a room that does not react as high a score at
    most `false_per_hour` times an hour, all of `codes` together; where LEAST_SHIFT of the room and
    LEAST_GAIN viewers joined within ONSET_S; and where neither coming and going nor faces that
    cannot be read any more explain it. With `top`, those that most of the room showed. `apart_s`
    lies between the end of one and the beginning of the next, whatever their emotions; of a turn
    the first half minute counts. `within`:
    epoch s, both included, between which they begin; the rest of `track` says what is usual, and
    what lies there keeps its distance, too: a range has the moments that the whole has there.
    """
    if not len(track):
        return []
    sums = WindowSums(track)
    least = float(np.sqrt(ONE_AN_HOUR_Z**2 + 2 * np.log(len(codes) / false_per_hour) / TAIL))
    found: list[tuple[float, Moment]] = []
    for code in codes:
        found += _of_one(track, sums, code, least, apart_s)
    best = [moment for _, moment in sorted(found, key=lambda pair: -pair[0])]
    first, last = within or (track.start, track.end)
    kept = [moment for moment in _apart(best, apart_s) if first <= moment.t <= last]
    if top is not None:
        kept = sorted(kept, key=lambda moment: -moment.after)[:top]
    return sorted(kept, key=lambda moment: moment.t)


def false_alarms(score: float) -> float:
    """How often an hour one emotion of a room without reactions reaches `score` (in standard
    deviations); an upper bound, which `docs/measures.md` holds against simulated rooms."""
    return float(np.exp(TAIL * (ONE_AN_HOUR_Z**2 - score**2) / 2))


def certainty(moment: Moment) -> str:
    """In a word: "sure", "likely" or "perhaps"; "" where it was not worked out."""
    if not moment.length_s:
        return ""
    limits = {mark("sure"): SURE, mark("likely"): LIKELY}
    return next((word for word, most in limits.items() if moment.chance <= most), mark("perhaps"))


def part_of_room(share: float) -> str:
    """In words: "half of the room"."""
    word = next((word for most, word in _PARTS if share < most), "nearly all")
    return f"{word} of the room"


def _of_one(
    track: Recording, sums: WindowSums, code: Emotion, least: float, apart_s: int
) -> list[tuple[float, Moment]]:
    """Peaks of one emotion with their scores, the highest score first."""
    scan = _scan(track, sums, code, least)
    is_free = np.ones(len(track), np.bool_)
    found: list[tuple[float, Moment]] = []
    candidates = np.flatnonzero(scan.score >= least)
    for row in candidates[np.argsort(-scan.score[candidates], kind="stable")]:
        if not is_free[row]:
            continue
        first, last = _run(track.times, scan, int(row))
        is_new = bool(is_free[_rows(track.times, first, last)].all())
        is_free[_rows(track.times, first - apart_s, last + apart_s)] = False
        moment = _moment(sums, scan, code, int(row), first, last) if is_new else None
        if moment is not None:
            found.append((float(scan.score[row]), moment))
    return found


def _rows(times: Ints, first: int, last: int) -> slice:
    low, high = np.searchsorted(times, (first, last + 1))
    return slice(int(low), int(high))


def _scan(track: Recording, sums: WindowSums, code: Emotion, least: float) -> _Scan:
    """What is usual is worked out without the peaks, and they without what is usual: in turns."""
    shares = [sums.mix(track.times, span) for span in SPANS_S]
    share = sums.mix(track.times - 1, 3).shares[:, code]
    is_peak = np.zeros(len(track), np.bool_)
    usual, scores = np.empty(0), np.empty(0)
    for _ in range(3):
        usual = _usual(track, code, ~is_peak)
        scores = np.stack([
            np.where(
                mix.is_known & (mix.people >= LEAST_PEOPLE) & (track.times + span <= track.end + 1),
                _score(mix.shares[:, code], mix.people * max(1.0, span / DWELL_S), usual),
                -np.inf,
            )
            for span, mix in zip(SPANS_S, shares, strict=True)
        ])  # fmt: skip
        is_peak = _covered(track.times, scores >= least) & (share > usual)
    best = np.argmax(scores, axis=0)
    spans = np.array(SPANS_S, np.int64)
    return _Scan(share, usual, scores.max(axis=0), spans[best])


def _usual(track: Recording, code: Emotion, is_usual: Flags) -> Floats:
    """`float64[N]`: the share before each second or around it, whichever is less: a mood that
    stays is unusual when it begins. Half a look is added: rare is not never."""
    read = np.where(is_usual, track.counts.sum(axis=1), 0)
    shown = np.where(is_usual, track.counts[:, code], 0)
    sums = [np.concatenate([[0.0], np.cumsum(each)]) / DWELL_S for each in (shown, read)]
    here = np.arange(len(track))
    low, high = np.searchsorted(track.times, (track.times - AROUND_S, track.times + AROUND_S))
    before, around = (
        ((sums[0][end] - sums[0][low]) + 0.5) / ((sums[1][end] - sums[1][low]) + 1.0)
        for end in (here, high)
    )
    return np.where(here - low >= AROUND_S // 2, np.minimum(before, around), around)


def _score(share: Floats, looks: Floats, usual: Floats) -> Floats:
    """`float64[N]`: the signed root of the deviance of `looks` binomial looks, half a look taken
    off for continuity. It keeps close to standard deviations where shares and rooms are small."""
    shown = np.clip(share - 0.5 / np.maximum(looks, 1e-9), 0.0, 1.0)
    deviance = 2 * looks * (_surprise(shown, usual) + _surprise(1 - shown, 1 - usual))
    return np.where(shown > usual, np.sqrt(np.maximum(deviance, 0.0)), 0.0)


def _surprise(p: Floats, q: Floats) -> Floats:
    return p * np.log(np.maximum(p, 1e-12) / np.maximum(q, 1e-12))


def _covered(times: Ints, is_high: Flags) -> Flags:
    """Rows that a window of `is_high[spans, N]` covers."""
    edges = np.zeros(len(times) + 1, np.int64)
    for span, flags in zip(SPANS_S, is_high, strict=True):
        begins = np.flatnonzero(flags)
        np.add.at(edges, begins, 1)
        np.add.at(edges, np.searchsorted(times, times[begins] + span), -1)
    return np.cumsum(edges)[:-1] > 0


def _run(times: Ints, scan: _Scan, row: int) -> tuple[int, int]:
    """The first and last second around the window at `row` in which at least half of the rise is
    shown; it ends where nothing was recorded."""
    end = int(np.searchsorted(times, int(times[row]) + int(scan.span[row])))
    top = row + int(np.argmax(scan.share[row:end]))
    least = (scan.usual[top] + scan.share[top]) / 2
    reach = NEAR_S
    while True:  # most runs end nearby; only for the others more is looked at
        low, high = max(top - reach, 0), min(top + reach, len(times))
        is_high = scan.share[low:high] >= least
        is_high[1:] &= np.diff(times[low:high]) <= 2  # a gap of the recording parts two runs
        is_low = np.flatnonzero(~is_high) + low
        place = int(np.searchsorted(is_low, top))
        if (place or not low) and (place < len(is_low) or high == len(times)):
            break
        reach *= 4
    first = int(is_low[place - 1]) + 1 if place else 0
    last = int(is_low[place]) - 1 if place < len(is_low) else len(times) - 1
    return int(times[min(first, top)]), int(times[max(last, top)])


def _moment(
    sums: WindowSums, scan: _Scan, code: Emotion, row: int, first: int, last: int
) -> Moment | None:
    """None where too few joined, too slowly, unseen, or where those who came or left explain it."""
    span = min(max(last - first + 1, SPANS_S[0]), ONSET_S)
    before = sums.mix(np.array([first - ONSET_S]), ONSET_S)
    during = sums.mix(np.array([first]), span)
    if not before.is_known[0]:  # nobody saw it begin
        return None
    usual, shown = float(scan.usual[row]), float(during.shares[0, code])
    shown *= min(
        1.0, _part_read(during) / max(_part_read(before), 1e-9)
    )  # of all, not of who is left
    most = max(float(before.viewers[0]), float(during.viewers[0]), 1e-9)
    moved = abs(float(during.viewers[0] - before.viewers[0])) / most
    gain = shown - max(usual, float(before.shares[0, code]))
    if gain - moved < LEAST_SHIFT or gain * float(during.people[0]) < LEAST_GAIN:
        return None
    low, high = np.searchsorted(sums.times, (first, last + 1))
    after = float(scan.share[low:high].max())
    chance = false_alarms(float(scan.score[row]))
    kind = _kind(sums, code, first, (usual + after) / 2)
    rise = _bits(usual, after)
    return Moment(first, gain, code, usual, after, rise, kind, last - first + 1, chance)


def _part_read(mix: Mix) -> float:
    """Of the viewers, how many were read."""
    return float(mix.people[0]) / max(float(mix.viewers[0]), 1e-9)


def _kind(sums: WindowSums, code: Emotion, first: int, half: float) -> Kind:
    """A turn has not fallen back by half after the time that a reaction takes."""
    begin, end = SETTLED_S
    settled = sums.mix(np.array([first + begin]), end - begin)
    has_stayed = bool(settled.is_known[0]) and float(settled.shares[0, code]) > half
    return "turn" if has_stayed else "reaction"


def _bits(p: float, q: float) -> float:
    """Jensen-Shannon divergence of showing it and not showing it."""
    return float(jensen_shannon(np.array([[p, 1 - p]]), np.array([[q, 1 - q]]))[0])


def _apart(found: Sequence[Moment], apart_s: int) -> list[Moment]:
    """Those of `found`, best first, that keep their distance from what was taken before."""
    kept: list[Moment] = []
    for moment in found:
        if all(
            moment.t >= _end(other) + apart_s or _end(moment) + apart_s <= other.t for other in kept
        ):
            kept.append(moment)
    return kept


def _end(moment: Moment) -> int:
    """What follows the beginning of a mood that stays is a moment of its own."""
    is_turn = moment.kind == "turn"
    return moment.t + (min(moment.length_s, SETTLED_S[0]) if is_turn else moment.length_s)
