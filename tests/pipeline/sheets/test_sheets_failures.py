"""Whatever fails on the way to Google, sheet and store are equal in the end."""

from __future__ import annotations

import random

import pytest
from fake_sheets import Call, FakeBook, FakeSheets, session_to
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sheet_runs import BOOK, Run, in_sheets, row, tabs

from resonance_tui.errors import SheetsBusy
from resonance_tui.history.store import Store
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.sheets.client import Sheets
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender


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
