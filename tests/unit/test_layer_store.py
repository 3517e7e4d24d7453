"""Layers in the history database: beside the live rows, kept once, forgotten with their room."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from late_rooms import CALM, HAPPY, T0, counts, name, row, single

from resonance_tui.errors import StoreError
from resonance_tui.history import layer_store, schema
from resonance_tui.history.layers import as_table, people_in
from resonance_tui.history.retention import forget
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store

SPAN = SessionSpan(T0, T0 + 99, 100, 3)


def live(channel: str = "cats", start: int = T0) -> list[Sample]:
    return [Sample(channel, start + t, 3, (1, 0, 1, 0, 0, 0, 0), 0, 1) for t in range(100)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.sqlite") as store:
        store.append(live())
        yield store


def people(store: Store) -> int:
    return people_in(layer_store.layers(store, "cats", SPAN))


def test_the_own_layer_grows_and_the_first_reaction_stays(store: Store) -> None:
    assert layer_store.own_name(store, "cats", SPAN) is None
    layer_store.keep_own(store, "cats", name(1), as_table([row(3, HAPPY), row(4, HAPPY)]))
    layer_store.keep_own(store, "cats", name(1), as_table([row(4, CALM), row(5, CALM)]))
    (own,) = layer_store.layers(store, "cats", SPAN)
    assert own.is_own and own.members == {name(1)}
    assert own.table.tolist() == [row(3, HAPPY), row(4, HAPPY), row(5, CALM)]
    assert layer_store.own_name(store, "cats", SPAN) == name(1)
    layer_store.keep_own(store, "cats", name(2), as_table([row(3, CALM)]))
    assert layer_store.own_name(store, "cats", SPAN) == name(2)


def test_live_rows_stay_as_they_are(store: Store) -> None:
    before = store.read("cats")
    layer_store.keep_own(store, "cats", name(1), as_table([row(3, HAPPY)]))
    layer_store.take(store, "cats", [counts(2, 3, 4, 5, 6)])
    assert store.read("cats") == before
    assert store.channels() == ["cats"] and len(store.sessions("cats")) == 1


def test_a_layer_that_comes_twice_is_kept_once_and_the_longer_one_stays(store: Store) -> None:
    layer_store.take(store, "cats", [single(1, seconds=5), single(2)])
    layer_store.take(store, "cats", [single(2), single(1, seconds=9)])
    layer_store.take(store, "cats", [single(1, seconds=5)])
    first, second = sorted(layer_store.layers(store, "cats", SPAN), key=lambda x: len(x.table))
    assert (len(first.table), len(second.table)) == (9, 10)


def test_of_two_that_contradict_each_other_one_stays_whichever_came_first(tmp_path: Path) -> None:
    kept: list[list[list[int]]] = []
    for turn, moods in enumerate(((HAPPY, CALM), (CALM, HAPPY))):
        with Store(tmp_path / f"{turn}.sqlite") as store:
            for mood in moods:
                layer_store.take(store, "cats", [single(1, mood)])
            (layer,) = layer_store.layers(store, "cats", SPAN)
            kept.append(layer.table.tolist())
    assert kept[0] == kept[1]


def test_what_was_made_here_is_not_replaced_when_it_comes_back(store: Store) -> None:
    layer_store.keep_own(store, "cats", name(1), single(1, CALM, seconds=3).table)
    layer_store.take(store, "cats", [single(1, HAPPY, seconds=50)])
    (own,) = layer_store.layers(store, "cats", SPAN)
    assert own.is_own and len(own.table) == 3


def test_own_layers_are_deleted_alone(store: Store) -> None:
    layer_store.keep_own(store, "cats", name(1), single(1).table)
    layer_store.take(store, "cats", [single(2)])
    assert layer_store.forget_own(store, "cats", SPAN) == 10
    assert [layer.is_own for layer in layer_store.layers(store, "cats", SPAN)] == [False]
    assert layer_store.forget_own(store, "cats", SPAN) == 0


def test_a_room_that_is_forgotten_takes_its_layers_with_it(store: Store) -> None:
    store.append(live("dogs"))
    layer_store.take(store, "cats", [single(1, seconds=5), single(2, seconds=20)])
    layer_store.take(store, "dogs", [single(3)])
    forget(store, ["cats"], before=T0 + 10)
    (left,) = layer_store.layers(store, "cats", SPAN)
    assert (left.members, len(left.table)) == ({name(2)}, 10)
    forget(store, ["cats"])
    assert people(store) == 0
    with store.reading() as db:
        assert db.execute("SELECT count(*) FROM layer_row").fetchone() == (10,)
    assert people_in(layer_store.layers(store, "dogs", SPAN)) == 1


def test_a_database_that_somebody_has_edited_is_named(store: Store) -> None:
    layer_store.take(store, "cats", [single(1)])
    with store.transaction() as db:
        db.execute("UPDATE layer_row SET fear = 'much'")
    with pytest.raises(StoreError, match="no figures"):
        layer_store.layers(store, "cats", SPAN)


def test_of_several_recorders_the_one_that_saw_most_is_the_room(store: Store) -> None:
    store.append([Sample("cats", T0 + 5, 4, (4, 0, 0, 0, 0, 0, 0), 0, 0, "other")])
    room = layer_store.room_rows(store, "cats", SPAN)
    assert len(room) == 100
    assert room[5].tolist() == [T0 + 5, 4, *[0] * 8]
    assert room[6].tolist() == [T0 + 6, 1, 0, 1, 0, 0, 0, 0, 0, 1]


def test_a_room_that_another_machine_has_recorded(tmp_path: Path, store: Store) -> None:
    room = layer_store.room_rows(store, "cats", SPAN)
    with Store(tmp_path / "new.sqlite") as new:
        assert layer_store.keep_room(new, "cats", room) == 100
        assert layer_store.keep_room(new, "cats", room) == 0
        assert (layer_store.room_rows(new, "cats", SPAN) == room).all()
        assert new.sessions("cats")[0].peak_viewers == 3


def test_a_database_of_layout_4_is_read_as_it_is_and_then_brought_up_to_date(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.sqlite"
    before = schema.MIGRATIONS[:4]
    with sqlite3.connect(path) as db:
        for script in before:
            db.executescript(script)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 4")
        db.execute("INSERT INTO snapshot VALUES ('cats', ?, 'local', 1,1,0,0,0,0,0,0,0,0)", (T0,))
        db.execute("INSERT INTO video VALUES ('cats', ?, ?)", (T0, T0 - 26.0))
    db.close()
    with Store(path, read_only=True) as store:
        assert people(store) == 0
        assert layer_store.own_name(store, "cats", SPAN) is None
    with Store(path) as store:
        layer_store.take(store, "cats", [single(1)])
        assert people(store) == 1
        assert [each.t for each in store.read("cats")] == [T0]
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert db.execute("SELECT start FROM video").fetchone() == (T0 - 26.0,)
    db.close()
