"""What an aggregator counts in its shards: one set of rules for all that is counted."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import NOTHING, Answers, Aside, total_of
from resonance_tui.protocol.events import (
    AnswerEvent,
    Event,
    LeaveEvent,
    NicknameEvent,
    ReactionEvent,
    ReportEvent,
)
from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import PRIVATE, SHARDS, Counts, Report, RoomSettings
from resonance_tui.reaction_kinds import NO_REACTIONS
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.shard_counts import ShardCounts

ALL = frozenset(range(SHARDS))
NOW_S, EPOCH_S = 100.0, 1_800_000_000.0
QUESTION = Question(9, "Again?", ("yes", "no"), closes_at=int(EPOCH_S) + 60)
ASKING = Conduct(question=QUESTION, teams=2)
CLAP = (1, *NO_REACTIONS[1:])
PEOPLE = ("ann", "ben", "mia", "zoe")
HAPPY = Report(10, 5, Emotion.HAPPINESS, 80, team=2)

people = st.sampled_from(PEOPLE)


def counting(shards: frozenset[int] = ALL, conduct: Conduct = ASKING) -> ShardCounts:
    counts = ShardCounts(most_senders=100)
    counts.watch(shards)
    counts.reactions.watch(shards)
    counts.obey(conduct)
    return counts


def take(counts: ShardCounts, *events: Event, at: float = NOW_S) -> None:
    for event in events:
        counts.take(event, at=at, now=at, epoch_s=EPOCH_S)


def all_of(who: str) -> tuple[Event, ...]:
    """Whatever a viewer can say that is counted."""
    return (
        ReportEvent("lobby", who, HAPPY),
        ReactionEvent("lobby", who, 10, CLAP, 0),
        AnswerEvent("lobby", who, Answer(10, 1, QUESTION.id, 1)),
    )


def nine(counts: ShardCounts) -> Counts:
    rows = zip(*(counts.tally.counts(shard) for shard in range(SHARDS)), strict=True)
    return tuple(map(sum, rows))


def beside(counts: ShardCounts) -> Aside:
    return total_of(counts.aside(shard) for shard in range(SHARDS))


def of_viewers(number: int) -> tuple[Counts, Aside]:
    """What so many count to, who all have said `all_of`."""
    happy = tuple(number * (code is Emotion.HAPPINESS) for code in Emotion)
    if not number:
        return happy, NOTHING
    answers = Answers(QUESTION.id, (number, 0))
    return happy, Aside((), answers, tuple(number * kind for kind in CLAP), {2: happy})


@given(st.sets(people), st.sets(people), st.booleans())
def test_who_is_not_counted_is_in_none_of_the_counts(
    here: set[str], excluded: set[str], is_known_before: bool
) -> None:
    rules = replace(ASKING, excluded=frozenset(excluded))
    counts = counting(conduct=rules if is_known_before else ASKING)
    for who in sorted(here):
        take(counts, *all_of(who))
    counts.obey(rules)
    shown, aside = of_viewers(len(here - excluded))
    found = beside(counts)
    assert nine(counts) == shown
    assert (found.answers, found.teams) == (aside.answers, aside.teams)
    if is_known_before:  # reactions that have been added up are nobody's any more
        assert found.reactions == aside.reactions


@given(st.permutations([event for who in PEOPLE for event in all_of(who)]), st.data())
def test_counts_are_the_same_whatever_the_order_and_what_comes_twice(
    events: list[Event], data: st.DataObject
) -> None:
    counts = counting()
    take(counts, *events, *data.draw(st.lists(st.sampled_from(events))))
    assert (nine(counts), beside(counts)) == of_viewers(len(PEOPLE))


@given(st.frozensets(st.sampled_from([shard_of(who) for who in PEOPLE])))
def test_shards_that_others_count_from_now_on_are_dropped(shards: frozenset[int]) -> None:
    counts = counting()
    for who in PEOPLE:
        take(counts, *all_of(who))
    counts.watch(shards)
    counts.reactions.watch(shards)
    left = [who for who in PEOPLE if shard_of(who) in shards]
    assert (nine(counts), beside(counts)) == of_viewers(len(left))


def test_who_leaves_keeps_what_was_answered_and_sent() -> None:
    counts = counting()
    take(counts, *all_of("ann"), LeaveEvent("lobby", "ann"))
    assert not any(nine(counts))
    _, aside = of_viewers(1)
    assert beside(counts) == replace(aside, teams={})


def test_a_private_report_is_beside_the_nine_and_in_no_team() -> None:
    counts = counting()
    take(counts, ReportEvent("lobby", "ann", replace(HAPPY, flags=PRIVATE)))
    happy, _ = of_viewers(1)
    assert not any(nine(counts))
    assert (beside(counts).private, beside(counts).teams) == (happy, {})


def test_nicknames_and_cleared_answers_are_counted_nowhere() -> None:
    counts = counting()
    take(counts, *all_of("ann"))
    take(counts, NicknameEvent("lobby", "ben", "Ben"), AnswerEvent("lobby", "ann", None))
    assert (nine(counts), beside(counts)) == of_viewers(1)


# What a broker has kept


def test_a_kept_report_counts_where_the_broker_tells_that_it_is_new() -> None:
    kept = replace(HAPPY, up_s=1)
    fresh = float(RoomSettings().heartbeat_s + 100)  # seconds it will still be kept: not old
    for left_s, viewers in ((fresh, 1), (None, 0)):
        counts = counting()
        take(counts, ReportEvent("lobby", "ann", kept, is_retained=True, left_s=left_s))
        assert sum(nine(counts)) == viewers
        assert bool(counts.tally.confirming()) is (left_s is None)


def test_a_rumour_is_waited_for_until_everybody_has_reported_once() -> None:
    counts = counting()
    take(counts, ReportEvent("lobby", "ann", HAPPY, is_retained=True))
    assert counts.fill_s > counts.settings.heartbeat_s
    for seconds, is_awaited in ((counts.fill_s - 0.1, True), (counts.fill_s, False)):
        counts.tally.expire(NOW_S + seconds)
        assert bool(counts.tally.confirming()) is is_awaited


def test_a_kept_answer_was_given_as_long_ago_as_the_broker_has_had_it() -> None:
    closed = replace(QUESTION, closes_at=int(EPOCH_S) - 60)
    for is_retained, answers in ((False, None), (True, Answers(closed.id, (1, 0)))):
        counts = counting(conduct=replace(ASKING, question=closed))
        answer = Answer(10, 1, closed.id, 1)
        take(counts, AnswerEvent("lobby", "ann", answer, is_retained=is_retained, left_s=0.0))
        assert beside(counts).answers == answers
