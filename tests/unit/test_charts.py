"""Rows to what a chart shows: nothing invented in gaps, nothing lost by resampling."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import from_samples

from resonance_tui.charting import series as charts
from resonance_tui.charting.ticks import clock, count_ticks, day, length, time_ticks
from resonance_tui.charting.view_state import LEAST_S, Viewport
from resonance_tui.history import recording
from resonance_tui.history.samples import Sample

BERLIN = ZoneInfo("Europe/Berlin")
CALM = (0, 0, 10, 0, 0, 0, 0)


def row(t: int, counts: tuple[int, ...] = CALM, unsure: int = 0, source: str = "local") -> Sample:
    return Sample("lobby", t, sum(counts) + unsure, counts, unsure, 0, source)


def track(*rows: Sample) -> recording.Recording:
    return from_samples(rows)


recordings = st.lists(
    st.builds(
        row,
        t=st.integers(1000, 1400),
        counts=st.tuples(*[st.integers(0, 50)] * 7),
        unsure=st.integers(0, 9),
    ),
    max_size=60,
    unique_by=lambda r: r.t,
)


# Tracks


def test_an_empty_track() -> None:
    empty = track()
    assert len(empty) == 0
    grid = charts.grid(empty, 0, 99, 10)
    assert np.isnan(charts.min_max(empty.counts, grid).mean).all()
    assert grid.rows.tolist() == [0] * 10


def test_rows_are_put_in_order() -> None:
    assert track(row(5), row(3), row(4)).times.tolist() == [3, 4, 5]


def test_of_two_sources_the_one_that_saw_most_counts() -> None:
    small, large = row(5, (1, 0, 0, 0, 0, 0, 0)), row(5, (4, 0, 0, 0, 0, 0, 0), 2, "other")
    merged = track(small, large, row(6))
    assert merged.times.tolist() == [5, 6]
    assert merged.viewers.tolist() == [6, 10]
    assert merged.counts[0].tolist() == [4, 0, 0, 0, 0, 0, 0]


def test_a_cut_includes_both_ends() -> None:
    now = 1_795_371_000  # large enough for a float to be coarse
    whole = track(*(row(now + t) for t in range(10)))
    assert (recording.cut(whole, now + 3, now + 6.0).times - now).tolist() == [3, 4, 5, 6]
    assert len(recording.cut(whole, now + 20, now + 30)) == 0


def test_a_table_is_read_like_its_rows() -> None:
    rows = [row(5, (1, 2, 3, 4, 5, 6, 7), 2), row(6, unsure=1)]
    table = np.array([(r.t, r.viewers, *r.counts, r.unsure, r.away) for r in rows])
    for ours, theirs in zip(
        columns(recording.from_table(table)), columns(track(*rows)), strict=True
    ):
        assert ours == theirs


def test_what_is_read_later_continues_the_track() -> None:
    whole = track(*(row(t) for t in range(20)))
    late = track(row(14, (9, 0, 0, 0, 0, 0, 0)), row(15), row(25))
    longer = recording.extend(whole.slice(0, 16), late)
    assert longer.times.tolist() == [*range(16), 25]
    assert longer.counts[14, 0] == 9
    assert recording.extend(whole, track()) is whole


def columns(part: recording.Recording) -> list[list]:
    return [c.tolist() for c in (part.times, part.counts, part.others, part.viewers)]


# Resampling


def min_max(whole: recording.Recording, start: int, end: int, bins: int) -> charts.Series:
    return charts.min_max(whole.counts, charts.grid(whole, start, end, bins))


def pieces(series: charts.Series, code: int = 2) -> list[list[float]]:
    parts = charts.pieces(series.mean[code], series.starts)
    return [series.times[part].tolist() for part in parts]


def test_the_mean_the_lowest_and_the_highest_second_of_each_bucket() -> None:
    rows = [row(t, (t, 0, 2, 0, 0, 0, 0)) for t in (0, 1, 2, 3, 8, 9)]
    series = min_max(track(*rows), 0, 9, 5)
    unknown = [None, None]
    assert told(series.mean[0]) == [0.5, 2.5, *unknown, 8.5]
    assert told(series.low[0]) == [0, 2, *unknown, 8]
    assert told(series.high[0]) == [1, 3, *unknown, 9]
    assert told(series.mean[2]) == [2, 2, *unknown, 2]
    assert series.times.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]


def told(line: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in line.tolist()]


def test_no_bucket_is_shorter_than_a_second() -> None:
    assert charts.grid(track(row(0), row(1), row(2)), 0, 2, 100).times.tolist() == [0, 1, 2]


@given(recordings, st.integers(1, 300))
def test_resampling_keeps_the_sum_and_both_extremes(rows: list[Sample], bins: int) -> None:
    whole = track(*rows)
    grid = charts.grid(whole, 1000, 1400, bins)
    series = charts.min_max(whole.counts, grid)
    assert grid.rows.sum() == len(whole)
    assert (np.isfinite(series.mean) == (grid.rows > 0)).all()
    for code in range(7):
        counts = [r.counts[code] for r in rows]
        assert np.nansum(series.mean[code] * grid.rows) == pytest.approx(sum(counts))
        if counts:
            assert np.nanmin(series.low[code]) == min(counts)
            assert np.nanmax(series.high[code]) == max(counts)


@given(recordings, st.integers(1, 60), st.integers(1000, 1400), st.integers(1, 400))
def test_a_bucket_holds_the_seconds_within_its_edges(
    rows: list[Sample], bins: int, start: int, span: int
) -> None:
    whole = track(*rows)
    grid = charts.grid(whole, start, start + span, bins)
    width = (span + 1) / len(grid.times)
    for index, middle in enumerate(grid.times):
        inside = whole.times[grid.bounds[index] : grid.bounds[index + 1]]
        assert (np.abs(inside - middle) <= (width + 1) / 2 + 1e-6).all()


def test_unknown_seconds_are_left_out_of_the_mean() -> None:
    whole = track(*(row(t) for t in range(6)))
    values = np.array([[1.0], [np.nan], [3.0], [np.nan], [np.nan], [np.nan]])
    series = charts.min_max(values, charts.grid(whole, 0, 5, 3))
    assert told(series.mean[0]) == [1, 3, None]
    assert told(series.high[0]) == [1, 3, None]


def test_one_second_in_twelve_hours_stands_out() -> None:
    rng = np.random.default_rng(0)
    happy = rng.binomial(100, 0.1, 43_200)
    happy[30_000] = 95
    whole = track(*(row(t, (int(h), 0, 100 - int(h), 0, 0, 0, 0)) for t, h in enumerate(happy)))
    series = min_max(whole, 0, 43_199, 28)
    (spike,) = charts.spikes(series.mean[0], series.high[0])
    assert series.high[0][spike] == 95
    assert abs(series.times[spike] - 30_000) <= 43_200 / 28 / 2
    assert np.nanmax(series.mean[0]) < 11  # the means alone would have lost it


def test_noise_has_one_highest_second_and_no_other_spike() -> None:
    rng = np.random.default_rng(1)
    happy = rng.binomial(100, 0.3, 20_000)
    whole = track(*(row(t, (int(h), 0, 0, 0, 0, 0, 0)) for t, h in enumerate(happy)))
    series = min_max(whole, 0, 19_999, 50)
    assert len(charts.spikes(series.mean[0], series.high[0])) == 1


def test_every_one_of_some_equal_spikes_is_told() -> None:
    happy = np.ones(9000, np.int64)
    happy[[1000, 4000, 7000]] = 9
    whole = track(*(row(t, (int(h), 0, 0, 0, 0, 0, 0)) for t, h in enumerate(happy)))
    series = min_max(whole, 0, 8999, 30)
    assert charts.spikes(series.mean[0], series.high[0]) == [3, 13, 23]


def test_a_slope_and_a_step_are_no_spikes() -> None:
    for happy in (range(900), [2] * 440 + [30] * 460):
        whole = track(*(row(t, (h, 0, 0, 0, 0, 0, 0)) for t, h in enumerate(happy)))
        series = min_max(whole, 0, 899, 30)
        assert len(charts.spikes(series.mean[0], series.high[0])) <= 1  # the very highest


def test_a_flat_line_has_no_spikes() -> None:
    flat = np.array([4.0, np.nan, 4.0])
    assert charts.spikes(flat, flat) == []
    assert charts.spikes(flat * np.nan, flat * np.nan) == []


def test_a_gap_parts_a_line_and_a_hiccup_does_not() -> None:
    rows = [row(t) for t in (0, 1, 2, 5, 6, 20, 21)]
    assert pieces(min_max(track(*rows), 0, 21, 22)) == [[0, 1, 2, 5, 6], [20, 21]]


def test_a_gap_that_leaves_no_bucket_empty_parts_the_line_too() -> None:
    rows = [row(t) for t in range(130) if not 40 <= t < 67]
    series = min_max(track(*rows), 0, 129, 5)
    assert np.isfinite(series.mean[2]).all()
    assert [len(times) for times in pieces(series)] == [2, 3]


# Windows

windows = st.builds(
    lambda low, span: Viewport.over(low, low + span), st.integers(0, 10**9), st.integers(0, 10**6)
)


@given(windows, st.lists(st.tuples(st.sampled_from("pza"), st.floats(-4, 4)), max_size=20))
def test_a_window_never_leaves_the_recording(
    window: Viewport, moves: list[tuple[str, float]]
) -> None:
    for kind, by in moves:
        if kind == "p":
            window = window.pan(by)
        elif kind == "z":
            window = window.zoom(2**by)
        else:
            window = window.around(window.low + by * 1000)
        assert window.low - 1e-3 <= window.start < window.end <= window.high + 1e-3
        assert window.span >= LEAST_S - 1e-3


def test_keys_there_and_back() -> None:
    whole = Viewport.over(0, 3600)
    close = whole.zoom(4)
    assert (close.start, close.end) == (1350, 2250)
    assert close.pan(0.25).start == 1575
    assert close.pan(-9).start == 0
    assert close.pan(9).end == 3600
    assert close.zoom(0.01).is_whole
    assert close.around(600).middle == 600
    assert close.holds(1350)
    assert not close.holds(1349)
    assert close.whole() == whole


def test_zooming_around_a_point_keeps_it_in_its_place() -> None:
    close = Viewport.over(0, 3600).zoom(4, 900)
    assert (close.start, close.end) == (675, 1575)
    assert close.zoom(2, 900).holds(900)


def test_a_window_at_the_end_follows_a_growing_recording() -> None:
    whole = Viewport.over(0, 3600)
    assert whole.grown(0, 3700).is_whole
    assert whole.grown(0, 3700).end == 3700
    last = whole.zoom(4).latest()
    assert (last.grown(0, 3700).start, last.grown(0, 3700).end) == (2800, 3700)
    earlier = whole.zoom(4)
    assert (earlier.grown(0, 3700).start, earlier.grown(0, 3700).end) == (1350, 2250)
    assert earlier.grown(0, 3700).high == 3700


def test_a_recording_of_a_few_seconds_grows_in_the_middle() -> None:
    window = Viewport.over(100, 104).grown(100, 110)
    assert (window.start, window.end) == (90, 120)


def test_one_second_is_shown_in_the_middle() -> None:
    window = Viewport.over(100, 100)
    assert (window.start, window.end) == (85, 115)


# Axes


@given(st.floats(0.01, 1e7), st.integers(2, 20))
def test_count_ticks_reach_the_top_with_few_whole_numbers(top: float, most: int) -> None:
    ticks = count_ticks(top, most)
    assert ticks[0] == 0
    assert ticks[-1] >= top
    assert len(ticks) <= most
    assert len({b - a for a, b in itertools.pairwise(ticks)}) == 1


@given(st.integers(10**9, 2 * 10**9), st.integers(30, 10**7), st.integers(2, 15))
def test_time_ticks_lie_in_the_range(start: int, span: int, most: int) -> None:
    ticks = time_ticks(start, start + span, most, BERLIN)
    times = [t for t, _ in ticks]
    assert len(ticks) <= most + 1  # a day of 25 hours has room for one more
    assert times == sorted(set(times))
    assert all(start <= t <= start + span for t in times)


def test_time_ticks_are_round_local_times() -> None:
    start = int(datetime(2026, 11, 22, 19, 58, tzinfo=UTC).timestamp())
    assert [label for _, label in time_ticks(start, start + 3600, 7, BERLIN)] == [
        *("21:00", "21:10", "21:20", "21:30", "21:40", "21:50"),
    ]
    assert [label for _, label in time_ticks(start, start + 60, 4, BERLIN)] == [
        *("20:58:00", "20:58:30", "20:59:00"),
    ]
    night = time_ticks(start, start + 6 * 3600, 4, BERLIN)
    assert [label for _, label in night] == ["22:00", "Mon 23", "02:00"]
    week = time_ticks(start, start + 6 * 86_400, 7, BERLIN)
    assert [label for _, label in week] == [
        *("Mon 23", "Tue 24", "Wed 25", "Thu 26", "Fri 27", "Sat 28"),
    ]


def test_midnight_is_midnight_when_the_clock_changes() -> None:
    start = int(datetime(2026, 10, 24, 12, tzinfo=BERLIN).timestamp())
    ticks = time_ticks(start, start + 2 * 86_400, 3, BERLIN)
    assert [clock(t, BERLIN) for t, _ in ticks] == ["00:00", "00:00"]


def test_an_hour_that_no_clock_shows_has_no_ticks() -> None:
    start = int(datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN).timestamp())
    ticks = time_ticks(start, start + 7200, 13, BERLIN)
    assert [label for _, label in ticks] == [clock(t, BERLIN) for t, _ in ticks]
    assert [label for _, label in ticks][2:4] == ["01:50", "03:00"]


def test_words_for_times() -> None:
    t = int(datetime(2026, 11, 22, 19, 58, 5, tzinfo=UTC).timestamp())
    assert clock(t, BERLIN) == "20:58"
    assert clock(t, BERLIN, seconds=True) == "20:58:05"
    assert day(t, BERLIN) == "Sun 22 Nov"
    said = [length(s) for s in (0, 45, 60, 310, 2400, 3599, 5400, 7200)]
    assert said == ["0 s", "45 s", "1 min", "5 min 10 s", "40 min", "1 h", "1 h 30 min", "2 h"]
