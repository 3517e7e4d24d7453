"""The outbox on a real file: each second one place, and what crashes leave behind."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.history import schema
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets import outbox as module
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.plan import GAP_S, Tab

T0 = 1_795_345_080


def row(n: int, channel: str = "lobby", source: str = "local") -> Sample:
    return Sample(channel, T0 + n, 4 + n % 7, (n % 7, 0, 3, 0, 0, 0, 1), 0, 0, source)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        yield store


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store)


def places(outbox: Outbox, channel: str = "lobby") -> dict[str, list[int]]:
    """Seconds after T0 by tab's book and title, in the order of their positions."""
    return {
        tab.book + tab.title: [t - T0 for t, _ in outbox.rows(tab, 1, 9999)]
        for tab in outbox.tabs(channel)
    }


def test_a_file_of_the_first_layout_gets_an_outbox(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute(schema.MIGRATIONS[0])
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    db.close()
    with Store(path) as store:
        store.append([row(0)])
        assert Outbox(store).claim("lobby", "book") == T0


def test_a_place_is_given_once(store: Store, outbox: Outbox) -> None:
    store.append(row(n) for n in range(5))
    assert outbox.claim("lobby", "book") == T0 + 4
    assert outbox.claim("lobby", "book") is None
    store.append([row(5), row(2)])
    outbox.claim("lobby", "book")
    assert list(places(outbox).values()) == [[0, 1, 2, 3, 4, 5]]


def test_many_rows_are_claimed_in_short_transactions(
    store: Store, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLAIM_ROWS", 40)
    store.append(row(n) for n in range(100))
    ends, latest = [], 0
    while (newest := outbox.claim("lobby", "book", latest)) is not None:
        latest = newest
        ends.append(latest - T0)
    assert ends == [39, 79, 99]
    assert list(places(outbox).values()) == [list(range(100))]


def test_channels_and_recorders_do_not_mix(store: Store, outbox: Outbox) -> None:
    store.append([row(0), row(0, "other"), row(0, source="robot")])
    outbox.claim("lobby", "book")
    tabs = outbox.tabs("lobby")
    assert sorted(tab.source for tab in tabs) == ["local", "robot"]
    assert outbox.tabs("other") == []
    assert outbox.left("other") == 1


def test_two_programs_that_claim_at_once(path: Path, store: Store) -> None:
    store.append(row(n) for n in range(600))
    stores = [Store(path) for _ in range(2)]

    def claim(store: Store) -> None:
        latest = 0
        while (newest := Outbox(store).claim("lobby", "book", latest)) is not None:
            latest = newest

    threads = [threading.Thread(target=claim, args=(each,)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()
    assert list(places(Outbox(store)).values()) == [list(range(600))]


def test_confirming_never_goes_back(store: Store, outbox: Outbox) -> None:
    store.append(row(n) for n in range(9))
    outbox.claim("lobby", "book")
    (tab,) = outbox.tabs("lobby")
    outbox.confirm(tab, 6)
    outbox.confirm(tab, 3)  # another program, a little behind
    assert outbox.tabs("lobby")[0].confirmed == 6
    assert (outbox.left("lobby"), outbox.confirmed("lobby")) == (3, 6)


def test_leaving_a_tab_moves_what_did_not_arrive(store: Store, outbox: Outbox) -> None:
    store.append(row(n) for n in range(9))
    outbox.claim("lobby", "book")
    (tab,) = outbox.tabs("lobby")
    outbox.confirm(tab, 3)
    (tab,) = outbox.tabs("lobby")
    outbox.leave(tab, "next", {T0 + 4, T0 + 5, 99})
    old, new = outbox.tabs("lobby")
    assert old.is_left and not old.is_behind
    assert new.book == "next" and new.started == T0 + 3
    assert [t - T0 for t, _ in outbox.rows(new, 1, 9)] == [3, 6, 7, 8]
    assert outbox.left("lobby") == 4
    store.append([row(9)])
    outbox.claim("lobby", "next")
    assert [t - T0 for t, _ in outbox.rows(new, 1, 9)] == [3, 6, 7, 8, 9]


def test_leaving_a_tab_with_nothing_left_makes_no_new_one(store: Store, outbox: Outbox) -> None:
    store.append([row(0)])
    outbox.claim("lobby", "book")
    (tab,) = outbox.tabs("lobby")
    outbox.leave(tab, "next", {T0})
    assert len(outbox.tabs("lobby")) == 1
    assert outbox.left("lobby") == 0


def test_a_forgotten_second_keeps_its_place_and_says_nothing(store: Store, outbox: Outbox) -> None:
    store.append(row(n) for n in range(3))
    outbox.claim("lobby", "book")
    with store.transaction() as db:
        db.execute("DELETE FROM snapshot WHERE t = ?", (T0 + 1,))
    (tab,) = outbox.tabs("lobby")
    assert outbox.rows(tab, 1, 3) == [(T0, row(0)), (T0 + 1, None), (T0 + 2, row(2))]


def test_which_sheet_a_channel_has(outbox: Outbox) -> None:
    assert outbox.target("lobby") is None
    outbox.set_target("", "for-all")
    outbox.set_target("lobby", "own")
    assert (outbox.target("lobby"), outbox.target("other")) == ("own", "for-all")
    outbox.set_successor("own", "second")
    outbox.set_successor("second", "third")
    assert outbox.target("lobby") == "third"
    assert outbox.chain("own") == ["own", "second", "third"]
    outbox.set_successor("third", "own")  # a circle is no way to go on
    assert outbox.follow("own") == "third"


def test_the_title_of_a_successor_is_drawn_once(outbox: Outbox) -> None:
    assert outbox.draft_successor("a", "first") == ("first", False)
    assert outbox.draft_successor("a", "second") == ("first", True)
    outbox.set_successor("a", "b")
    assert outbox.follow("a") == "b"


def test_trouble_is_kept_until_it_is_over(outbox: Outbox) -> None:
    outbox.set_trouble("lobby", "no network", T0 + 0.5)
    outbox.set_trouble("lobby", "quota", T0 + 9)
    assert outbox.trouble("lobby") == (T0 + 9, "quota")
    outbox.set_trouble("lobby", "", T0)
    assert outbox.trouble("lobby") is None


def test_calls_are_counted_by_the_hour(outbox: Outbox) -> None:
    hour = 3600 * 400_000
    for at, is_write, failed in [(5, True, False), (7, False, True), (3599, True, True)]:
        outbox.count_call(hour + at, is_write=is_write, failed=failed)
    outbox.count_call(hour + 3600, is_write=False, failed=False)
    assert outbox.calls(hour) == [(hour, 1, 2, 2), (hour + 3600, 1, 0, 0)]
    assert outbox.calls(hour + 3700) == [(hour + 3600, 1, 0, 0)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("rows"), st.lists(st.integers(0, 3 * GAP_S), max_size=8)),
            st.tuples(st.just("run"), st.integers(0, 3 * GAP_S)),
            st.tuples(st.just("confirm"), st.integers(0, 9)),
            st.tuples(st.just("leave"), st.sets(st.integers(0, 3 * GAP_S), max_size=5)),
        ),
        max_size=14,
    )
)
def test_whatever_happens_each_second_has_one_place(tmp_path_factory, acts) -> None:
    folder = tmp_path_factory.mktemp("outbox")
    seconds: set[int] = set()
    with Store(folder / "h") as store:
        outbox = Outbox(store)
        for act, value in acts:
            behind: list[Tab] = [tab for tab in outbox.tabs("lobby") if tab.is_behind]
            if act == "rows":
                seconds |= set(value)
                store.append(row(n) for n in value)
                outbox.claim("lobby", "book")
            elif act == "run":
                outbox.begin_run("lobby", "local", T0 + value, "book")
            elif behind and act == "confirm":
                outbox.confirm(behind[0], min(behind[0].confirmed + value, behind[0].placed))
            elif behind and act == "leave":
                outbox.leave(behind[0], "next", {T0 + n for n in value})
        given_out = [second for part in places(outbox).values() for second in part]
        assert sorted(given_out) == sorted(seconds)
        assert outbox.confirmed("lobby") + outbox.left("lobby") == len(seconds)
