"""Hands in the sheet: what a person has changed is left as it is, and the rest goes on."""

from __future__ import annotations

import pytest
from fake_sheets import FakeBook, FakeSheets
from sheet_runs import Run, edit, in_sheets, is_values_put, row, tabs

from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets.layout import to_row


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cells: cells[0].__setitem__(3, "joy"), "its header was changed"),
        (lambda cells: cells.pop(0), "its header was changed"),
        (lambda cells: cells.pop(40), "its rows were moved or removed"),
        (lambda cells: cells.insert(5, ["my note"]), "its rows were moved or removed"),
        (lambda cells: cells.__setitem__(slice(1, None), cells[:0:-1]), "its rows were moved"),
        (lambda cells: cells.append(["", "", "sum: 7"]), "written below its last row"),
    ],
)
def test_a_tab_edited_by_hand_is_left_as_it_is_and_a_new_one_goes_on(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, change, said: str
) -> None:
    store.append(row(n) for n in range(100))
    run.to_the_end()
    edited = edit(book, change)
    store.append(row(n) for n in range(100, 200))
    run.to_the_end()
    old, new = tabs(book)
    assert old == edited
    assert [to_row(cells, "lobby", "local") for cells in new[1:]] == [
        row(n) for n in range(100, 200)
    ]
    assert len(run.told) == 1 and said in run.told[0]


def test_rows_that_had_arrived_before_an_edit_are_not_sent_twice(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    store.append(row(n) for n in range(100))
    lose = iter([None, "lost"])
    fake.faults = lambda call: next(lose, None) if is_values_put(call) else None
    while not [call for call in fake.calls if is_values_put(call)][1:]:
        run.clock.sleep(run.sender.step() or 0)
    edit(book, lambda cells: cells.__setitem__(slice(1, None), cells[:0:-1]))  # sorted by hand
    store.append(row(n) for n in range(100, 130))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(130)]
    assert "moved" in run.told[0]


@pytest.mark.parametrize("name", ["Sunday's show", "50 % é? #1/2 a:b!C1"])
def test_a_renamed_tab_is_found_again(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, name: str
) -> None:
    store.append(row(n) for n in range(100))
    run.to_the_end()
    next(tab for gid, tab in book.tabs.items() if gid).title = name
    store.append(row(n) for n in range(100, 130))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(130)]
    assert len(tabs(book)) == 1 and run.told == []


@pytest.mark.parametrize("missing", [slice(0, 0), slice(100, 130)])
def test_a_removed_tab_stays_removed_and_a_new_one_goes_on(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, missing: slice
) -> None:
    store.append(row(n) for n in range(100))
    run.to_the_end()
    (gid,) = [gid for gid in book.tabs if gid]
    del book.tabs[gid]
    count = 130 if missing == slice(0, 0) else 3000  # a batch that fits, or one that must grow
    store.append(row(n) for n in range(100, count))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(100, count)]
    assert "was removed" in run.told[0]


@pytest.mark.parametrize("columns", [1, 5])
def test_a_tab_that_lost_columns_is_left(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, columns: int
) -> None:
    store.append(row(n) for n in range(100))
    run.to_the_end()
    next(tab for gid, tab in book.tabs.items() if gid).columns = columns
    store.append(row(n) for n in range(100, 130))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(100, 130)]
    assert "edited by hand" in run.told[0]


def test_a_shortened_tab_grows_again(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    store.append(row(n) for n in range(100))
    run.to_the_end()
    next(tab for gid, tab in book.tabs.items() if gid).rows = 101  # blank rows were deleted
    store.append(row(n) for n in range(100, 200))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(200)]
    assert run.told == []
