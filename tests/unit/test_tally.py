"""Shard counts: the same whatever the order, doubling, loss and overlap of messages."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS, Counts, Partial, Report, RoomCounts
from resonance_tui.room.state import RoomState
from resonance_tui.room.tally import ROOT, PartialTable, Tally, owner, shards_owned

ALL = frozenset(range(SHARDS))
IDS = [f"viewer-{number}" for number in range(12)]
HAPPY = Report(boot=10, seq=5, code=Emotion.HAPPINESS, confidence=80)

agents = st.sets(st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True), min_size=1, max_size=8)
reports = st.builds(
    Report,
    boot=st.integers(0, 3),
    seq=st.integers(0, 5),
    code=st.sampled_from(Emotion),
    confidence=st.just(50),
)
histories = st.lists(st.tuples(st.sampled_from(IDS), reports), max_size=40).map(
    lambda told: list({(who, r.boot, r.seq): (who, r) for who, r in told}.values())
)


def newest(messages: Iterable[tuple[str, Report]]) -> dict[str, Report]:
    found: dict[str, Report] = {}
    for who, report in messages:
        if who not in found or (report.boot, report.seq) > (found[who].boot, found[who].seq):
            found[who] = report
    return found


def nine(codes: Iterable[Emotion]) -> Counts:
    counted = Counter(codes)
    return tuple(counted[code] for code in Emotion)


def summed(tally: Tally) -> Counts:
    return tuple(map(sum, zip(*(tally.counts(shard) for shard in range(SHARDS)), strict=True)))


def counting(shards: frozenset[int] = ALL, **options: float) -> Tally:
    tally = Tally(**options)
    tally.watch(shards)
    return tally


# --- who counts what ---------------------------------------------------------------------------


@given(agents)
def test_every_shard_has_one_owner_whoever_asks(live: set[str]) -> None:
    owned = [shards_owned(agent, live) for agent in live]
    assert sum(map(len, owned)) == SHARDS
    assert frozenset.union(*owned) == ALL
    assert owner(ROOT, sorted(live)) == owner(ROOT, sorted(live, reverse=True)) in live


@given(agents.filter(lambda live: len(live) > 1), st.data())
def test_who_comes_or_goes_moves_only_what_it_takes_or_leaves(
    live: set[str], data: st.DataObject
) -> None:
    moving = data.draw(st.sampled_from(sorted(live)))
    without = live - {moving}
    for place in (*range(SHARDS), ROOT):
        if owner(place, live) != moving:
            assert owner(place, without) == owner(place, live)


def test_nobody_owns_anything_in_an_empty_room() -> None:
    assert owner(3, ()) is None


def test_shards_are_spread_over_agents() -> None:
    live = {f"agent-{number}" for number in range(4)}
    assert all(6 <= len(shards_owned(agent, live)) <= 28 for agent in live)


# --- votes -------------------------------------------------------------------------------------


@given(histories, st.randoms(), st.lists(st.integers(0, 39), max_size=30))
def test_order_and_doubling_of_reports_do_not_matter(
    messages: list[tuple[str, Report]], dice: random.Random, doubled: list[int]
) -> None:
    shuffled = messages + [messages[at] for at in doubled if at < len(messages)]
    dice.shuffle(shuffled)
    tally = counting()
    for who, report in shuffled:
        tally.report(who, report, 0)
    expected = newest(messages)
    assert summed(tally) == nine(report.code for report in expected.values())
    assert tally.viewers == len(expected) == sum(summed(tally))


@given(histories, st.randoms(), st.floats(0, 1))
def test_what_was_lost_is_made_up_for_by_one_heartbeat(
    messages: list[tuple[str, Report]], dice: random.Random, loss: float
) -> None:
    tally = counting()
    for who, report in messages:
        if dice.random() > loss:
            tally.report(who, report, 0)
    heartbeat = {who: Report(4, 0, report.code, 50) for who, report in newest(messages).items()}
    for who, report in heartbeat.items():
        tally.report(who, report, 1)
    assert summed(tally) == nine(report.code for report in heartbeat.values())


@given(st.lists(st.tuples(st.sampled_from(IDS), st.floats(0, 100)), max_size=30))
def test_who_was_silent_for_its_time_to_live_is_gone(heard: list[tuple[str, float]]) -> None:
    heard.sort(key=lambda each: each[1])
    tally, last = counting(ttl=30), {}
    for seq, (who, at) in enumerate(heard):
        tally.expire(at)
        assert tally.report(who, Report(1, seq, Emotion.FEAR, 50), at)
        last[who] = at
    tally.expire(100)
    present = [who for who, at in last.items() if 100 - at < 30]
    assert summed(tally) == nine([Emotion.FEAR] * len(present))
    tally.expire(131)
    assert tally.viewers == sum(summed(tally)) == 0


def test_after_a_reconnection_everybody_has_the_same_time_to_be_heard() -> None:
    tally = counting(ttl=30)
    tally.report("old", HAPPY, 0)
    tally.report("a", HAPPY, 20)
    tally.report("b", HAPPY, 20)
    tally.doubt(31, within=15)
    tally.expire(45.9)
    assert tally.viewers == 3, "nobody could be heard before"
    assert tally.report("b", Report(10, 6, Emotion.FEAR, 50), 45.9)
    tally.expire(46)
    assert summed(tally) == nine([Emotion.FEAR])


def test_a_late_report_does_not_bring_back_who_left() -> None:
    tally = counting()
    tally.report("a", HAPPY, 0)
    tally.leave("a", 1)
    assert not tally.report("a", HAPPY, 2)
    assert tally.viewers == 0
    assert tally.report("a", Report(10, 6, Emotion.FEAR, 50), 3)
    assert summed(tally) == nine([Emotion.FEAR])


def test_what_a_broker_remembers_is_no_vote_until_it_is_confirmed() -> None:
    tally = counting()
    tally.hear_of("a", until=11)
    tally.hear_of("ghost", until=11)
    assert tally.viewers == 0
    assert tally.confirming() == {shard_of("a"), shard_of("ghost")}
    assert tally.report("a", HAPPY, 5)
    assert (tally.viewers, tally.confirming()) == (1, {shard_of("ghost")})
    tally.hear_of("a", until=20)
    tally.expire(11)
    assert (tally.viewers, tally.confirming()) == (1, frozenset())


@given(
    st.dictionaries(st.sampled_from(IDS), st.none() | st.floats(0, 15), min_size=1),
    st.lists(st.tuples(st.floats(0, 15), st.sampled_from(IDS), st.integers(0, 60)), max_size=5),
)
def test_what_a_broker_kept_is_counted_as_long_as_it_is_in_a_viewers_room(
    ages: dict[str, float | None], live: list[tuple[float, str, int]]
) -> None:
    tally, room = counting(), RoomState()
    for who, age_s in ages.items():
        tally.recall(who, HAPPY, 100, age_s, until=111)
        room.recall(who, HAPPY, 100, age_s)
    heard = sorted(live)
    for tick in range(161):
        now = 100 + tick / 8
        while heard and 100 + heard[0][0] <= now:
            _, who, up_s = heard.pop(0)
            report = Report(10, 6 + tick, Emotion.FEAR, 50, up_s=up_s)
            assert tally.report(who, report, now) == room.report(who, report, now)
        tally.expire(now)
        shown = room.tick(now)
        assert summed(tally) == RoomCounts(shown.counts, shown.unsure, shown.away).nine


def test_an_old_report_that_was_kept_is_waited_for_and_no_vote() -> None:
    tally = counting()
    tally.recall("late", HAPPY, 100, 12, until=111)
    assert (tally.viewers, tally.confirming()) == (0, {shard_of("late")})
    tally.expire(102)
    assert not tally.confirming()


def test_a_sweep_takes_the_memory_and_not_the_vote() -> None:
    tally = counting()
    tally.report("a", HAPPY, 0)
    tally.hear_of("ghost", until=11)
    for viewer_id in ("a", "ghost"):
        tally.leave(viewer_id, 1, is_swept=True)
    assert (tally.viewers, tally.confirming()) == (1, frozenset())


def test_a_report_of_a_shard_that_is_not_counted_here_is_refused() -> None:
    mine = frozenset({shard_of("a")})
    tally = counting(mine)
    stranger = next(who for who in IDS if shard_of(who) not in mine)
    assert tally.report("a", HAPPY, 0)
    assert not tally.report(stranger, HAPPY, 0)
    assert summed(tally) == nine([Emotion.HAPPINESS])


def test_a_shard_that_is_given_up_is_forgotten_and_heard_anew() -> None:
    tally = counting()
    tally.report("a", HAPPY, 0)
    tally.report("b", HAPPY, 0)
    tally.leave("b", 0)
    tally.watch(frozenset())
    assert tally.viewers == sum(summed(tally)) == 0
    tally.watch(ALL)
    assert tally.report("a", HAPPY, 1) and tally.report("b", HAPPY, 1)


def test_memory_is_bounded() -> None:
    tally = Tally(max_viewers=3)
    tally.watch(ALL)
    taken = [tally.report(who, HAPPY, 0) for who in IDS]
    assert taken == [True] * 3 + [False] * (len(IDS) - 3)
    for who in IDS:
        tally.leave(who, 0)
    assert len(tally._departed) <= 3
    tally.expire(10_000)
    assert not tally._departed


# --- partials ----------------------------------------------------------------------------------

counts = st.tuples(*[st.integers(0, 9)] * 9)
partials = st.builds(
    Partial,
    boot=st.integers(0, 2),
    seq=st.integers(0, 4),
    shards=st.dictionaries(st.integers(0, 5), counts, max_size=6),
)
AGENTS = ("one", "two", "three")
postings = st.lists(st.tuples(st.sampled_from(AGENTS), partials), max_size=20).map(
    lambda told: list({(who, p.boot, p.seq): (who, p) for who, p in told}.values())
)


@given(postings, st.randoms(), st.sets(st.sampled_from(AGENTS), min_size=1))
def test_any_order_and_overlap_of_partials_gives_one_total(
    told: list[tuple[str, Partial]], dice: random.Random, live: set[str]
) -> None:
    told = [(who, partial) for who, partial in told if who in live]
    shuffled = told + dice.choices(told, k=5) if told else []
    dice.shuffle(shuffled)
    board = PartialTable()
    for who, partial in shuffled:
        board.post(who, partial, 0)
    last: dict[str, Partial] = {}
    for who, partial in told:
        if who not in last or (partial.boot, partial.seq) > (last[who].boot, last[who].seq):
            last[who] = partial
    expected = [0] * 9
    covered = {shard for partial in last.values() for shard in partial.shards}
    for shard in covered:
        holder = owner(shard, [who for who in last if shard in last[who].shards])
        assert board.holder(shard, live, 0) == holder
        expected = [a + b for a, b in zip(expected, last[holder].shards[shard], strict=True)]
    assert board.total(live, 0) == (tuple(expected), len(covered))


def test_a_partial_older_than_its_time_to_live_is_dropped() -> None:
    board = PartialTable(ttl=30)
    board.post("one", Partial(1, 1, {0: (1,) * 9}), 0)
    board.post("two", Partial(1, 1, {1: (2,) * 9}), 20)
    assert board.total({"one", "two"}, 29) == ((3,) * 9, 2)
    assert not board.post("two", Partial(1, 1, {1: (2,) * 9}), 29), "a replay keeps nothing alive"
    assert board.total({"one", "two"}, 31) == ((2,) * 9, 1)
    assert board.total({"one", "two"}, 50) == ((0,) * 9, 0)


def test_the_count_of_a_dead_agent_holds_until_somebody_living_has_one() -> None:
    board = PartialTable()
    board.post("older", Partial(1, 1, {0: (5,) * 9}), 0)
    board.post("dead", Partial(1, 1, {0: (1,) * 9}), 1)
    assert board.total({"alive"}, 2) == ((1,) * 9, 1)
    board.post("alive", Partial(1, 1, {0: (2,) * 9}), 3)
    assert board.total({"alive"}, 3) == ((2,) * 9, 1)


def test_an_agent_whose_clock_was_set_back_is_believed_from_its_new_start_on() -> None:
    board = PartialTable()
    board.post("one", Partial(9, 5, {0: (5,) * 9}), 0)
    board.begin("one", 9)
    assert not board.post("one", Partial(9, 4, {0: (1,) * 9}), 1), "the same start: not newer"
    board.begin("one", 7)
    assert board.total({"one"}, 2) == ((5,) * 9, 1), "until it has counted"
    assert board.post("one", Partial(7, 0, {0: (6,) * 9}), 3)
    assert not board.post("one", Partial(7, 0, {0: (1,) * 9}), 4)
    board.begin("stranger", 7)
    assert board.total({"one"}, 4) == ((6,) * 9, 1)


def test_strangers_cannot_fill_the_board() -> None:
    board = PartialTable(max_agents=2)
    posted = [board.post(f"a{n}", Partial(1, 1, {n: (1,) * 9}), 0) for n in range(4)]
    assert posted == [True, True, False, False]


@given(histories, agents, agents, st.randoms())
def test_shards_change_hands_and_every_viewer_counts_once_all_the_time(
    messages: list[tuple[str, Report]], before: set[str], after: set[str], dice: random.Random
) -> None:
    """What the broker keeps is each viewer's newest report; a new owner hears just that."""
    kept = newest(messages)
    expected = nine(report.code for report in kept.values())
    board = PartialTable()
    tallies = {agent: Tally() for agent in before | after}

    def publish(agent: str, live: set[str], seq: int) -> None:
        mine = shards_owned(agent, live)
        tallies[agent].watch(mine)
        heard = list(kept.items())
        dice.shuffle(heard)
        for who, report in heard:
            tallies[agent].report(who, report, seq)
        shards = {shard: tallies[agent].counts(shard) for shard in mine}
        board.post(agent, Partial(1, seq, shards), seq)

    for agent in before:
        publish(agent, before, 1)
    assert board.total(before, 1) == (expected, SHARDS)
    order = sorted(after - before) + sorted(after & before)  # takers first, then who gives up
    for agent in order:
        publish(agent, after, 2)
        assert board.total(after, 2)[0] == expected
    assert board.total(after, 2) == (expected, SHARDS)


def test_messages_and_stored_rows_tell_unsure_and_away_in_different_order() -> None:
    nine = tuple(range(len(Emotion)))
    room = RoomCounts.from_nine(nine)
    assert (room.emotions, room.unsure, room.away) == (nine[:7], Emotion.UNSURE, Emotion.AWAY)
    assert room.nine == nine
    assert RoomCounts.from_columns((*room.emotions, room.unsure, room.away)) == room
    with pytest.raises(ValueError, match="8 counts"):
        RoomCounts.from_columns(nine[:8])
