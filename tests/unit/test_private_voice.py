"""When a private viewer speaks, and where it does not speak at all."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest

from resonance_tui.commands.room.place import Place
from resonance_tui.commands.room.viewers import _Seen, _summary
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError, NotPrivate
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.protocol.rules import RoomRules, decode_body, encode_body
from resonance_tui.protocol.values import FILM, FORGET_ME, MANUAL, PRIVATE, SIMULATED
from resonance_tui.room.conduct import conduct_of
from resonance_tui.room.moderation import perform
from resonance_tui.room.private_answers import PrivateAnswers
from resonance_tui.session.privacy import (
    ANNOUNCED_WITHIN_S,
    QUIET_S,
    RULES_WITHIN_S,
    Privacy,
    PrivacyPlan,
    RoomPrivacy,
)
from resonance_tui.session.private_voice import HELD, OPENLY, SLOT_S, Manner, PrivateVoice
from resonance_tui.session.self_report import SelfReport

HAPPY = Steady(Emotion.HAPPINESS, 0.83, (0.83, 0.1, 0.07, 0.0, 0.0, 0.0, 0.0))
PLAIN_ROOM = RoomPrivacy(is_understood=True, is_ruled=False, epsilon=2.0)
RULED_ROOM = RoomPrivacy(is_understood=True, is_ruled=True, epsilon=1.5)
OLD_ROOM = RoomPrivacy(is_understood=False, is_ruled=False, epsilon=2.0)
SILENT_ROOM = RoomPrivacy(is_understood=None, is_ruled=False, epsilon=2.0)
WANTED = PrivacyPlan(is_wanted=True)


class Honest(Random):
    """Dice by which every answer is true."""

    def random(self) -> float:
        return 0.0


def voice() -> PrivateVoice:
    return PrivateVoice(PrivateAnswers(dice=Honest(1)), Random(1))


def test_the_first_look_comes_at_any_time_within_a_slot() -> None:
    firsts = []
    for seed in range(40):
        viewer = PrivateVoice(PrivateAnswers(dice=Honest(1)), Random(seed))
        times = [now / 10 for now in range(200) if viewer.look(Emotion.FEAR, 2.0, now / 10)]
        firsts.append(times[0])
    assert min(firsts) < 2.0 and 8.0 < max(firsts) <= SLOT_S + 0.1


def test_what_is_felt_between_two_looks_is_never_told() -> None:
    viewer = voice()
    first = next(now for now in range(100) if viewer.look(Emotion.NEUTRAL, 2.0, float(now)))
    quick = [viewer.look(Emotion.ANGER, 2.0, first + step) for step in (1.0, 4.0, 8.0)]
    assert not any(quick)
    assert not viewer.look(Emotion.NEUTRAL, 2.0, first + SLOT_S)  # the same answer: nothing to say
    assert viewer.answers.account.spent == 2.0


def test_after_a_pause_of_the_program_the_grid_is_the_same() -> None:
    viewer = voice()
    viewer.look(Emotion.FEAR, 2.0, 0.0)
    viewer.look(Emotion.FEAR, 2.0, 1000.0)
    grid = Random(1).uniform(0.0, SLOT_S)
    states = [Emotion.ANGER, Emotion.SADNESS] * 200
    told = [
        now / 10
        for now in range(10_001, 10_400)
        if viewer.look(states[int(now / 100)], 2.0, now / 10)
    ]
    assert told and all((at - grid) % SLOT_S < 0.11 for at in told)


def test_slow_mode_makes_slots_longer() -> None:
    own = SelfReport(1, PrivateAnswers(dice=Honest(1)), is_simulated=False)
    own.slow_down(60)
    own.speak(Manner(2.0))
    told = []
    for now in range(600):
        own.read(Steady(Emotion(now // 7 % 7), 1.0, ()), {})
        if own.due(own.view(float(now), is_sharing=True), float(now)) is not None:
            told.append(now)
    assert len(told) > 3 and min(after - before for before, after in pairwise(told)) >= 59


@pytest.mark.parametrize(
    ("marks", "flags"), [({}, 0), ({"is_film": True}, FILM), ({"is_simulated": True}, SIMULATED)]
)
def test_a_key_leaves_no_trace_in_a_private_report(marks: dict[str, bool], flags: int) -> None:
    own = SelfReport(1, **({"is_simulated": False} | marks))
    own.speak(Manner(2.0))
    own.read(HAPPY, {})
    before = own.report(own.view(0.0, is_sharing=True))
    own.say(Emotion.FEAR, 0.0)
    after = own.report(own.view(0.0, is_sharing=True))
    assert before == after and after.flags == PRIVATE | flags and not after.flags & MANUAL
    assert (after.code, after.confidence) == (Emotion.AWAY, 0)  # nothing is answered yet


def test_who_asks_to_be_forgotten_is_heard_at_once_with_the_answer_that_was_given() -> None:
    own = SelfReport(1, PrivateAnswers(dice=Honest(1)), is_simulated=False)
    own.speak(Manner(2.0))
    own.read(HAPPY, {})
    own.asks_to_be_forgotten = True
    told: list[tuple[Emotion, int]] = []

    def listen(first: int, last: int) -> None:
        for now in range(first, last):
            report = own.due(own.view(float(now), is_sharing=True), float(now))
            told.extend([] if report is None else [(report.code, report.flags)])

    listen(0, 30)
    own.asks_to_be_forgotten = False
    listen(30, 31)
    own.asks_to_be_forgotten = True
    listen(31, 60)
    flags = [PRIVATE | FORGET_ME, PRIVATE, PRIVATE | FORGET_ME]
    assert told == [(Emotion.HAPPINESS, each) for each in flags]


def test_whoever_is_held_says_nothing_and_whoever_speaks_openly_all() -> None:
    own = SelfReport(1, is_simulated=False)
    own.read(HAPPY, {})
    assert own.speak(HELD) and own.due(own.view(0.0, is_sharing=True), 0.0) is None
    assert own.speak(OPENLY) and not own.speak(OPENLY)
    report = own.due(own.view(1.0, is_sharing=True), 1.0)
    assert report is not None and report.code is Emotion.HAPPINESS and not report.is_private
    assert own.privacy is None


def test_another_manner_begins_again_with_the_same_answers() -> None:
    answers = PrivateAnswers(dice=Random(5))
    own = SelfReport(1, answers, is_simulated=False)
    own.read(HAPPY, {})
    for manner in (Manner(2.0), OPENLY, Manner(2.0)):
        assert own.speak(manner)
        for now in range(30):
            own.due(own.view(float(now), is_sharing=True), float(now))
    assert answers.account.spent == 2.0
    assert own.privacy is not None and own.privacy.spent == 2.0


# Where


def test_who_asks_for_privacy_waits_until_the_room_has_said_that_it_understands() -> None:
    privacy = Privacy(WANTED)
    assert privacy.manner == HELD
    assert privacy.look(SILENT_ROOM, 0.0, is_connected=False) == HELD
    assert privacy.look(SILENT_ROOM, 100.0, is_connected=True) == HELD
    assert privacy.look(PLAIN_ROOM, 100.2, is_connected=True) == HELD  # the rules are on their way
    assert privacy.look(PLAIN_ROOM, 100.0 + RULES_WITHIN_S, is_connected=True) == Manner(2.0)


def test_the_hosts_epsilon_is_waited_for_before_the_usual_one_is_too_much() -> None:
    privacy = Privacy(PrivacyPlan(True, most_epsilon=1.5))
    assert privacy.look(PLAIN_ROOM, 0.0, is_connected=True) == HELD
    assert privacy.look(RULED_ROOM, 0.5, is_connected=True) == Manner(1.5)


@pytest.mark.parametrize(
    ("room", "after_s", "words"),
    [
        (OLD_ROOM, 0.0, "does not understand private reports"),
        (SILENT_ROOM, ANNOUNCED_WITHIN_S, "does not understand private reports"),
        (RoomPrivacy(True, True, 4.0), 0.0, "epsilon 4 here, more than the 3"),
    ],
)
def test_a_room_without_it_or_with_less_of_it_is_refused(
    room: RoomPrivacy, after_s: float, words: str
) -> None:
    privacy = Privacy(PrivacyPlan(True, most_epsilon=3.0))
    privacy.look(SILENT_ROOM, 0.0, is_connected=True)
    with pytest.raises(NotPrivate, match=words) as refused:
        privacy.look(room, after_s, is_connected=True)
    assert refused.value.exit_code == 2 and refused.value.hint


def test_where_the_host_asks_for_it_everybody_reports_privately() -> None:
    privacy = Privacy(PrivacyPlan())
    privacy.look(PLAIN_ROOM, 0.0, is_connected=True)
    assert privacy.look(PLAIN_ROOM, QUIET_S, is_connected=True) == OPENLY
    assert privacy.look(RULED_ROOM, 1.0, is_connected=True) == Manner(1.5)


@pytest.mark.parametrize(("may_be_ruled", "wait_s"), [(False, QUIET_S), (True, RULES_WITHIN_S)])
def test_nobody_speaks_openly_before_a_rule_can_have_arrived(
    may_be_ruled: bool, wait_s: float
) -> None:
    room, privacy = replace(PLAIN_ROOM, may_be_ruled=may_be_ruled), Privacy(PrivacyPlan())
    assert privacy.manner == HELD
    assert privacy.look(room, 0.0, is_connected=False) == HELD
    for at in (50.0, 50.0 + 0.9 * wait_s):
        assert privacy.look(room, at, is_connected=True) == HELD
    assert privacy.look(room, 50.0 + wait_s, is_connected=True) == OPENLY
    privacy.look(room, 60.0, is_connected=False)
    assert privacy.look(room, 61.0, is_connected=True) == OPENLY  # the room is known


@pytest.mark.parametrize(("room", "manner"), [(RULED_ROOM, Manner(1.5)), (PLAIN_ROOM, OPENLY)])
def test_rules_that_are_heard_end_the_wait(room: RoomPrivacy, manner: Manner) -> None:
    ruled = replace(room, has_rules=True)
    assert Privacy(PrivacyPlan()).look(ruled, 0.0, is_connected=True) == manner


def test_a_host_who_ends_it_makes_nobody_speak_openly_unasked() -> None:
    privacy = Privacy(PrivacyPlan())
    privacy.look(RULED_ROOM, 0.0, is_connected=True)
    privacy.look(PLAIN_ROOM, 1.0, is_connected=True)
    assert privacy.has_ended and privacy.notice
    privacy.look(PLAIN_ROOM, 2.0, is_connected=True)
    assert not privacy.has_ended


def test_what_is_lost_later_is_said_and_nothing_is_shared_meanwhile() -> None:
    privacy = Privacy(PrivacyPlan(True, most_epsilon=3.0))
    privacy.look(RULED_ROOM, 0.0, is_connected=True)
    assert privacy.look(OLD_ROOM, 1.0, is_connected=True) == HELD and privacy.notice
    assert privacy.look(RoomPrivacy(True, True, 4.0), 2.0, is_connected=True) == HELD
    assert "epsilon 4 here, more than the 3" in privacy.notice
    assert privacy.look(PLAIN_ROOM, 3.0, is_connected=True) == Manner(2.0) and not privacy.notice


# The host's rule


def ruled(value: str) -> RoomRules:
    return perform(RoomRules(), "private", value, by="host", t=0)


@pytest.mark.parametrize("value", ["0", "0.05", "-1", "1e9", "nan", "inf", "5.01", "much", ""])
def test_an_epsilon_that_protects_nobody_or_serves_nobody_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"0\.1 to 5") as refused:
        ruled(value)
    assert refused.value.exit_code == 2 and "off" in refused.value.hint


@pytest.mark.parametrize(("value", "hundredths"), [("2", 200), ("0.1", 10), ("5", 500), ("off", 0)])
def test_the_hosts_rule_is_in_hundredths(value: str, hundredths: int) -> None:
    rules = decode_body(encode_body(ruled(value)))
    assert rules.private_eps == hundredths
    assert conduct_of(rules).private_epsilon == (hundredths / 100 or 2.0)


def test_a_host_sees_that_reports_are_private() -> None:
    place = cast("Place", SimpleNamespace(channel="room"))
    told = [
        _summary(place, _Seen([], ruled(value), None, False, True, 0.0)) for value in ("1.5", "off")
    ]
    assert told == ["room: 0 here. private counts, epsilon 1.5", "room: 0 here."]
