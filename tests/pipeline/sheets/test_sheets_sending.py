"""The outbox against Google's protocol, with gspread on top: what is recorded stands in the sheet,
in no more calls than promised."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_sheets import FakeBook, FakeSheets
from sheet_calls import Calls
from sheet_calls import outbox as outbox_cost
from sheet_runs import BOOK, T0, Run, in_sheets, row, tabs

from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets.layout import to_row
from resonance_tui.sinks.sheets.outbox import Outbox


def test_a_tab_has_a_header_and_a_row_for_each_second(
    book: FakeBook, store: Store, run: Run
) -> None:
    store.append(row(n) for n in range(3))
    run.to_the_end()
    (cells,) = tabs(book)
    assert cells[0] == [
        "UTC, lobby, local", "epoch s", "viewers", "happiness", "sadness", "neutral", "anger",
        "surprise", "disgust", "fear", "unsure", "away",
    ]  # fmt: skip
    assert cells[2] == [pytest.approx(46348.456956), T0 + 1, 9, 1, 0, 3, 1, 0, 0, 1, 2, 1]
    assert [to_row(line, "lobby", "local") for line in cells[1:]] == [row(n) for n in range(3)]


def test_never_more_than_six_writes_in_any_minute(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    times = []
    fake.after = lambda call: times.append(run.clock()) if call.is_write else None
    store.append(row(n) for n in range(900))
    run.to_the_end()
    assert len(times) == 15 + 1  # batches of 60, and the tab
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[6:], strict=False))


def test_rows_that_come_while_it_sends(fake: FakeSheets, book: FakeBook, store: Store, run: Run):
    for start in range(0, 150, 10):
        store.append(row(n) for n in range(start, start + 10))
        run.to_the_end()
    store.append([row(-30)])  # a recorder in trouble wrote it late
    run.to_the_end()
    assert in_sheets(fake) == sorted((row(n) for n in [-30, *range(150)]), key=lambda row: row.t)


def test_a_grid_grows_ahead(fake: FakeSheets, book: FakeBook, store: Store, run: Run) -> None:
    store.append(row(n) for n in range(60))
    run.to_the_end()
    (gid,) = [gid for gid in book.tabs if gid]
    assert book.tabs[gid].rows == 1 + 60 + 600
    store.append(row(n) for n in range(60, 2000))
    run.to_the_end()
    assert book.tabs[gid].rows > 2001
    growths = [call for call in fake.calls if "appendDimension" in str(call.body)]
    assert len(growths) == 1
    assert len(in_sheets(fake)) == 2000


def test_two_loggers_that_start_in_the_same_second_have_a_tab_each(
    fake: FakeSheets, book: FakeBook, tmp_path: Path
) -> None:
    for machine in ("one", "two"):
        with Store(tmp_path / machine) as store:
            outbox = Outbox(store)
            outbox.begin_run("lobby", "local", T0, BOOK)
            store.append(row(n) for n in range(70))
            Run(fake, outbox).to_the_end()
    assert [len(cells) for cells in tabs(book)] == [71, 71]
    titles = [tab.title for gid, tab in book.tabs.items() if gid]
    assert all(title.startswith("lobby 2026-11-22 10.58.00 UTC ") for title in titles)
    assert len(set(titles)) == 2


def test_each_run_has_a_tab_and_an_older_recording_too(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run
) -> None:
    store.append(row(n) for n in range(10))
    outbox.begin_run("lobby", "local", T0 + 60, BOOK)
    store.append(row(n) for n in range(60, 80))
    outbox.begin_run("lobby", "local", T0 + 100, BOOK)
    store.append(row(n) for n in range(100, 130))
    run.to_the_end()
    assert [len(cells) - 1 for cells in tabs(book)] == [10, 20, 30]
    assert outbox.left("lobby") == 0


def test_two_programs_that_send_the_same_channel_at_once(
    fake: FakeSheets, book: FakeBook, tmp_path: Path
) -> None:
    with Store(tmp_path / "history") as store:
        store.append(row(n) for n in range(1500))

    def send() -> None:
        with Store(tmp_path / "history") as store:
            Run(fake, Outbox(store), writes_a_minute=60).to_the_end()

    fake.quota = 10_000
    with ThreadPoolExecutor() as threads:
        for sent in [threads.submit(send) for _ in range(2)]:
            sent.result()
    assert in_sheets(fake) == [row(n) for n in range(1500)]
    assert len(tabs(book)) == 1


def test_the_outbox_of_an_older_program_is_sent_on(
    fake: FakeSheets, book: FakeBook, tmp_path: Path
) -> None:
    """Its file was of layout 3, with six rows placed, two more recorded and nothing sent."""
    path = tmp_path / "history.sqlite"
    script = Path(__file__).parents[2] / "unit" / "data" / "history_v3.sql"
    with sqlite3.connect(path) as db:
        db.executescript(script.read_text(encoding="utf-8"))
    db.close()
    with Store(path) as store:
        old = Run(fake, Outbox(store))
        old.to_the_end()
        assert in_sheets(fake) == store.read("lobby") == [row(n) for n in range(8)]
        assert Outbox(store).left("lobby") == 0
    assert len(book.tabs) == 2


def test_an_hour_of_a_stream_costs_what_the_table_says(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    store.append(row(n) for n in range(3600))  # an hour is over: the grid grows by whole hours
    run.to_the_end()
    store.append(row(n) for n in range(3600, 3615))
    run.to_the_end()
    fake.calls.clear()
    for start in range(3615, 7215, 15):
        store.append(row(n) for n in range(start, start + 15))
        run.to_the_end()
        run.clock.sleep(15)
    writes = sum(call.is_write for call in fake.calls)
    assert Calls(len(fake.calls) - writes, writes) == outbox_cost(15)
    assert len(in_sheets(fake)) == 7215
