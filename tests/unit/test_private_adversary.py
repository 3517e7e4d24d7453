"""Somebody who reads every message of one viewer for three hours, and what they can learn."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.protocol.events import ReportEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import decode
from resonance_tui.protocol.values import ANSWERS_CALLS, PRIVATE, Report
from resonance_tui.room.private_answers import STATES, PrivateAnswers
from resonance_tui.room.randomised_response import chances
from resonance_tui.session.private_voice import SLOT_S, Manner, PrivateVoice
from resonance_tui.session.self_report import SelfReport

EPSILON = 2.0
EVENING_S = 3 * 3600
STEP_S = 1.0
ROOM = "cats-live"


@dataclass(frozen=True)
class Sent:
    at: float
    topic: str
    payload: bytes

    @property
    def report(self) -> Report:
        event: Any = decode(self.topic, self.payload)
        assert isinstance(event, ReportEvent)
        return event.report


@dataclass(frozen=True)
class Felt:
    """What a camera reads in one second, and what the person says by key then."""

    code: Emotion
    confidence: float
    said: Emotion | None = None

    @property
    def truth(self) -> Emotion:
        return self.said if self.said is not None else self.code


class Watched:
    """One viewer's machine from the reading to the wire, by a clock of our own."""

    def __init__(self, dice: Random, line: Random, budget: float = 18.0) -> None:
        """`dice`: of the answers and their grid; `line`: of the heartbeats."""
        self.answers = PrivateAnswers(budget, dice)
        self._own = SelfReport(1_790_000_000, self.answers, is_simulated=False)
        self._own._voice = PrivateVoice(self.answers, dice)  # pyright: ignore[reportPrivateUsage]
        self._own.speak(Manner(EPSILON))
        self._outbox = RetainedState(ROOM, "k7q2m4xa")
        self._outbox.flags = ANSWERS_CALLS
        self._line, self._beat = line, 0.0

    def live(self, evening: list[Felt]) -> Iterator[Sent]:
        for second, felt in enumerate(evening):
            now = second * STEP_S
            shares = (felt.confidence,) + (0.0,) * 6
            steady = Steady(felt.code, felt.confidence, shares)
            self._own.read(ABSENT if felt.code is Emotion.AWAY else steady, {"network": 1.0})
            if felt.said is not None:
                self._own.say(felt.said, now)
            report = self._own.due(self._own.view(now, is_sharing=True), now)
            if report is not None:
                self._outbox.set_report(report)
            if now >= self._beat:
                self._beat = now + 10.0 * self._line.uniform(0.8, 1.0)
                self._outbox.repeat()
            for message in self._outbox.take(up_s=min(120, 1 + second)):
                yield Sent(now, message.topic, message.payload)


def lively(dice: Random, states: tuple[Emotion, ...], seconds: int = EVENING_S) -> list[Felt]:
    """Moods of some seconds, read with all confidences, now and then said by key."""
    evening: list[Felt] = []
    while len(evening) < seconds:
        code, stays = dice.choice(states), int(dice.expovariate(1 / 15)) + 1
        said = dice.choice(EMOTIONS) if dice.random() < 0.1 else None
        said = said if said in states else None
        evening += [Felt(code, dice.random(), said)]
        evening += [Felt(code, dice.random()) for _ in range(stays - 1)]
    return evening[:seconds]


class Deaf(Random):
    """Dice by which everything but neutral is answered with neutral."""

    def random(self) -> float:
        return 0.999999

    def choice(self, seq: Any) -> Any:
        assert Emotion.NEUTRAL in seq
        return Emotion.NEUTRAL


def test_nothing_goes_around_the_noise() -> None:
    """While the answers are the same, so is every byte and every time, whatever happens: moods,
    confidence, keys, and nobody in view at all."""
    others = tuple(state for state in Emotion if state is not Emotion.NEUTRAL)
    quiet = [Felt(Emotion.AWAY, 0.0)] * EVENING_S
    wires = [
        list(Watched(Deaf(1), Random(2)).live(evening))
        for evening in (quiet, lively(Random(3), others), lively(Random(4), EMOTIONS[3:5]))
    ]
    assert len(wires[0]) > 1000
    assert wires[0] == wires[1] == wires[2]


@dataclass(frozen=True)
class Evening:
    """Three hours of somebody who feels all there is, with all that was sent."""

    spent: float
    reports: list[tuple[float, Report]]  # and when
    by_truth: dict[Emotion, set[Emotion]]


