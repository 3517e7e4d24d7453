"""What `evaluate` makes of readings: plans, shares, changes, expressions found, and the summary."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.evaluation.plan import (
    LONGEST_S,
    Moment,
    Plan,
    Step,
    parse_plan,
    plan_text,
    task_names,
    usual_plan,
)
from resonance_tui.evaluation.scoring import Reading, score, score_all
from resonance_tui.evaluation.sitting import check_length
from resonance_tui.evaluation.summary import FIGURES, Conditions, lines, summary
from resonance_tui.evaluation.tasks import TASKS, USUAL

HAPPY, SAD, NEUTRAL = Emotion.HAPPINESS, Emotion.SADNESS, Emotion.NEUTRAL
AWAY, UNSURE = Emotion.AWAY, Emotion.UNSURE
CONDITIONS = Conditions("0.2.0", "static", "fast", "film")


def said(*told: tuple[float, Emotion]) -> list[Reading]:
    """Readings at those moments, each with .5 for happiness and a confidence of .8."""
    return [
        Reading(at, emotion, 0.0 if emotion is AWAY else 0.8, () if emotion is AWAY else (0.5,) * 7)
        for at, emotion in told
    ]


# The plan


def test_the_usual_plan_takes_two_minutes() -> None:
    plan = usual_plan()
    assert plan.length == 120
    assert [step.name for step in plan.steps] == list(USUAL)


def test_every_task_names_figures_that_there_are() -> None:
    assert all(set(task.figures) <= set(FIGURES) and task.figures for task in TASKS.values())


def test_a_task_is_announced_before_it_begins_and_counted_down() -> None:
    plan = parse_plan("3 23 rest\n26 30 happiness")
    rest, happiness = plan.steps
    assert plan.moment(0) == Moment(rest, 1, is_on=False, left_s=3)
    assert plan.moment(22) == Moment(rest, 1, is_on=True, left_s=1)
    assert plan.moment(24.5) == Moment(happiness, 2, is_on=False, left_s=1.5)
    assert plan.moment(30) is None


def test_a_plan_has_remarks_empty_lines_and_minutes() -> None:
    plan = parse_plan("\ufeff# a friend\r\n\r\n 0:03  1:23.5 rest # long\n1:24 2:00 HAPPINESS")
    assert plan == Plan((Step("rest", 3, 83.5), Step("happiness", 84, 120)))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Up to ten tasks at thousandths of a second."""
    count = draw(st.integers(1, 10))
    ticks = draw(
        st.lists(
            st.integers(0, int(LONGEST_S * 1000)),
            min_size=2 * count,
            max_size=2 * count,
            unique=True,
        )
    )
    times = [tick / 1000 for tick in sorted(ticks)]
    names = draw(st.lists(st.sampled_from(sorted(TASKS)), min_size=count, max_size=count))
    spans = zip(names, times[::2], times[1::2], strict=True)
    return Plan(tuple(Step(name, begin, end) for name, begin, end in spans))


@given(plans())
def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert parse_plan(plan_text(plan)) == plan


