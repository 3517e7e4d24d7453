"""What goes where and when, decided without network, clock or database."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.sinks.backoff import CAP_S, GIVE_UP_AFTER, Backoff, asked_wait
from resonance_tui.sinks.sheets.layout import HEADER_ROWS, WIDTH
from resonance_tui.sinks.sheets.plan import (
    BATCH_ROWS,
    CELL_LIMIT,
    GAP_S,
    Grow,
    Make,
    Send,
    Tab,
    grid_rows,
    is_too_full,
    next_step,
    place,
)

T0 = 1_795_345_080


def tab(id: int = 1, started: int = T0, **more) -> Tab:
    return Tab(id, "lobby", "local", started, "book", 7, "title", **more)


# Pace


def test_so_many_writes_in_any_minute() -> None:
    pace, now = Backoff(3), 0.0
    for _ in range(3):
        assert pace.wait_s(now) == 0
        pace, now = pace.tried(now), now + 5
    assert pace.wait_s(now) == 60 - 15
    assert pace.wait_s(60) == 0


@given(
    st.lists(st.tuples(st.floats(0, 100), st.booleans(), st.floats(0, 1)), max_size=60),
    st.integers(1, 60),
)
def test_no_sequence_of_outcomes_exceeds_the_pace(outcomes, limit: int) -> None:
    pace, now, writes = Backoff(limit), 0.0, []
    for idle, works, jitter in outcomes:
        now += idle + pace.wait_s(now + idle)
        assert pace.wait_s(now) < 1e-6
        pace = pace.tried(now)
        writes.append(now)
        pace = pace.worked() if works else pace.failed(now, jitter)
    pairs = zip(writes, writes[limit:], strict=False)
    assert all(later - earlier > 60 - 1e-6 for earlier, later in pairs)


@given(st.integers(0, 200), st.floats(0, 1), st.floats(0, 1e9))
def test_waits_have_an_end(failures: int, jitter: float, asked: float) -> None:
    pace = Backoff(6, failures)
    assert 0 <= pace.failed(100, jitter).wait_s(100) <= min(CAP_S, 2.0**failures) + 1e-9
    assert pace.failed(100, jitter, asked).wait_s(100) <= 600 + CAP_S + 1e-9


def test_back_off_doubles_and_jitter_is_full() -> None:
    pace, longest, shortest = Backoff(60), [], []
    for _ in range(9):
        longest.append(pace.failed(0, 1.0).wait_s(0))
        shortest.append(pace.failed(0, 0.0).wait_s(0))
        pace = pace.failed(0, 0.5)
    assert longest == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert set(shortest) == {0}


def test_giving_up_counts_failures_in_a_row() -> None:
    pace = Backoff(6)
    for _ in range(GIVE_UP_AFTER - 1):
        pace = pace.failed(0, 0)
    assert not pace.is_hopeless
    assert pace.failed(0, 0).is_hopeless
    assert not pace.worked().failed(0, 0).is_hopeless


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7), (" 12 ", 12), ("0", 0), (None, 0), ("", 0), ("soon", 0), ("-5", 0), ("²", 0),
        ("99999999999999999999", 600), (formatdate(T0 + 30, usegmt=True), 30),
        (formatdate(T0 - 30, usegmt=True), 0),
    ],
)  # fmt: skip
def test_what_google_asks_us_to_wait(header: str | None, seconds: float) -> None:
    assert asked_wait(header, lambda: T0) == seconds


@given(st.text(max_size=60))
def test_any_retry_after_is_a_bounded_number(header: str) -> None:
    assert 0 <= asked_wait(header, lambda: T0) <= 600


# What comes next


def test_nothing_is_left() -> None:
    assert next_step([]) is None
    assert next_step([tab(placed=5, confirmed=5, grid=600), tab(2, placed=9, is_left=True)]) is None


def test_a_tab_is_made_grown_and_filled() -> None:
    new = tab(placed=100)
    assert next_step([new]) == Make(new, 1 + 100 + 600)
    there = tab(placed=100, grid=701)
    assert next_step([there]) == Send(there, 1, 60)
    later = tab(placed=100, confirmed=60, grid=701)
    assert next_step([later]) == Send(later, 61, 100)
    full = tab(placed=760, confirmed=700, grid=701)
    assert next_step([full]) == Grow(full, 1 + 760 + 760)


def test_the_oldest_tab_comes_first() -> None:
    new, old = tab(1, T0 + 50, placed=9, grid=601), tab(2, T0, placed=9, grid=601)
    assert next_step([new, old]) == Send(old, 1, 9)


@given(st.integers(1, 10_000), st.integers(0, 20_000))
def test_every_row_is_sent_once_in_order_and_inside_the_grid(placed: int, grid: int) -> None:
    state, sent = tab(placed=placed, grid=grid), 0
    for _ in range(3 + placed):
        step = next_step([state])
        if step is None:
            break
        if isinstance(step, Send):
            assert step.first == sent + 1 and step.last - sent <= BATCH_ROWS
            assert HEADER_ROWS + step.last <= state.grid
            sent = step.last
            state = tab(placed=placed, confirmed=sent, grid=state.grid)
        else:
            assert step.rows > state.grid
            state = tab(placed=placed, confirmed=sent, grid=step.rows)
    assert sent == placed


def test_the_grid_grows_ahead_and_not_for_ever() -> None:
    assert grid_rows(1) == 1 + 1 + 600
    assert grid_rows(43_200) == 1 + 43_200 + 3600


def test_ten_million_cells() -> None:
    rows = CELL_LIMIT // WIDTH
    assert not is_too_full(0, rows)
    assert is_too_full(0, rows + 1)
    assert is_too_full(CELL_LIMIT - 1, 1)


# Places


def test_seconds_of_a_run_go_into_its_tab() -> None:
    runs = [tab(1, T0), tab(2, T0 + 100)]
    placed = place(runs, [T0 + 99, T0 + 100, T0, T0 + 500])
    assert placed == [(runs[0], [T0, T0 + 99]), (runs[1], [T0 + 100, T0 + 500])]


def test_what_no_logger_began_is_split_by_its_gaps() -> None:
    seconds = [T0, T0 + GAP_S, T0 + 2 * GAP_S + 1]
    assert place([], seconds) == [(None, seconds[:2]), (None, seconds[2:])]


def test_the_later_of_two_runs_of_the_same_second_takes_the_rows() -> None:
    runs = [tab(1, T0), tab(2, T0)]
    assert place(runs, [T0, T0 + 1]) == [(runs[1], [T0, T0 + 1])]


def test_nothing_goes_into_a_tab_that_was_left() -> None:
    assert place([tab(1, T0, is_left=True)], [T0 + 5]) == [(None, [T0 + 5])]


def test_a_crashed_run_is_continued_where_it_ended() -> None:
    run = tab(1, T0, newest=T0 + 3000)
    assert place([run], [T0 + 3001]) == [(run, [T0 + 3001])]
    assert place([run], [T0 + 3001 + GAP_S]) == [(None, [T0 + 3001 + GAP_S])]


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 3000), st.booleans()), max_size=6),
    st.lists(st.integers(0, 12_000), max_size=80),
)
def test_each_second_gets_exactly_one_place(runs, seconds: list[int]) -> None:
    tabs = [
        tab(n, start, newest=start + more, is_left=left)
        for n, (start, more, left) in enumerate(runs)
    ]
    placed = place(tabs, seconds)
    assert sorted(second for _, part in placed for second in part) == sorted(set(seconds))
    for where, part in placed:
        assert part == sorted(part)
        if where is not None:
            assert not where.is_left and part[0] >= where.started
