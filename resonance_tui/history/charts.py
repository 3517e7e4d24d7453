"""Pure: rows to what a chart shows (means per column, stacked shares, moments)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS, Code
from resonance_tui.history.rows import Row

BRIDGE_S = 5  # a hiccup of the recorder, not a gap
MOMENT_WINDOW_S = 30
MOMENT_APART_S = 60
MOMENT_LEAST = 0.15  # of the room, after weighing


@dataclass(frozen=True, slots=True, eq=False)  # the same track is the same object
class Track:
    """A recording by column. All arrays have one entry a recorded second, in order of time."""

    times: NDArray[np.int64]  # (N,) epoch s, strictly rising
    counts: NDArray[np.int64]  # (N, 7)
    others: NDArray[np.int64]  # (N,) unsure and away together
    viewers: NDArray[np.int64]  # (N,)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def start(self) -> int:
        """First recorded second; the track must not be empty."""
        return int(self.times[0])

    @property
    def end(self) -> int:
        return int(self.times[-1])


@dataclass(frozen=True, slots=True)
class Series:
    """Means per bucket. None where nothing was recorded."""

    times: tuple[float, ...]  # middles of the buckets, epoch s
    lines: tuple[tuple[float | None, ...], ...]  # seven; viewers, or per cent of the room
    width_s: float  # of a bucket
    starts: frozenset[int] = frozenset()  # buckets that nothing joins to the one before


@dataclass(frozen=True, slots=True)
class Moment:
    """The room changed its mind around `t`."""

    t: int  # epoch s
    shift: float  # 0-1: part of the room that feels something else than before
    code: Code  # the emotion that gained most
    before: float  # its share in the half minute before, 0-1
    after: float


def to_track(rows: Sequence[Row]) -> Track:
    """Where several sources recorded the same second, the one that saw most viewers counts."""
    table = np.array(
        [(r.t, r.viewers, r.unsure + r.away, *r.counts) for r in rows], np.int64
    ).reshape(-1, 10)
    table = table[np.lexsort((-table[:, 1], table[:, 0]))]
    is_first = np.diff(table[:, 0], prepend=-1) != 0
    table = table[is_first]
    return Track(table[:, 0], table[:, 3:], table[:, 2], table[:, 1])


def cut(track: Track, start: float, end: float) -> Track:
    """The part from `start` to `end`, both included (epoch s)."""
    low = np.searchsorted(track.times, start, side="left")
    high = np.searchsorted(track.times, end, side="right")
    return Track(
        track.times[low:high],
        track.counts[low:high],
        track.others[low:high],
        track.viewers[low:high],
    )


def resample(track: Track, start: float, end: float, bins: int) -> Series:
    """Mean viewers per emotion in at most `bins` buckets, none shorter than a second."""
    sums, rows, times, width, starts = _buckets(track, start, end, bins)
    means = sums[:, :7] / np.maximum(rows, 1)[:, None]
    return Series(times, _lines(means, rows > 0), width, starts)


def shares(track: Track, start: float, end: float, bins: int) -> Series:
    """Share of the room per emotion in per cent; unsure and away make up the rest to 100.

    A bucket in which the room was empty holds None like one that was not recorded.
    """
    sums, rows, times, width, starts = _buckets(track, start, end, bins)
    viewers = sums[:, :8].sum(axis=1)
    means = 100 * sums[:, :7] / np.maximum(viewers, 1)[:, None]
    is_deserted = (viewers == 0) & (rows > 0)
    after = frozenset((np.flatnonzero(is_deserted) + 1).tolist())
    return Series(times, _lines(means, viewers > 0), width, starts | after)


def stacked(series: Series) -> Series:
    """Each line on top of those before it: the upper edges of a stack."""
    edges = [list(series.lines[0])]
    for line in series.lines[1:]:
        pairs = zip(edges[-1], line, strict=True)
        edges.append([None if a is None or b is None else a + b for a, b in pairs])
    return Series(series.times, tuple(map(tuple, edges)), series.width_s, series.starts)


def segments(series: Series, line: Sequence[float | None]) -> list[tuple[list[float], list[float]]]:
    """A line as its unbroken pieces; a gap in the recording is a gap in the line."""
    pieces: list[tuple[list[float], list[float]]] = []
    is_new = True
    for index, (t, value) in enumerate(zip(series.times, line, strict=True)):
        is_new = is_new or index in series.starts
        if value is None:
            continue
        if is_new:
            pieces.append(([], []))
        pieces[-1][0].append(t)
        pieces[-1][1].append(value)
        is_new = False
    return pieces


def averages(track: Track) -> tuple[float, ...]:
    """Mean viewers per emotion, seven; zeros for an empty track."""
    if not len(track):
        return (0.0,) * len(EMOTIONS)
    return tuple(float(mean) for mean in track.counts.mean(axis=0))


def moments(track: Track, limit: int = 12) -> list[Moment]:
    """The largest shifts of the room, in order of time: half a minute against the one before.

    A shift is the total variation distance between the two mixes of emotions. It weighs less in
    a small room, where one person alone is a large part.
    """
    if len(track) < 2:
        return []
    before, after = _mixes(track)
    people = np.minimum(before.sum(axis=1), after.sum(axis=1)) / MOMENT_WINDOW_S
    past = before / np.maximum(before.sum(axis=1, keepdims=True), 1)
    new = after / np.maximum(after.sum(axis=1, keepdims=True), 1)
    shift = np.abs(new - past).sum(axis=1) / 2
    weight = shift * people / (people + 2)
    found: list[Moment] = []
    for index in np.argsort(-weight, kind="stable"):
        if weight[index] < MOMENT_LEAST or len(found) == limit:
            break
        t = int(track.times[index])
        if all(abs(t - other.t) >= MOMENT_APART_S for other in found):
            code = int(np.argmax(new[index] - past[index]))
            found.append(
                Moment(
                    t,
                    float(shift[index]),
                    EMOTIONS[code],
                    float(past[index, code]),
                    float(new[index, code]),
                )
            )
    return sorted(found, key=lambda moment: moment.t)


def _mixes(track: Track) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums of the counts in the window before and after each row; no "before" where half of
    either or more was not recorded."""
    total = np.vstack([np.zeros((1, 7), np.int64), np.cumsum(track.counts, axis=0)])
    here = np.arange(len(track))
    low = np.searchsorted(track.times, track.times - MOMENT_WINDOW_S)
    high = np.searchsorted(track.times, track.times + MOMENT_WINDOW_S)
    is_known = (here - low > MOMENT_WINDOW_S / 2) & (high - here > MOMENT_WINDOW_S / 2)
    return (
        (total[here] - total[low]) * is_known[:, None],
        total[high] - total[here],
    )


def _buckets(
    track: Track, start: float, end: float, bins: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[float, ...], float, frozenset[int]]:
    """Per bucket: sums (bins, 8; the last column is unsure and away), recorded seconds, middle;
    then the buckets' width, and which of them come after a gap."""
    span = end - start + 1  # the last second belongs to it
    bins = max(1, min(bins, int(span)))
    width = span / bins
    part = cut(track, start, end)
    place = np.minimum(((part.times - start) / width).astype(np.int64), bins - 1)
    columns = [*part.counts.T, part.others]
    sums = np.stack([np.bincount(place, weights=c, minlength=bins) for c in columns], axis=1)
    times = tuple((start + width * (np.arange(bins) + 0.5) - 0.5).tolist())
    is_gap = np.diff(part.times) > max(BRIDGE_S, width / 2)
    starts = frozenset(place[1:][is_gap & (np.diff(place) > 0)].tolist())
    rows = np.bincount(place, minlength=bins)
    return sums.astype(np.float64), rows, times, width, starts


def _lines(
    means: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[tuple[float | None, ...], ...]:
    is_known = known.tolist()
    return tuple(
        tuple(value if ok else None for value, ok in zip(line, is_known, strict=True))
        for line in means.T.tolist()
    )
