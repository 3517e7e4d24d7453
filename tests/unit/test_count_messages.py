"""What an aggregator tells of its counts: what is new at once, what is old now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.protocol.asides import NOTHING, Answers, Aside
from resonance_tui.protocol.events import (
    AsidePartialEvent,
    AsideTotalEvent,
    Event,
    PartialEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.messages import ASIDE_TOTAL, TOTAL, decode
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.values import NO_COUNTS, Counts, RoomSettings
from resonance_tui.room.count_messages import ASIDE_EVERY_S, CountMessages, repeat_s
from resonance_tui.room.federation import Edges, Sum
from resonance_tui.room.teams import TEAM_LEAST

REPEAT_S = repeat_s(RoomSettings())
ONE, TWO = (1, *[0] * 8), (2, *[0] * 8)
SIX = (6, *[0] * 8)
REACTED = Aside(reactions=(1, *[0] * 7))

# Looks at the counts: seconds since the last one, and what is counted then.
looks = st.lists(st.tuples(st.floats(0, 2 * REPEAT_S), st.sampled_from((NO_COUNTS, ONE, TWO))))
aside_looks = st.lists(st.tuples(st.floats(0, ASIDE_EVERY_S), st.sampled_from((NOTHING, REACTED))))


def telling(edges: Edges | None = None) -> CountMessages:
    return CountMessages("lobby", "ann", 7, edges or Edges("oslo"))


def read(messages: Sequence[Outgoing]) -> list[Event]:
    return [decode(each.topic, each.payload) for each in messages]


def totals(
    tell: CountMessages, counts: Counts, now: float, *, aside: Aside = NOTHING, least: int = 0
) -> list[Event]:
    return read(tell.totals(Sum(counts, 1), aside, None, least, now, 5))


# What we count ourselves


@given(looks)
def test_every_change_of_a_shard_is_told_at_once_and_nothing_old_too_often(
    looks: list[tuple[float, Counts]],
) -> None:
    tell, now, seqs = telling(), 0.0, [0]
    told: Counts | None = None
    told_at = 0.0
    for seconds, counts in looks:
        now += seconds
        events = read(tell.partials({3: counts}, now, 5))
        is_due = counts != told or now - told_at >= REPEAT_S
        assert len(events) == is_due
        for event in events:
            assert isinstance(event, PartialEvent)
            assert event.partial.shards == {3: counts} and event.edge == "oslo"
            seqs.append(event.partial.seq)
            told, told_at = counts, now
    assert seqs == list(range(len(seqs)))


def test_what_is_told_of_shards_counts_at_the_own_edge_too() -> None:
    edges = Edges("oslo")
    telling(edges).partials({3: TWO}, 0.0, 5)
    assert edges.total({"oslo": ["ann"]}, 0.0).counts == TWO


def test_who_has_no_shard_yet_says_nothing_and_who_has_none_any_more_says_so() -> None:
    tell = telling()
    assert tell.partials({}, 0.0, 5) == []
    assert len(tell.partials({3: ONE}, 1.0, 5)) == 1
    (event,) = read(tell.partials({}, 1.1, 5))
    assert isinstance(event, PartialEvent) and event.partial.shards == {}


@given(aside_looks)
def test_what_lies_beside_is_told_so_often_at_most_and_its_end_too(
    looks: list[tuple[float, Aside]],
) -> None:
    tell, now = telling(), 0.0
    told, told_at = NOTHING, -1.0
    for seconds, aside in looks:
        now += seconds
        for event in read(tell.aside_partials({3: aside}, now, 5)):
            assert isinstance(event, AsidePartialEvent)
            assert now - told_at >= ASIDE_EVERY_S
            assert told or aside, "nothing, and it was known"
            told, told_at = event.partial.shards[3], now
    end = tell.aside_partials({3: NOTHING}, now + 2 * ASIDE_EVERY_S, 5)
    assert len(end) == bool(told), "its end is told once, to whoever has heard of it"
    assert tell.aside_partials({3: NOTHING}, now + 2 * REPEAT_S, 5) == []


def test_partials_and_what_lies_beside_share_one_row_of_numbers() -> None:
    tell = telling()
    events = read(
        tell.partials({3: ONE}, 0.0, 5)
        + tell.aside_partials({3: REACTED}, 0.0, 5)
        + tell.partials({3: TWO}, 0.1, 5)
    )
    both = PartialEvent | AsidePartialEvent
    assert [event.partial.seq for event in events if isinstance(event, both)] == [1, 2, 3]


# The room


def test_the_whole_room_is_told_as_it_is_and_again_only_after_a_while() -> None:
    tell = telling()
    (event,) = totals(tell, ONE, 0.0)
    assert event == TotalEvent("lobby", 1, ONE, 7, 1)
    assert totals(tell, ONE, REPEAT_S - 0.1) == []
    assert totals(tell, ONE, REPEAT_S) == [replace(event, seq=2)]
    assert totals(tell, TWO, REPEAT_S) == [TotalEvent("lobby", 2, TWO, 7, 3)]


@given(looks)
def test_a_new_connection_is_told_all_again_under_numbers_that_never_fall(
    looks: list[tuple[float, Counts]],
) -> None:
    tell, now = telling(), 0.0
    for seq, (seconds, counts) in enumerate(looks, 1):
        now += seconds
        tell.begin()
        (partial,) = read(tell.partials({3: counts}, now, 5))
        (total,) = totals(tell, counts, now)
        assert isinstance(partial, PartialEvent) and isinstance(total, TotalEvent)
        assert partial.partial.seq == total.seq == seq


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 9), min_size=1), st.integers(2, 9))
def test_a_room_that_is_too_small_by_its_rules_tells_how_many_are_there_and_no_more(
    history: list[Counts], least: int
) -> None:
    tell = telling()
    for now, counts in enumerate(history):
        for event in totals(tell, counts, float(now), least=least):
            assert isinstance(event, TotalEvent) and event.least == least
            assert all(count % 3 == 0 for count in event.counts)
            if sum(counts) < least:
                assert event.viewers == sum(counts) and not any(event.counts)


def test_a_rule_that_has_ended_leaves_no_old_table_behind() -> None:
    tell = telling()
    totals(tell, SIX, 0.0, least=5)
    assert totals(tell, SIX, 0.1) == [TotalEvent("lobby", 6, SIX, 7, 2)]
    four = (6, 1, *[0] * 7)
    (event,) = totals(tell, four, 0.2, least=5)
    assert isinstance(event, TotalEvent) and event.viewers == 7


@pytest.mark.parametrize("size", [TEAM_LEAST - 1, TEAM_LEAST])
def test_a_team_is_told_from_so_many_on_without_any_rule(size: int) -> None:
    team = (size, *[0] * 8)
    room = (2 * TEAM_LEAST, *[0] * 8)
    told = totals(telling(), room, 0.0, aside=Aside(teams={1: team}))
    asides = [event.aside.teams for event in told if isinstance(event, AsideTotalEvent)]
    assert asides == ([{1: team}] if size == TEAM_LEAST else [])


def test_answers_of_too_few_are_not_told_under_a_rule() -> None:
    answered = Aside(answers=Answers(9, (3, 1)))
    told = totals(telling(), SIX, 0.0, aside=answered, least=5)
    shown = [event.aside.answers for event in told if isinstance(event, AsideTotalEvent)]
    assert shown == [Answers(9, (0, 0))]


def test_the_last_one_takes_back_what_it_has_told() -> None:
    tell = telling()
    assert read(tell.clearings()) == [TotalOverEvent("lobby")]
    totals(tell, ONE, 0.0, aside=REACTED)
    assert tell.clearings() == [TOTAL.clearing("lobby"), ASIDE_TOTAL.clearing("lobby")]
