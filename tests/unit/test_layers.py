"""Layers: each is counted once, however they come, and fewer than five are hidden."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from late_rooms import CALM, HAPPY, T0, counts, name, row, single
from recordings import from_samples

from resonance_tui import texts
from resonance_tui.catalogues import FOLDER, read
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history import layer_file
from resonance_tui.history.layers import (
    LEAST_LAYERS,
    Layer,
    as_table,
    counted,
    for_others,
    members_of,
    new_name,
    people_in,
    total,
)
from resonance_tui.history.replayed_room import People, ReplayedRoom
from resonance_tui.history.samples import Sample, SessionSpan

SPAN = SessionSpan(T0, T0 + 99, 100, 12)
GROUPS = st.lists(
    st.lists(st.integers(0, 12), min_size=1, max_size=7, unique=True), min_size=1, max_size=8
)


def group(numbers: list[int]) -> Layer:
    return counts(*numbers, seconds=1 + sum(numbers) % 4)


# Merging


@given(GROUPS, st.randoms(use_true_random=False))
def test_each_member_is_counted_once_in_any_order_and_repeated(
    groups: list[list[int]], dice: random.Random
) -> None:
    layers = [group(numbers) for numbers in groups]
    chosen = counted(layers)
    assert sum(layer.people for layer in chosen) == people_in(chosen)
    shuffled = [*layers, *layers]
    dice.shuffle(shuffled)
    assert [layer.members for layer in counted(shuffled)] == [layer.members for layer in chosen]
    assert (total(counted(shuffled)) == total(chosen)).all()
    assert total(chosen)[:, 1:].sum(axis=1).max() <= people_in(layers)


def test_counts_that_hold_somebody_take_the_place_of_the_layer_alone() -> None:
    chosen = counted([single(1), single(9), counts(1, 2, 3, 4, 5)])
    assert [layer.people for layer in chosen] == [5, 1]
    assert total(chosen)[0, 1] == 6


def test_layers_of_different_lengths_add_up_second_by_second() -> None:
    found = total([single(1, seconds=2), single(2, CALM, seconds=3)])
    assert found.tolist() == [row(0, HAPPY, CALM), row(1, HAPPY, CALM), row(2, CALM)]
    assert len(total([])) == 0


def test_names_are_random() -> None:
    assert len({new_name() for _ in range(50)}) == 50


# What leaves the machine


def test_own_layers_leave_and_those_of_a_few_others_stay() -> None:
    own = single(0, is_own=True)
    assert [each.members for each in for_others([own, *map(single, (1, 2, 3))])] == [own.members]
    assert for_others([single(1), single(2)]) == []


def test_own_ones_join_the_counts_where_the_others_alone_are_too_few() -> None:
    (together,) = for_others([single(0, is_own=True), *map(single, (1, 2, 3, 4))])
    assert together.people == 5


def test_others_leave_as_counts_without_the_seconds_of_fewer_than_five() -> None:
    layers = [single(0, is_own=True), *(single(n, seconds=n) for n in range(1, 8))]
    own, together = for_others(layers)
    assert own.is_own and own.people == 1
    assert together.people == 7
    assert (together.table[:, 1:].sum(axis=1) >= LEAST_LAYERS).all()
    assert len(together.table) == 3  # in the fourth second four of them are left


@given(GROUPS)
def test_what_leaves_never_tells_of_fewer_than_five_others(groups: list[list[int]]) -> None:
    for layer in for_others(group(numbers) for numbers in groups):
        assert layer.people >= LEAST_LAYERS
        assert (layer.table[:, 1:].sum(axis=1) >= LEAST_LAYERS).all()


# The replayed room


def room(*layers: Layer, own: int = 0) -> ReplayedRoom:
    live = [
        Sample("cats", T0 + t, 12, (0, 0, 12, 0, 0, 0, 0), 0, 0)
        for t in range(100)
        if not 50 <= t < 60
    ]
    return ReplayedRoom(from_samples(live), layers, name(own))


def test_four_are_hidden_and_five_are_shown() -> None:
    four = room(*map(single, (1, 2, 3, 4)))
    assert (four.layers, four.late(T0 + 3)) == (4, None)
    five = room(*map(single, (1, 2, 3, 4, 5)))
    assert five.late(T0 + 3.7) == People((5, 0, 0, 0, 0, 0, 0), 0)
    assert five.late(T0 + 10) is None  # nobody went on so far


def test_the_own_layer_counts_as_soon_as_it_is_made_and_once() -> None:
    watched = room(*map(single, (1, 2, 3, 4)))
    new = watched.react(range(T0, T0 + 3), Emotion.AWAY)
    assert watched.late(T0 + 1) == People((4, 0, 0, 0, 0, 0, 0), 1)
    assert new.tolist() == [row(t, Emotion.AWAY) for t in range(3)]
    assert len(watched.react(range(T0, T0 + 3), HAPPY)) == 0  # the first reaction stays
    returned = room(counts(0, 1, 2, 3, 4), single(0, is_own=True))
    returned.react([T0], HAPPY)
    assert (returned.layers, returned.late(T0)) == (5, People((5, 0, 0, 0, 0, 0, 0), 0))


def test_live_and_late_are_never_added() -> None:
    watched = room(*map(single, range(1, 7)))
    assert watched.live(T0 + 3) == People((0, 0, 12, 0, 0, 0, 0), 0)
    assert watched.late(T0 + 3) == People((6, 0, 0, 0, 0, 0, 0), 0)


def test_a_hole_is_one_after_three_seconds_and_reactions_outside_are_none() -> None:
    watched = room()
    assert watched.live(T0 - 0.1) is None
    assert watched.live(T0 + 52) is not None and watched.live(T0 + 53) is None
    assert len(watched.react([T0 - 1, T0 + 100], HAPPY)) == 0
    assert [point.t for point in watched.past(T0 + 2.5)] == [T0, T0 + 1, T0 + 2]


# The file


def encoded(*layers: Layer, live: Any = None) -> bytes:
    return "".join(layer_file.encode("cats", SPAN, layers, live)).encode()


def test_a_file_comes_back_as_it_was() -> None:
    late = [single(1, seconds=5), counts(2, 3, 4, 5, 6, seconds=7)]
    live = as_table(row(t, CALM, HAPPY) for t in (0, 1, 2, 7, 99))
    read = layer_file.decode(encoded(*late, live=live), "f")
    assert (read.channel, read.start, read.end) == ("cats", T0, T0 + 99)
    assert (read.room == live).all()
    for before, after in zip(late, read.layers, strict=True):
        assert before.members == after.members and not after.is_own
        assert (before.table == after.table).all()


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(Emotion)), unique_by=lambda x: x[0]))
def test_any_layer_comes_back_as_it_was(reactions: list[tuple[int, Emotion]]) -> None:
    table = as_table(row(t, state) for t, state in sorted(reactions))
    read = layer_file.decode(encoded(Layer(frozenset({name(1)}), table)), "f")
    assert total(read.layers).tolist() == table.tolist()


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(encoded(single(1))) | fields).encode()


def rows(*lines: list[int]) -> list[dict[str, Any]]:
    return [{"members": [name(1)], "rows": lines}]


ONE = [1, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no file of layers"),
        (b"{}", "no file of layers"),
        (b"[" * 100_000, "no file of layers"),
        (b"\xff\xfe", "no file of layers"),
        (changed(format="resonance-tui moments"), "no file of layers"),
        (changed(version=2), "has version 2"),
        (changed(version=1.5), "no file of layers"),
        (encoded(single(1))[:-9], "no file of layers"),
        (changed(channel="../cats"), "damaged"),
        (changed(channel="cats\n"), "damaged"),
        (changed(start=T0 + 500), "ends before it begins"),
        (changed(start=-1), "damaged"),
        (changed(end=T0 + 9 * 86_400), "longer than a week"),
        (changed(layers=[{"members": [], "rows": []}]), "damaged"),
        (changed(layers=[{"members": ["mia"], "rows": []}]), "damaged"),
        (changed(layers=[{"members": [name(1)] * 2, "rows": []}]), "somebody twice"),
        (changed(layers=rows([0, 1, *ONE[:-1]])), "damaged"),
        (changed(layers=rows([0, 1, *[0] * 9])), "counts nobody"),
        (changed(layers=rows([0, 1, 2, *ONE[1:]])), "more people than"),
        (changed(layers=rows([0, 1, -1, *ONE[1:]])), "damaged"),
        (changed(layers=rows([0, 0, *ONE])), "out of order"),
        (changed(layers=rows([5, 2, *ONE], [6, 1, *ONE])), "out of order"),
        (changed(layers=rows([99, 2, *ONE])), "out of order"),
        (changed(layers=rows([0, 1_000_000_000, *ONE])), "out of order"),
        (changed(layers=rows([0, 1, 10**30, *ONE[1:]])), "damaged"),
        (changed(room=[[0, 101, *ONE]]), "out of order"),
    ],
)
def test_a_file_that_is_not_ours_or_damaged_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        layer_file.decode(data, "f")


def test_a_small_file_cannot_become_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_file, "MOST_ROWS", 150)
    layers = [{"members": [name(n)], "rows": [[0, 100, *ONE]]} for n in (1, 2)]
    with pytest.raises(InputError, match="more rows than"):
        layer_file.decode(changed(layers=layers), "f")
    monkeypatch.setattr(layer_file, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="larger than any"):
        layer_file.decode(encoded(), "f")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=30,
)


@given(st.sampled_from(["channel", "start", "end", "layers", "room", "version"]), JSON)
def test_no_value_anywhere_does_more_than_be_refused(field: str, value: Any) -> None:
    check(changed(**{field: value}))


@given(st.binary(max_size=200), st.integers(0, 600), st.integers(0, 40))
def test_no_bytes_do_more_than_be_refused(noise: bytes, at: int, cut: int) -> None:
    data = encoded(single(1), counts(2, 3, 4, 5, 6))
    check(noise)
    check(data[:at] + noise + data[at + cut :])


def check(data: bytes) -> None:
    """Either refused in one line, or a file that keeps what it promises."""
    try:
        read = layer_file.decode(data, "f")
    except InputError as error:
        assert "\n" not in error.message and error.hint
        return
    for layer in read.layers:
        people = layer.table[:, 1:].sum(axis=1)
        assert ((people >= 1) & (people <= layer.people)).all()
        assert (np.diff(layer.table[:, 0]) > 0).all()
        assert read.start <= layer.table[0, 0] and layer.table[-1, 0] <= read.end
    assert members_of(read.layers) or not read.layers


def test_what_is_wrong_with_a_file_is_said_in_the_persons_language() -> None:
    with pytest.raises(InputError) as refused:
        layer_file.decode(changed(start=T0 + 500), "f")
    before = texts.use(read(FOLDER / "zh_TW.po"))
    try:
        assert "損壞" in texts.tr(refused.value.message) and "早於" in texts.tr(
            refused.value.message
        )
    finally:
        texts.use(before)
