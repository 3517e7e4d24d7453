"""What a host types for everybody: shown as it is typed, or refused for what is wrong with it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import InputError
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.protocol.sanitize import safe_text, shown_line
from resonance_tui.room.asking import act_value, asked
from resonance_tui.room.moderation import perform
from resonance_tui.room.teams import number_of


def test_square_brackets_are_shown_as_round_ones_wherever_a_host_types() -> None:
    question = asked(act_value("[b]Which[/b]?", ["[a]", "b"], at=9, open_s=9), None)
    assert (question.text, question.choices) == ("(b)Which(/b)?", ("(a)", "b"))
    rules = perform(NO_RULES, "teams", "[red] blue", by="", t=0)
    assert rules.teams == ("(red)", "blue")
    assert number_of("[RED]", rules.teams) == number_of("(red)", rules.teams) == 1
    assert perform(NO_RULES, "prompt", "look [here]", by="", t=0).prompt == ("look (here)")


@pytest.mark.parametrize("teams", ["[a] (a)", "red RED"])
def test_teams_that_look_alike_are_refused(teams: str) -> None:
    with pytest.raises(InputError, match="each of another name"):
        perform(NO_RULES, "teams", teams, by="", t=0)


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("x" * 21, "That is too long: x{18}", "At most 20 characters"),
        ("x" * 2000, "too long", "At most 20 characters"),
        ("地圖" * 6, "too long", "wide ones count twice"),
        ("a\u202eb", "cannot be shown", "without them: ab"),
        ("hi \x1b[31mred", "cannot be shown", r"hi \(31mred"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str, hint: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        shown_line(text, 20)
    assert re.search(hint, str(refused.value.hint))


@given(st.text(max_size=30))
def test_what_is_taken_is_seen_by_everybody_as_it_was_taken(text: str) -> None:
    try:
        line = shown_line(text, 20)
    except InputError:
        return
    assert safe_text(line, 20) == line
