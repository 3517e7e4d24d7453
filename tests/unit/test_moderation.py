"""What a host may do to a room: acts as functions of rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.commands.room.acts import split, viewer_id_of
from resonance_tui.errors import InputError
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import (
    ACTS_MOST,
    ADMITTED_MOST,
    NO_RULES,
    Act,
    RoomRules,
    decode_body,
    encode_body,
)
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.room.asking import act_value
from resonance_tui.room.attendance import Attendee
from resonance_tui.room.conduct import admitted_by
from resonance_tui.room.moderation import (
    ACTS,
    BADGES_MOST,
    NOBODY,
    Needs,
    noted,
    perform,
    sentence,
    switched,
)

VALUES = {
    Needs.NOTHING: "",
    Needs.VIEWER: "mia",
    Needs.SWITCH: "off",
    Needs.SECONDS: "5",
    Needs.EPSILON: "2",
    Needs.WORDS: "See you tomorrow",
    Needs.NAMES: "red blue",
    Needs.VIEWERS: "5",
    Needs.DELAY: "5",
    Needs.KEY: "0011223344556677",
    Needs.NAME: "Ben",
    Needs.QUESTION: act_value("Q?", ("a", "b"), at=1, open_s=9),
}
ASKED = {"close-question": RoomRules(question=Question(1, "Which?", ("a", "b"), 9))}
ids = st.text("abcxyz019_-", min_size=1, max_size=12)


def after(rules: RoomRules, *acts: str, present: tuple[str, ...] = ()) -> RoomRules:
    """The rules after acts such as "mute mia"."""
    for each in acts:
        name, _, value = each.partition(" ")
        rules = perform(rules, name, value, by="host", t=7.9, present=present)
    return rules


@pytest.mark.parametrize("name", ACTS)
def test_every_act_notes_itself_and_can_be_sent(name: str) -> None:
    value = VALUES[ACTS[name].needs]
    rules = perform(ASKED.get(name, NO_RULES), name, value, by="Ben", t=12.5, whom=value[:32])
    assert rules.acts == (Act(12, "Ben", name, safe_text(value[:32], 32)),)
    assert decode_body(encode_body(rules)) == rules
    assert ACTS[name].said.partition("{")[0].strip() in sentence(rules.acts[0])


def test_who_acts_is_told_of_their_own_act_though_others_have_acted_since() -> None:
    rules = perform(NO_RULES, "title", "mine", by="host", t=3.0)
    rules = perform(rules, "title", "another", by="host", t=4.0)
    rules = perform(rules, "title", "mine", by="Ben", t=5.0)
    assert noted(rules, "title", "mine", by="host") == Act(3, "host", "title", "mine")


@pytest.mark.parametrize(
    ("act", "undo"),
    [
        ("mute mia", "unmute mia"),
        ("kick mia", "readmit mia"),
        ("hide-name mia", "show-name mia"),
        ("badge mia", "unbadge mia"),
        ("lock", "unlock"),
        ("nicknames off", "nicknames on"),
        ("slow 5", "slow 0"),
        ("slow 1m", "slow 0s"),
        ("least 5", "least 0"),
        ("blind on", "blind off"),
        ("blind 5s", "blind off"),
        ("close Bye", "open"),
    ],
)
def test_what_an_act_did_another_undoes(act: str, undo: str) -> None:
    done = after(NO_RULES, act)
    assert replace(done, acts=()) != NO_RULES
    assert replace(after(done, undo), acts=()) == NO_RULES


@pytest.mark.parametrize(
    "name", ["mute", "kick", "hide-name", "badge", "lock", "nicknames", "blind"]
)
def test_a_key_that_switches_undoes_what_it_did(name: str) -> None:
    rules = NO_RULES
    for _ in range(2):
        act, value = switched(rules, name, "mia")
        rules = perform(rules, act, value if ACTS[act].needs else "", by="host", t=1.0)
    assert replace(rules, acts=()) == NO_RULES
    assert rules.acts[0].what == name


def test_an_act_twice_is_as_one() -> None:
    assert after(NO_RULES, "mute mia", "mute mia").muted == ("mia",)


def test_who_is_removed_is_in_no_other_list() -> None:
    rules = after(NO_RULES, "mute mia", "hide-name mia", "badge mia", "kick mia")
    assert (rules.removed, rules.muted, rules.hidden_names, rules.host_ids) == (
        ("mia",),
        (),
        (),
        (),
    )


def test_a_lock_admits_who_is_there_and_who_is_let_in_later() -> None:
    rules = after(NO_RULES, "lock", present=("a", "b", "a"))
    assert (rules.is_locked, rules.admitted) == (True, ("a", "b"))
    assert after(rules, "readmit c").admitted == ("a", "b", "c")
    assert after(rules, "kick b").admitted == ("a",)


def test_a_large_room_is_locked_without_a_list() -> None:
    many = tuple(f"v{n}" for n in range(ADMITTED_MOST + 1))
    rules = after(NO_RULES, "lock", present=many)
    assert (rules.is_locked, rules.admitted) == (True, ())


def test_the_newest_acts_alone_go_over_the_wire() -> None:
    rules = after(NO_RULES, *(f"mute v{n}" for n in range(ACTS_MOST + 3)))
    assert [act.whom for act in rules.acts] == [f"v{n}" for n in range(3, ACTS_MOST + 3)]


@pytest.mark.parametrize(
    "act",
    [
        *("mute", "mute Mia!", "kick a/b", "hide-name +", "nicknames", "nicknames maybe"),
        *("slow", "slow -1", "slow 601", "slow 1e2", "slow 1.5", "slow 11m", "slow ²"),
        *("least", "least 2", "least -5", "least 1001", "least ³", "least 5.0"),
        *("blind", "blind maybe", "blind 61", "blind 1.5", "blind -1"),
        *("title " + 81 * "x",),
        *("close \x1b[2J", "badge #"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(act: str) -> None:
    with pytest.raises(InputError):
        after(NO_RULES, act)


@given(st.lists(st.tuples(st.sampled_from(["mute", "kick", "hide-name", "readmit"]), ids)))
def test_no_order_of_acts_makes_rules_that_nobody_takes(acts: list[tuple[str, str]]) -> None:
    rules = after(NO_RULES, *(f"{name} {value}" for name, value in acts))
    assert decode_body(encode_body(rules)) == rules


def test_badges_are_bounded_and_the_newest_stay() -> None:
    rules = NO_RULES
    for n in range(40):
        rules = perform(rules, "badge", f"host{n}", by="host", t=1.0)
    assert rules.host_ids == tuple(f"host{n}" for n in range(40 - BADGES_MOST, 40))


def test_an_empty_room_that_is_locked_admits_nobody() -> None:
    locked = perform(NO_RULES, "lock", "", by="host", t=1.0, present=())
    assert admitted_by(locked) == {NOBODY}
    large = perform(NO_RULES, "lock", "", by="host", t=1.0, present=[f"v{n}" for n in range(101)])
    assert (large.is_locked, admitted_by(large)) == (True, None)


def test_a_command_takes_the_nickname_of_who_is_here() -> None:
    here = [Attendee("ben1", "Ben", 0.0, 0.0), Attendee("x1", "Mia", 0.0, 0.0)]
    assert [viewer_id_of(here, text) for text in ("ben1", "Ben", "mia")] == ["ben1", "ben1", "x1"]
    assert viewer_id_of(here, "bne") == "bne"
    with pytest.raises(InputError, match="2 viewers are called mia") as caught:
        viewer_id_of([*here, Attendee("x2", "MIA", 0.0, 0.0)], "mia")
    assert "x1, x2" in caught.value.hint


def test_without_nicknames_a_room_of_few_has_no_counts_unless_the_host_says_so() -> None:
    rules = after(NO_RULES, "nicknames off")
    assert rules.least == 5
    assert after(rules, "least 0").least == 0
    assert after(NO_RULES, "least 20", "nicknames off", "nicknames on").least == 20


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("red", "blue"), (None, "red blue")),
        (("cats", "red", "blue"), ("cats", "red blue")),
        (("resonance://h/c/abc", "red"), ("resonance://h/c/abc", "red")),
        (("Cats", "Dogs"), (None, "Cats Dogs")),
        (("cats",), (None, "cats")),
        (("cats", ""), ("cats", "")),
    ],
)
def test_the_first_of_several_names_is_a_room_where_there_is_one(
    words: tuple[str, ...], found: tuple[str | None, str]
) -> None:
    assert split(ACTS["teams"], words, ["cats"]) == found
    assert split(ACTS["title"], ("cats", "Good", "evening")) == ("cats", "Good evening")