@given(
    st.text()
    | st.lists(st.sampled_from(["0:01", "5", "rest", "nan", "#", "\n", ":"])).map(" ".join)
)
def test_whatever_is_no_plan_is_refused_with_a_hint(text: str) -> None:
    try:
        plan = parse_plan(text)
    except InputError as error:
        assert error.message and error.hint
    else:
        assert all(0 <= step.begin < step.end <= LONGEST_S for step in plan.steps)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no task"),
        ("# 0 3 rest", "no task"),
        ("0 3", "Line 1 of the plan is none"),
        ("0 3 rest\n3 6 rets", "'rets' (line 2 of the plan)"),
        ("3 0 rest", "Line 1 of the plan ends before it begins"),
        ("1 1 rest", "ends before it begins"),
        ("0 5 rest\n4 9 talk", "talk begins at 0:04, before rest ends"),
        ("0 1e3 rest", "'1e3' where a time should be"),
        ("-1 3 rest", "'-1' where a time should be"),
        ("0 2:00:00 rest", "where a time should be"),
        ("0 3601 rest", "where a time should be"),
        ("0 ² rest", "where a time should be"),
        ("\n" * 2000, "more than 1000 lines"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_plan(text)
    assert complaint in refused.value.message and refused.value.hint


def test_tasks_are_chosen_by_name_and_a_slip_is_answered_with_the_nearest() -> None:
    assert task_names(" rest,Talk,,") == ("rest", "talk")
    with pytest.raises(InputError, match="'happines'") as refused:
        task_names("happines")
    assert "Is it happiness?" in refused.value.hint
    for nothing in ("", " , "):
        with pytest.raises(InputError, match="No task"):
            task_names(nothing)
    with pytest.raises(InputError, match="more than an hour"):
        task_names("talk," * 200)


def test_chosen_tasks_of_a_plan_stay_where_they_are() -> None:
    plan = parse_plan("0 3 rest\n4 6 happiness\n7 9 rest")
    assert plan.only(["rest"]).steps == (Step("rest", 0, 3), Step("rest", 7, 9))
    with pytest.raises(InputError, match="none of these tasks: anger"):
        plan.only(["anger"])


def test_a_film_may_be_a_little_shorter_than_its_plan_and_no_more() -> None:
    plan = parse_plan("0 2 rest")
    check_length(1.9, plan)
    with pytest.raises(InputError, match=r"ends at 0:01\.7, the plan at 0:02"):
        check_length(1.7, plan)


# Scores


def test_what_is_read_holds_until_something_else_is() -> None:
    found = score(Step("rest", 10, 20), said((9, NEUTRAL), (14, SAD), (15, NEUTRAL)), 20)
    assert found.seconds == 10
    assert found.share == pytest.approx(0.9)
    assert found.shares[SAD] == pytest.approx(0.1)
    assert found.changes == 2 and found.changes_a_minute == 12
    assert found.confidence == pytest.approx(0.8)
    assert found.probability == pytest.approx(0.5)


def test_before_the_first_reading_nobody_is_there() -> None:
    found = score(Step("rest", 0, 10), said((4, NEUTRAL)), 10)
    assert found.shares[AWAY] == pytest.approx(0.4) and found.share == pytest.approx(0.6)
    assert score(Step("rest", 0, 10), [], 10).confidence is None
    assert score(Step("empty", 0, 10), [], 10).share == 1


def test_an_asked_expression_is_found_once_it_holds() -> None:
    step = Step("happiness", 10, 16)
    assert score(step, said((0, NEUTRAL), (11.5, HAPPY)), 16).found_s == pytest.approx(1.5)
    assert score(step, said((0, HAPPY), (11, NEUTRAL)), 16).found_s == 0
    never = score(step, said((0, NEUTRAL), (16, HAPPY)), 16)
    assert never.found_s is None and never.leading is NEUTRAL


def test_unsure_is_a_change_and_being_away_is_none() -> None:
    told = said((0, NEUTRAL), (1, UNSURE), (2, NEUTRAL), (3, AWAY), (4, NEUTRAL), (5, SAD))
    found = score(Step("talk", 0, 10), told, 10)
    assert found.changes == 3
    assert found.shares[UNSURE] == pytest.approx(0.1) and found.shares[AWAY] == pytest.approx(0.1)


def test_of_two_readings_at_one_moment_the_later_one_holds() -> None:
    found = score(Step("rest", 0, 2), said((0, SAD), (0, NEUTRAL), (1, SAD), (1, NEUTRAL)), 2)
    assert found.share == 1 and found.changes == 0


def test_a_sitting_that_is_stopped_is_scored_as_far_as_it_went() -> None:
    plan = parse_plan("0 10 rest\n10 20 happiness\n20 30 anger")
    told = said((0, NEUTRAL), (11, HAPPY))
    rest, happiness = score_all(plan, told, 14)
    assert rest.share == 1
    assert happiness.seconds == 4 and happiness.share == pytest.approx(0.75)
    assert score_all(plan, told, 0.0) == []
    assert len(score_all(plan, told, 10.2)) == 1  # too little of the second one


EMOTIONS = st.sampled_from(list(Emotion))
MOMENTS = st.lists(st.tuples(st.floats(-5, 60), EMOTIONS), max_size=30)


@given(MOMENTS.map(lambda each: sorted(each, key=lambda one: one[0])), st.floats(0.5, 45))
def test_shares_sum_to_one_whatever_was_read(told: list[tuple[float, Emotion]], end: float) -> None:
    found = score(Step("happiness", 0, 40), said(*told), end)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert (found.found_s is None) == (found.share == 0)
    assert found.found_s is None or 0 <= found.found_s < found.seconds
    assert 0 <= found.changes < max(len(told), 1)


# The summary


def test_the_summary_says_what_a_change_is_judged_by() -> None:
    plan = parse_plan("0 10 rest\n10 20 talk\n20 26 happiness\n26 32 anger\n32 42 glasses")
    told = said((0, NEUTRAL), (15, SAD), (16, NEUTRAL), (21, HAPPY), (27, NEUTRAL), (37, SAD))
    found = summary(plan, score_all(plan, told, 42), CONDITIONS, stopped=False)
    assert found["totals"] == {
        "resting_neutral": 0.75,
        "talking_changes_a_minute": 12,
        "asked": 2,
        "found": 1,
        "found_s": 1,
    }
    assert json.loads(json.dumps(found)) == found


def test_a_summary_of_nothing_has_no_figures() -> None:
    found = summary(usual_plan(), [], CONDITIONS, stopped=True)
    assert found["tasks"] == [] and found["stopped"] is True
    assert found["totals"]["resting_neutral"] is None and found["totals"]["asked"] == 0


def test_the_table_tells_a_person_what_was_read_instead() -> None:
    plan = parse_plan("0 10 rest\n10 16 happiness\n16 22 anger")
    told = said((0, NEUTRAL), (11, HAPPY), (16, NEUTRAL))
    text = "\n".join(lines(score_all(plan, told, 22)))
    assert "neutral 100 %" in text and "found after 1.0 s" in text
    assert "not found, read as neutral" in text
    assert "asked expressions found: 1 of 2" in text
