"""Rows to cells and back, and everything that a person can do to a tab."""

from __future__ import annotations

import contextlib
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import InputError
from resonance_tui.history.samples import Sample
from resonance_tui.sinks.sheets.layout import (
    WIDTH,
    Expected,
    book_id,
    book_url,
    edited,
    header,
    header_range,
    is_blank,
    owner,
    rows_range,
    second_of,
    seconds_range,
    tab_title,
    to_cells,
    to_row,
)

T0 = 1_795_345_080
counts = st.integers(0, 10**6)
rows = st.builds(
    Sample,
    channel=st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True),
    t=st.integers(0, 4_000_000_000),
    viewers=counts,
    counts=st.tuples(*[counts] * 7),
    unsure=counts,
    away=counts,
    source=st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=30
    ),
)
cells = st.lists(
    st.one_of(st.text(max_size=9), st.integers(), st.floats(), st.booleans(), st.none()),
    max_size=2 * WIDTH,
)


def row(n: int) -> Sample:
    return Sample("lobby", T0 + n, 7, (n, 0, 3, 0, 0, 0, 1), 2, 1)


@given(rows)
def test_a_row_comes_back_as_it_was(row: Sample) -> None:
    whose = owner(header(row.channel, row.source))
    assert whose == (row.channel, row.source)
    assert to_row(to_cells(row), *whose) == row


@given(rows)
def test_nothing_of_a_row_can_be_a_formula(row: Sample) -> None:
    assert all(isinstance(cell, int | float) for cell in to_cells(row))
    assert header(row.channel, row.source)[0].startswith("UTC, ")


@given(cells)
def test_whatever_stands_in_a_sheet_is_a_sound_row_or_none(cells: list) -> None:
    found = to_row(cells, "lobby", "local")
    if found is not None:
        numbers = (found.t, found.viewers, *found.counts, found.unsure, found.away)
        assert all(isinstance(number, int) and number >= 0 for number in numbers)
        assert len(found.counts) == 7
    owner(cells), second_of(cells), is_blank(cells)  # never raise


@pytest.mark.parametrize("at", range(1, WIDTH))
@pytest.mark.parametrize("odd", ["", "7", -1, 1.5, True, None, float("nan"), float("inf"), 10**12])
def test_a_row_edited_by_hand_is_left_out(at: int, odd: object) -> None:
    cells: list = to_cells(row(1))
    cells[at] = odd
    assert to_row(cells, "lobby", "local") is None


def test_google_may_answer_with_decimals() -> None:
    assert to_row([float(cell) for cell in to_cells(row(1))], "lobby", "local") == row(1)


def test_the_time_is_a_date_for_google() -> None:
    assert to_cells(row(0))[0] == pytest.approx(46348.4569444)  # 2026-11-22 10:58:00


@pytest.mark.parametrize(
    "head",
    [[], ["UTC, lobby, local"], ["Datum", *header("a", "b")[1:]], [7], header("a", "b")[:-1],
     ["UTC, LOBBY!, local", *header("a", "b")[1:]]],
)  # fmt: skip
def test_a_tab_of_somebody_else(head: list) -> None:
    assert owner(head) is None


def test_ranges_name_cells_below_the_header() -> None:
    assert rows_range("a b", 1, 60) == "'a b'!A2:L61"
    assert rows_range("Mia's", 61, 61) == "'Mia''s'!A62:L62"
    assert header_range("x") == "'x'!A1:L1"
    assert seconds_range("x", 700) == "'x'!B1:B700"


def test_a_title_fits_and_says_channel_and_start() -> None:
    assert tab_title("lobby", T0, "a1b2") == "lobby 2026-11-22 10.58.00 UTC a1b2"
    assert len(tab_title("x" * 64, T0, "a1b2c3")) <= 100


@pytest.mark.parametrize(
    "text",
    [
        "https://docs.google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz/edit#gid=0",
        "https://docs.google.com/spreadsheets/u/1/d/1aB-_9xyzxyzxyzxyzxyz",
        " 1aB-_9xyzxyzxyzxyzxyz ",
        "https://docs.google.com/a/example.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz/edit",
        "https://docs.google.com/a/example.com/spreadsheets/u/0/d/1aB-_9xyzxyzxyzxyzxyz/edit",
        "docs.google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz/edit?usp=sharing",
        "http://docs.google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz",
        "HTTPS://Docs.Google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz/edit",
        "https://drive.google.com/open?id=1aB-_9xyzxyzxyzxyzxyz",
        "https://drive.google.com/open?usp=drive_fs&id=1aB-_9xyzxyzxyzxyzxyz",
        "https://drive.google.com/file/d/1aB-_9xyzxyzxyzxyzxyz/view?usp=sharing",
        "<https://docs.google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz/edit>",
        "\"'https://docs.google.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz'\"",
        "'1aB-_9xyzxyzxyzxyzxyz'",
    ],
)
def test_a_sheet_is_named_by_its_address(text: str) -> None:
    assert book_id(text) == "1aB-_9xyzxyzxyzxyzxyz"
    assert book_id(book_url(book_id(text))) == book_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "sheet", "https://example.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz", "../../etc/passwd",
     "https://docs.google.com.example.com/spreadsheets/d/1aB-_9xyzxyzxyzxyzxyz",
     "https://docs.google.com/document/d/1aB-_9xyzxyzxyzxyzxyz/edit",
     "https://docs.google.com/spreadsheets/d/e/2PACX-1aB9xyzxyzxyz/pubhtml"],
)  # fmt: skip
def test_what_is_no_sheet(text: str) -> None:
    with pytest.raises(InputError, match="is no Google sheet") as caught:
        book_id(text)
    assert "https://docs.google.com/spreadsheets/d/" in caught.value.hint


@given(st.text(max_size=80) | st.text("aZ9-_ä²", min_size=18, max_size=80))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert set(book_id(text)) <= set(ascii_letters + digits + "-_")


# Hands in a tab

HEAD = header("lobby", "local")


def look(
    head: list | None = None,
    anchor: list | None = None,
    target: list | None = None,
    forgotten: bool = False,
) -> str:
    return edited(
        HEAD if head is None else head,
        to_cells(row(9)) if anchor is None else anchor,
        [[], []] if target is None else target,
        Expected(HEAD, T0 + 9, [T0 + 10, T0 + 11], forgotten),
    )


def test_a_tab_as_we_left_it() -> None:
    assert look() == ""
    assert look(target=[to_cells(row(10)), to_cells(row(11))]) == ""  # an answer was lost
    assert look(target=[to_cells(row(10)), ["", ""]]) == ""
    assert edited(HEAD, [], [[]], Expected(HEAD, None, [T0])) == ""


def test_a_tab_that_somebody_changed() -> None:
    assert look(head=["time", *HEAD[1:]]) == "its header was changed"
    assert look(head=[]) == "its header was changed"
    assert look(anchor=to_cells(row(8))) == "its rows were moved or removed"
    assert look(anchor=[]) == "its rows were moved or removed"
    assert look(target=[[], to_cells(row(10))]) == "something was written below its last row"
    assert look(target=[["", "", "sum"], []]) == "something was written below its last row"


def test_a_second_that_was_forgotten_may_be_blank() -> None:
    assert look(anchor=[], forgotten=True) == ""
    assert look(anchor=["", "", 4], forgotten=True) == "its rows were moved or removed"
    assert to_cells(None) == [""] * WIDTH
