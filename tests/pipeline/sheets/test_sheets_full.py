"""Sheets that take nothing more: not shared, gone, or of ten million cells."""

from __future__ import annotations

import pytest
from fake_sheets import Call, FakeBook, FakeSheets, FakeTab
from sheet_runs import BOOK, T0, Run, in_sheets, row

from resonance_tui.errors import SheetsRefused
from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets.outbox import Outbox

# What will not work before a person does something


def test_a_sheet_that_is_not_shared(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run
) -> None:
    book.is_shared = False
    store.append([row(0)])
    with pytest.raises(SheetsRefused) as caught:
        run.to_the_end()
    assert "Share it with robot@project.example as editor" in caught.value.hint
    assert len(fake.calls) == 1
    assert "Share it" in (outbox.trouble("lobby") or (0, ""))[1]
    book.is_shared = True
    run.to_the_end()
    assert in_sheets(fake) == [row(0)]
    assert outbox.trouble("lobby") is None


def test_a_sheet_that_is_gone(fake: FakeSheets, store: Store, run: Run) -> None:
    store.append([row(0)])
    with pytest.raises(SheetsRefused, match="Google knows no such sheet") as caught:
        run.to_the_end()
    assert "sheets setup --sheet URL" in caught.value.hint


def test_another_sheet_is_named_for_one_that_was_lost(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run
) -> None:
    store.append(row(n) for n in range(50))
    run.to_the_end()
    store.append(row(n) for n in range(50, 80))
    outbox.begin_run("lobby", "local", T0 + 80, BOOK)
    store.append(row(n) for n in range(80, 90))
    del fake.books[BOOK]
    with pytest.raises(SheetsRefused, match="no such sheet"):
        run.to_the_end()
    fake.add("the-second-sheet-of-the-streamer")
    other = Run(fake, outbox, book="the-second-sheet-of-the-streamer")
    other.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(50, 90)]
    assert outbox.left("lobby") == 0
    outbox.forget("lobby")
    other.to_the_end()
    assert sorted({row.t - T0 for row in in_sheets(fake)}) == list(range(90))


# Ten million cells


@pytest.mark.parametrize("lose", [False, True])
def test_a_full_sheet_is_continued_in_a_new_one(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run, lose: bool
) -> None:
    book.permissions = [
        {"type": "user", "role": "owner", "emailAddress": "mia@example.com"},
        {"type": "user", "role": "writer", "emailAddress": "robot@project.example"},
        {"type": "anyone", "role": "reader"},
    ]
    fake.books[BOOK].tabs[0] = FakeTab("Sheet1", (10_000_000 - 700 * 12) // 10, 10)
    seen: set[str] = set()

    def lose_the_first(call: Call) -> str | None:
        is_new = lose and "/drive/" in call.path and call.is_write and call.path not in seen
        seen.add(call.path)
        return "lost" if is_new else None

    fake.faults = lose_the_first
    store.append(row(n) for n in range(60))
    run.to_the_end()
    assert outbox.follow(BOOK) == BOOK
    store.append(row(n) for n in range(60, 1000))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(1000)]
    (new,) = [key for key in fake.books if key != BOOK]
    assert outbox.follow(BOOK) == new
    assert fake.books[new].title.startswith("Streams (from ")
    roles = {(entry["type"], entry["role"]) for entry in fake.books[new].permissions}
    assert roles == {("user", "writer"), ("anyone", "reader")}
    assert f"spreadsheets/d/{new}" in run.told[0]


def test_a_limit_that_only_google_knows_of(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.sinks.sheets.sender.is_too_full", lambda *_: False)
    book.tabs[0] = FakeTab("Sheet1", (10_000_000 - 700 * 12) // 10, 10)
    store.append(row(n) for n in range(1000))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(1000)]
    assert len(fake.books) == 2


def test_a_sheet_with_as_many_tabs_as_it_may_have_is_continued_in_a_new_one(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    fake.tab_limit = 200
    book.tabs |= {gid: FakeTab(f"Day {gid}", 1, 1) for gid in range(1, 200)}
    store.append(row(n) for n in range(100))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(100)]
    assert len(fake.books) == 2 and "full" in run.told[0]


def test_a_google_that_calls_every_sheet_full_gets_one_more_and_no_third(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    fake.cell_limit = 0
    store.append([row(0)])
    with pytest.raises(SheetsRefused, match="also the new one"):
        run.to_the_end()
    assert len(fake.books) == 2


def test_an_account_without_room_for_another_sheet_says_what_to_do(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    fake.can_create = False
    book.tabs[0] = FakeTab("Sheet1", 10_000_000, 1)
    store.append([row(0)])
    with pytest.raises(SheetsRefused, match="no room for files of its own") as caught:
        run.to_the_end()
    assert "sheets.new" in caught.value.hint and "--sheet URL" in caught.value.hint
