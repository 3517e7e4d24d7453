"""The outbox against Google's protocol, with gspread on top: whatever fails, sheet and store are
equal in the end."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_sheets import Call, FakeBook, FakeSheets, FakeTab, running, session_to
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sheet_calls import Calls
from sheet_calls import outbox as outbox_cost

from resonance_tui.errors import SheetsBusy, SheetsRefused
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.sheets.client import Sheets
from resonance_tui.sinks.sheets.layout import owner, to_row
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender

T0 = 1_795_345_080
BOOK = "the-streamers-own-sheet"


def row(n: int, channel: str = "lobby", source: str = "local") -> Sample:
    counts = (n % 7, 0, 3, n % 2, 0, 0, 1)
    return Sample(channel, T0 + n, sum(counts) + 2 + n % 3, counts, 2, n % 3, source)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def fake() -> Iterator[FakeSheets]:
    with running() as fake:
        yield fake


@pytest.fixture
def book(fake: FakeSheets) -> FakeBook:
    return fake.add(BOOK)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.sqlite") as store:
        yield store


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


class Run:
    """A sender, its clock, and what it told."""

    def __init__(
        self, fake: FakeSheets, outbox: Outbox, writes_a_minute: int = 6, book: str = BOOK
    ) -> None:
        self.clock, self.told = Clock(), []
        fake.clock = self.clock
        self.sheets = Sheets(session_to(fake.url), "robot@project.example")
        self.sender = Sender(
            outbox,
            self.sheets,
            "lobby",
            outbox.follow(book),
            Backoff(writes_a_minute),
            tell=self.told.append,
            clock=self.clock,
            draw=random.Random(5).random,
        )

    def to_the_end(self, most: int = 5000) -> None:
        for _ in range(most):
            wait = self.sender.step()
            if wait is None:
                return
            self.clock.sleep(wait)
        raise AssertionError("no end in sight")


@pytest.fixture
def run(fake: FakeSheets, outbox: Outbox) -> Run:
    return Run(fake, outbox)


def in_sheets(fake: FakeSheets, channel: str = "lobby") -> list[Sample]:
    """Every row that stands in any tab of the channel, in whatever order, duplicates included."""
    found = []
    for book in fake.books.values():
        for tab in book.tabs.values():
            head, *rows = tab.all() or [[]]
            if (whose := owner(head)) and whose[0] == channel:
                found += [row for cells in rows if (row := to_row(cells, *whose))]
    return sorted(found, key=lambda row: (row.t, row.source))


def tabs(book: FakeBook) -> list[list[list[object]]]:
    return [tab.all() for gid, tab in book.tabs.items() if gid]


def is_values_put(call: Call) -> bool:
    return call.method == "PUT"


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


def test_ten_thousand_rows_while_one_call_in_four_fails(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox
) -> None:
    dice = random.Random(11)
    kinds = ["429", "429 after 7", "503", "reset", "lost", "page"]
    fake.faults = lambda call: dice.choice(kinds) if dice.random() < 0.25 else None
    store.append(row(n) for n in range(10_000))
    run = Run(fake, outbox, writes_a_minute=50)
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(10_000)]
    assert len(tabs(book)) == 1
    assert outbox.left("lobby") == 0
    assert run.told == []


def test_never_more_than_six_writes_in_any_minute(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    times = []
    fake.after = lambda call: times.append(run.clock()) if call.is_write else None
    store.append(row(n) for n in range(900))
    run.to_the_end()
    assert len(times) == 15 + 1  # batches of 60, and the tab
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[6:], strict=False))


def test_a_quota_of_google_is_waited_for(fake: FakeSheets, book: FakeBook, store: Store, outbox):
    fake.quota = 4  # somebody else uses up the rest
    store.append(row(n) for n in range(1200))
    Run(fake, outbox, writes_a_minute=20).to_the_end()
    assert fake.refused_for_quota > 0
    assert in_sheets(fake) == [row(n) for n in range(1200)]


def test_an_answer_that_is_lost_changes_nothing(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    seen: set[str] = set()

    def lose_each_first(call: Call) -> str | None:
        is_new = call.is_write and (key := f"{call.method} {call.path}") not in seen
        if is_new:
            seen.add(key)
        return "lost" if is_new else None

    fake.faults = lose_each_first
    store.append(row(n) for n in range(200))
    run.to_the_end()
    assert len(seen) >= 5
    assert in_sheets(fake) == [row(n) for n in range(200)]
    assert len(tabs(book)) == 1


def test_nothing_is_made_or_grown_twice_because_an_answer_was_lost(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    lost: list[str] = []

    def lose_each_first(call: Call) -> str | None:
        kind = next(iter(call.body["requests"][0])) if call.path.endswith(":batchUpdate") else ""
        is_new = bool(kind) and kind not in lost
        lost.extend([kind] * is_new)
        return "lost" if is_new else None

    fake.faults = lose_each_first
    for part in (range(60), range(60, 2000)):
        store.append(row(n) for n in part)
        run.to_the_end()
    assert lost == ["addSheet", "appendDimension"]
    assert len([call for call in fake.calls if ":batchUpdate" in call.path]) == 2
    assert in_sheets(fake) == [row(n) for n in range(2000)]


def test_a_tab_that_another_program_makes_in_the_same_moment(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run
) -> None:
    def make_it_first(call: Call) -> None:
        if call.path.endswith(":batchUpdate"):
            fake._batch(book, call.body["requests"])

    fake.faults = make_it_first
    store.append(row(n) for n in range(60))
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(60)]
    assert len(tabs(book)) == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["", "", "429", "503", "reset", "lost", "page"]), max_size=25),
    st.lists(st.integers(1, 90), min_size=1, max_size=4),
)
def test_no_sequence_of_failures_doubles_or_drops_a_row(
    fake: FakeSheets, tmp_path_factory, faults: list[str], parts: list[int]
) -> None:
    fake.books.clear()
    book = fake.add(BOOK)
    coming = iter(faults)
    fake.faults = lambda call: next(coming, None)
    with Store(tmp_path_factory.mktemp("faults") / "history") as store:
        run, at = Run(fake, Outbox(store)), 0
        for part in parts:
            store.append(row(n) for n in range(at, at + part))
            at += part
            run.clock.sleep(run.sender.step() or 0)
        run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(at)]
    assert len(tabs(book)) == 1 and run.told == []


def test_retry_after_is_heeded(fake: FakeSheets, book: FakeBook, store: Store, run: Run) -> None:
    faults = iter(["503 after 33"])
    fake.faults = lambda call: next(faults, None)
    store.append([row(0)])
    wait = run.sender.step()
    assert wait is not None and 33 <= wait <= 34
    assert run.sender.step() == wait  # asked too early, it asks nobody
    assert fake.calls == []
    run.clock.sleep(wait)
    run.to_the_end()
    assert in_sheets(fake) == [row(0)]


def test_an_outage_is_endured_and_told(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run
) -> None:
    fake.faults = lambda call: "503"
    store.append([row(0)])
    for _ in range(20):
        run.clock.sleep(run.sender.step() or 0)
    assert run.sender.is_hopeless
    assert max(run.clock.slept) <= 64
    assert "outage (503)" in run.sender.trouble
    assert "outage" in (outbox.trouble("lobby") or (0, ""))[1]
    fake.faults = lambda call: None
    run.to_the_end()
    assert outbox.trouble("lobby") is None
    assert in_sheets(fake) == [row(0)]


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


# Hands in the sheet


def edit(book: FakeBook, change: Callable[[list[list[object]]], None]) -> list[list[object]]:
    """What the first tab of ours holds after a person was at it."""
    tab = next(tab for gid, tab in book.tabs.items() if gid)
    cells = tab.all()
    change(cells)
    tab.cells.clear()
    tab.put(0, 0, cells)
    return cells


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


def test_a_clock_that_was_wrong_for_a_moment_heals_by_itself(
    fake: FakeSheets, book: FakeBook, store: Store, outbox: Outbox, run: Run
) -> None:
    right = fake.token_answer
    said = (
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    )
    fake.token_answer = (400, {"error": "invalid_grant", "error_description": said})
    login = Credentials(
        None, refresh_token="r", token_uri=f"{fake.url}/token", client_id="c", client_secret="s"
    )
    run.sender = Sender(
        outbox,
        Sheets(session_to(fake.url, AuthorizedSession(login)), "mia@example.com"),
        "lobby",
        BOOK,
        Backoff(6),
        clock=run.clock,
        draw=lambda: 0.5,
    )
    store.append(row(n) for n in range(10))
    while not run.sender.is_hopeless:
        run.clock.sleep(run.sender.step() or 0.0)
        assert "clock is wrong" in run.sender.trouble and "key" not in run.sender.trouble
    fake.token_answer = right
    run.to_the_end()
    assert in_sheets(fake) == [row(n) for n in range(10)]
    assert run.sender.trouble == "" and outbox.trouble("lobby") is None


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


def test_a_server_that_never_answers_is_given_up(
    fake: FakeSheets, book: FakeBook, store: Store, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.sheets._http.set_timeout((1.0, 0.1))
    fake.faults = lambda call: "slow"
    store.append([row(0)])
    assert run.sender.step() is not None
    assert "cannot be reached" in run.sender.trouble
    with pytest.raises(SheetsBusy):
        run.sheets.book(BOOK)


# What an older program left


def test_the_outbox_of_an_older_program_is_sent_on(
    fake: FakeSheets, book: FakeBook, tmp_path: Path
) -> None:
    """Its file was of layout 3, with six rows placed, two more recorded and nothing sent."""
    path = tmp_path / "history.sqlite"
    script = Path(__file__).parents[1] / "unit" / "data" / "history_v3.sql"
    with sqlite3.connect(path) as db:
        db.executescript(script.read_text(encoding="utf-8"))
    db.close()
    with Store(path) as store:
        old = Run(fake, Outbox(store))
        old.to_the_end()
        assert in_sheets(fake) == store.read("lobby") == [row(n) for n in range(8)]
        assert Outbox(store).left("lobby") == 0
    assert len(book.tabs) == 2


# What it costs


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