@pytest.fixture(scope="module")
def evenings() -> list[Evening]:
    found: list[Evening] = []
    for seed in range(8):
        viewer = Watched(Random(100 + seed), Random(seed))
        evening = lively(Random(200 + seed), tuple(Emotion))
        reports = [(sent.at, sent.report) for sent in viewer.live(evening)]
        spent = viewer.answers.account.spent
        found.append(Evening(spent, reports, answers_by_truth(evening, reports)))
    return found


def answers_by_truth(
    evening: list[Felt], reports: list[tuple[float, Report]]
) -> dict[Emotion, set[Emotion]]:
    """What was answered in each state, for whoever knows when the states changed, and not which
    they were."""
    own = SelfReport(0, is_simulated=False)
    truths: list[Emotion] = []
    for second, felt in enumerate(evening):  # a key counts for ten seconds
        own.read(ABSENT if felt.code is Emotion.AWAY else Steady(felt.code, 1.0, ()), {})
        if felt.said is not None:
            own.say(felt.said, float(second))
        truths.append(own.view(float(second), is_sharing=True).code)
    found: defaultdict[Emotion, set[Emotion]] = defaultdict(set)
    before: Emotion | None = None
    for at, report in reports:
        if report.code is not before:  # a new answer; heartbeats repeat it
            before = report.code
            found[truths[int(at)]].add(before)
    return found


def test_three_hours_of_one_viewer_bring_no_second_answer_of_a_state(
    evenings: list[Evening],
) -> None:
    for evening in evenings:
        assert all(len(answers) == 1 for answers in evening.by_truth.values())
        assert evening.spent <= 18.0


def test_the_odds_of_whoever_knows_when_it_changed_stay_within_what_is_spent(
    evenings: list[Evening],
) -> None:
    """Of each state e^epsilon, of all together e^spent: how likely all that was sent is, if what
    was felt was felt, and if it was whatever else makes the largest difference."""
    honest, other = chances(EPSILON, STATES)

    def chance(answers: set[Emotion], felt: Emotion) -> float:
        return math.log(honest if answers == {felt} else other)

    for evening in evenings:
        worst = [
            max(abs(chance(answers, felt) - chance(answers, guess)) for guess in Emotion)
            for felt, answers in evening.by_truth.items()
        ]
        assert max(worst) <= EPSILON + 1e-9
        assert sum(worst) <= evening.spent + 1e-9


def test_the_best_guess_is_as_often_right_as_after_one_report(evenings: list[Evening]) -> None:
    """With an even prior the best guess is the answer itself: right with probability p, be it
    after one message or after a thousand."""
    honest, _ = chances(EPSILON, STATES)
    guesses = [
        answers == {felt} for evening in evenings for felt, answers in evening.by_truth.items()
    ]
    assert len(guesses) > 60
    error = math.sqrt(honest * (1 - honest) / len(guesses))
    assert abs(sum(guesses) / len(guesses) - honest) < 4 * error


def test_answers_change_at_times_that_were_drawn_before(evenings: list[Evening]) -> None:
    for evening in evenings:
        changes = [
            at
            for (_, before), (at, now) in pairwise(evening.reports)
            if now.code is not before.code
        ]
        assert len(changes) > 100
        assert len({at % SLOT_S for at in changes}) == 1


def test_every_report_has_the_same_flags_and_confidence(evenings: list[Evening]) -> None:
    for evening in evenings:
        looks = {(report.flags, report.confidence) for _, report in evening.reports}
        assert looks == {(PRIVATE | ANSWERS_CALLS, 0)}


def test_a_private_report_is_as_long_as_an_open_one() -> None:
    for up_s in (0, 100):
        open_ones = {
            len(encode_report(Report(1_790_000_000, 70_000, code, confidence, flags, up_s)))
            for code in Emotion
            for confidence in (0, 50, 100)
            for flags in (0, 1, ANSWERS_CALLS)
        }
        private = len(encode_report(Report(1_790_000_000, 70_000, Emotion.FEAR, 0, 24, up_s)))
        assert open_ones == {private}


def test_once_the_budget_is_spent_nothing_is_sent_of_what_is_felt() -> None:
    viewer, evening = Watched(Random(1), Random(2), 3 * EPSILON), lively(Random(3), tuple(Emotion))
    reports = [sent.report for sent in viewer.live(evening)]
    assert viewer.answers.is_over and viewer.answers.account.spent == 3 * EPSILON
    assert len({report.code for report in reports[:20]}) > 1
    assert len({report.code for report in reports[60:]}) == 1  # an evening of heartbeats
