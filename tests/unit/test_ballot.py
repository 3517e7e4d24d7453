"""Answers to a host's question: one a viewer, and in time, whoever sends them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError, WireError
from resonance_tui.protocol import messages, rules
from resonance_tui.protocol.asides import NOTHING, Answers, total_of
from resonance_tui.protocol.events import AnswerEvent
from resonance_tui.protocol.frames import encode_answer
from resonance_tui.protocol.messages import decode
from resonance_tui.protocol.questions import ID_MOST, UNDER_WAY_S, Answer, Question
from resonance_tui.protocol.rules import NO_RULES, RoomRules, decode_body, encode_body
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import SHARDS
from resonance_tui.room.asking import act_value
from resonance_tui.room.ballot import Ballot, age_of
from resonance_tui.room.conduct import Conduct, conduct_of
from resonance_tui.room.moderation import perform
from resonance_tui.room.private_answers import Account, PrivateAnswers
from resonance_tui.room.private_choice import EPSILON, estimates, randomised
from resonance_tui.room.randomised_response import chances
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session.answer_voice import AnswerVoice
from resonance_tui.session.json_events import question_json
from resonance_tui.session.question_notes import QuestionNotes

MAPS = Question(100, "Which map?", ("Dust", "Mirage"), 160)
NEXT = Question(200, "Again?", ("yes", "no", "later"), 260)
TOPIC = messages.ANSWER.topic.of("room", "ann")


def asked(question: Question | None = MAPS, **conduct: frozenset[str]) -> Ballot:
    ballot = Ballot()
    ballot.obey(Conduct(question=question, **conduct))
    return ballot


def said(choice: int, *, seq: int = 1, boot: int = 1, question: int = 100) -> Answer:
    return Answer(boot, seq, question, choice)


# --- on the wire -------------------------------------------------------------------------------


def test_an_answer_comes_back_as_it_was_and_is_short() -> None:
    answer = Answer(2**32 - 1, 2**32 - 1, 2**32 - 1, 8)
    payload = encode_answer(answer)
    assert decode(TOPIC, payload) == AnswerEvent("room", "ann", answer)
    assert len(payload) <= 32
    assert decode(TOPIC, b"") == AnswerEvent("room", "ann", None)


@pytest.mark.parametrize(
    "frame",
    [[1, 1, 1, 0, 1], [1, 1, 1, 100, 9], [1, 1, 1, 100, -1], [1, 1, 1, 100], [2, 1, 1, 100, 1],
     [1, 1, 1, 2**32, 1], [1, 1, 1, "100", 1], [1, 1, 1, 100, 1.0]],
)  # fmt: skip
def test_an_answer_that_cannot_be_is_refused(frame: list[object]) -> None:
    with pytest.raises(WireError):
        decode(TOPIC, msgpack.packb(frame))


def test_an_answer_outside_its_viewers_shard_is_refused() -> None:
    other = (shard_of("ann") + 1) % SHARDS
    with pytest.raises(WireError):
        decode(f"resonance/1/room/a/{other}/ann", encode_answer(said(1)))


def test_a_question_comes_back_as_it_was_and_older_clients_ignore_it() -> None:
    private = Question(7, "出哪張圖？", ("沙漠", "海市蜃樓"), 99, True)
    for question in (MAPS, private):
        body = encode_body(RoomRules(question=question))
        assert decode_body(body).question == question
    assert "question" not in msgpack.unpackb(encode_body(NO_RULES))


@pytest.mark.parametrize(
    "frame",
    [
        [0, "Which?", ["a", "b"], 1], [1, "", ["a", "b"], 1], [1, "Which?", ["a"], 1],
        [1, "Which?", list("abcdefghi"), 1], [1, "Which?", ["a", "a"], 1],
        [1, "Which?", ["a", "\x1b"], 1], [1, "Which?", ["a", "b"], -1], [1, "Which?", ["a", "b"]],
        [1, "W" * 900, ["a", "b"], 1], "Which?",
    ],
)  # fmt: skip
def test_a_question_that_nobody_could_answer_is_refused(frame: object) -> None:
    with pytest.raises(WireError):
        decode_body(msgpack.packb({"question": frame}))


def test_what_a_question_says_is_safe_to_draw() -> None:
    body = msgpack.packb({"question": [1, "\x1b[31mred" + "x" * 300, ["[b]a", "b\u202e"], 9]})
    question = decode_body(body).question
    assert question is not None
    assert len(question.text) <= 120
    assert not set("\x1b\u202e[") & set(question.text + "".join(question.choices))


def test_the_longest_question_fits_the_rules() -> None:
    question = Question(2**32 - 1, "問" * 120, tuple(f"{n}" + "圖" * 31 for n in range(8)), 2**40)
    assert len(encode_body(RoomRules(question=question))) < rules.BODY_MOST


# --- counting ----------------------------------------------------------------------------------


def test_of_a_viewers_answers_the_newest_is_counted() -> None:
    ballot = asked()
    assert ballot.take("ann", said(1), 110.0)
    assert ballot.take("ann", said(2, seq=3), 111.0)
    assert not ballot.take("ann", said(1, seq=2), 112.0)
    assert ballot.answers == Answers(100, (0, 1))
    assert ballot.take("ann", said(0, seq=4), 113.0)
    assert ballot.answers == Answers(100, (0, 0))


@pytest.mark.parametrize("at", [160 + UNDER_WAY_S, 1000.0])
def test_an_answer_that_is_late_is_not_counted(at: float) -> None:
    ballot = asked()
    assert not ballot.take("ann", said(1), at)
    assert ballot.take("bob", said(1), 160 + UNDER_WAY_S - 0.1)
    assert ballot.answers == Answers(100, (1, 0))


def test_an_answer_that_a_broker_kept_was_given_when_it_was_sent() -> None:
    ballot = asked()
    assert ballot.take("ann", said(1), 300.0, age_s=age_of(3600 - 180.0))
    assert not ballot.take("bob", said(1), 300.0, age_s=age_of(3600 - 10.0))
    assert ballot.answers == Answers(100, (1, 0))


def test_answers_that_the_question_does_not_offer_are_none() -> None:
    ballot = asked()
    assert not ballot.take("ann", said(3), 110.0)
    assert ballot.answers == Answers(100, (0, 0))


def test_answers_to_a_question_of_the_past_are_none() -> None:
    ballot = asked()
    ballot.take("ann", said(1), 110.0)
    ballot.obey(Conduct(question=NEXT))
    assert ballot.answers == Answers(200, (0, 0, 0))
    assert not ballot.take("bob", said(1), 210.0)
    assert ballot.take("ann", said(3, seq=2, question=200), 210.0)
    assert ballot.answers == Answers(200, (0, 0, 1))


def test_an_answer_may_come_before_its_question_and_not_spoil_the_one_to_it() -> None:
    ballot = asked()
    assert ballot.take("ann", said(2, question=200), 110.0)
    assert ballot.answers == Answers(100, (0, 0))
    assert ballot.take("bob", said(1, question=2**32 - 1), 110.0)
    assert ballot.take("bob", said(1), 111.0)
    assert ballot.answers == Answers(100, (1, 0))
    ballot.obey(Conduct(question=NEXT))
    assert ballot.answers == Answers(200, (0, 1, 0))


def test_who_answered_the_question_before_may_answer_the_next_before_it_is_known() -> None:
    ballot = asked()
    assert ballot.take("ann", said(1), 110.0)
    assert ballot.take("ann", said(2, seq=2, question=200), 111.0)
    assert ballot.answers == Answers(100, (1, 0))
    ballot.obey(Conduct(question=NEXT))
    assert ballot.answers == Answers(200, (0, 1, 0))


def test_who_is_not_counted_has_no_say() -> None:
    ballot = asked()
    ballot.take("ann", said(1), 110.0)
    ballot.obey(Conduct(question=MAPS, excluded=frozenset({"ann"})))
    ballot.take("bob", said(2), 110.0)
    assert ballot.answers == Answers(100, (0, 1))
    ballot.obey(Conduct(question=MAPS))
    assert ballot.answers == Answers(100, (1, 1))


def test_a_question_that_is_ended_keeps_what_was_said() -> None:
    ballot = asked()
    ballot.take("ann", said(1), 110.0)
    ballot.obey(Conduct(question=Question(100, MAPS.text, MAPS.choices, 112)))
    assert ballot.answers == Answers(100, (1, 0))
    assert not ballot.take("bob", said(1), 120.0)


def test_memory_is_bounded() -> None:
    ballot = Ballot(max_viewers=2)
    ballot.obey(Conduct(question=MAPS))
    assert [ballot.take(each, said(1), 110.0) for each in ("a", "b", "c")] == [True, True, False]


def test_shards_add_up_to_the_room_and_those_of_others_are_dropped() -> None:
    ballot = asked()
    for number in range(200):
        ballot.take(f"v{number}", said(1 + number % 2), 110.0)
    assert total_of(map(ballot.of_shard, range(SHARDS))).answers == Answers(100, (100, 100))
    mine = frozenset({shard_of("v0")})
    ballot.watch(mine)
    assert [s for s in range(SHARDS) if ballot.of_shard(s) is not NOTHING] == list(mine)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.sampled_from([100, 200])),
        max_size=12,
        unique_by=lambda each: each[:2],
    ).flatmap(lambda sent: st.tuples(st.just(sent), st.permutations(sent)))
)
def test_the_count_is_the_same_whatever_the_order(
    two: tuple[list[tuple[str, int, int]], list[tuple[str, int, int]]],
) -> None:
    found = []
    for sent in two:
        ballot = asked()
        for viewer_id, seq, question in sent:
            ballot.take(viewer_id, said(1 + seq % 2, seq=seq, question=question), 110.0)
        found.append(ballot.answers)
    assert found[0] == found[1]


# --- asking ------------------------------------------------------------------------------------


def ask(before: RoomRules = NO_RULES, at: float = 100.0) -> RoomRules:
    value = act_value("Which map?", ("Dust", "Mirage"), at=at, open_s=60)
    return perform(before, "ask", value, by="host", t=at, whom="Which map?")


def test_a_host_asks_and_ends_a_question() -> None:
    rules = ask()
    assert rules.question == MAPS
    over = perform(rules, "close-question", "130", by="host", t=130.0)
    assert over.question == Question(100, MAPS.text, MAPS.choices, 130)
    with pytest.raises(InputError, match="Nothing is asked"):
        perform(over, "close-question", "131", by="host", t=131.0)
    with pytest.raises(InputError, match="Nothing is asked"):
        perform(NO_RULES, "close-question", "131", by="host", t=131.0)


def test_a_later_question_has_a_higher_id_whatever_the_clock_says() -> None:
    assert (again := ask(ask(), at=50.0).question) is not None
    assert again.id == 101


def test_a_host_asks_also_after_a_question_of_the_last_id() -> None:
    last = replace(NO_RULES, question=replace(MAPS, id=ID_MOST))
    asked = ask(last)
    assert asked.question == MAPS and decode_body(encode_body(asked)) == asked


@pytest.mark.parametrize(
    ("text", "choices", "open_s"),
    [
        ("", ("a", "b"), 60), ("Q", ("a",), 60), ("Q", tuple("abcdefghi"), 60),
        ("Q", ("a", "A"), 60), ("Q", ("a", " "), 60), ("Q" * 121, ("a", "b"), 60),
        ("Q", ("a", "b" * 33), 60), ("Q", ("a", "b"), 0), ("Q", ("a", "b"), 1e9),
        ("Q\x1b", ("a", "b"), 60),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    text: str, choices: tuple[str, ...], open_s: float
) -> None:
    with pytest.raises(InputError):
        act_value(text, choices, at=1.0, open_s=open_s)


def test_who_counts_obeys_the_rules_question() -> None:
    assert conduct_of(ask()).question == MAPS
    assert conduct_of(None).question is None


# --- private answers ---------------------------------------------------------------------------

PRIVATE = Question(100, "Which map?", ("Dust", "Mirage", "Nuke"), 160, is_private=True)


def test_a_private_answer_is_drawn_once_and_stays() -> None:
    voice = AnswerVoice(1, Account(18.0), Random(1))
    assert voice.why_not(PRIVATE) == ""
    voice.answer(PRIVATE, 1)
    assert "stays as it was given" in voice.why_not(PRIVATE)
    assert voice.why_not(NEXT) == ""
    assert voice.answer(NEXT, 3) == Answer(1, 2, 200, 3)


def test_a_question_that_comes_again_draws_no_second_answer() -> None:
    spent = Account(18.0)
    voice = AnswerVoice(1, spent, Random(1))
    for number in (100, 300):
        voice.answer(replace(PRIVATE, id=number), 1)
    assert voice.why_not(replace(PRIVATE, id=100))
    assert spent.spent == 4.0


def test_private_answers_are_paid_from_the_budget_of_private_reports_and_end_with_it() -> None:
    answers = PrivateAnswers(5.0, Random(1))
    voice = AnswerVoice(1, answers.account, Random(1))
    assert answers.answer(Emotion.FEAR, 2.0) is not None
    voice.answer(PRIVATE, 1)
    assert answers.account.spent == 4.0
    other = replace(PRIVATE, id=300)
    assert "4 of 5 is spent" in voice.why_not(other)
    assert voice.answer(other, 2) == Answer(1, 2, 300, 0), "nothing is told that is not paid for"
    assert voice.why_not(NEXT) == "", "an open answer costs nothing"


def test_a_private_answer_is_the_own_one_as_often_as_is_said() -> None:
    dice = Random(7)
    honest, other = chances(EPSILON, 3)
    drawn = [randomised(1, 3, dice) for _ in range(6000)]
    assert honest + 2 * other == pytest.approx(1.0)
    assert drawn.count(1) / 6000 == pytest.approx(honest, abs=0.02)
    assert drawn.count(2) / 6000 == pytest.approx(other, abs=0.02)


def test_estimates_hold_the_truth_in_their_band() -> None:
    dice, truth, within = Random(3), (140, 50, 10), 0
    for _ in range(200):
        counts = [0, 0, 0]
        for choice, people in enumerate(truth, start=1):
            for _ in range(people):
                counts[randomised(choice, 3, dice) - 1] += 1
        found = estimates(counts)[1]
        within += abs(found.count - truth[1]) <= found.margin
    assert within / 200 > 0.9
    assert [each.count for each in estimates([0, 0, 0])] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("heard", [Answers(100, (1, 2, 3)), Answers(99, (1, 2)), None])
def test_counts_that_do_not_fit_the_question_are_none_of_its_answers(heard: Answers | None) -> None:
    told = question_json(MAPS, replace(EMPTY_ROOM, answers=heard), 120.0)["answers"]
    assert told == [{"text": "Dust", "count": 0}, {"text": "Mirage", "count": 0}]
    assert QuestionNotes().due(MAPS, heard, 120.0) is None
    assert QuestionNotes().due(MAPS, Answers(100, (1, 2)), 120.0) is not None
