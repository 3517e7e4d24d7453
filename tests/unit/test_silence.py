"""When it is said that the broker does not answer."""

from __future__ import annotations

import pytest

from resonance_tui.session.silence import Silence


def look_until(silence: Silence, ends: float, asked_at: float | None, step: float = 0.25) -> int:
    now, said = asked_at or 0.0, 0
    while now <= ends:
        said = silence.look(asked_at, now)
        now += step
    return said


@pytest.mark.parametrize(("ends", "said"), [(101.5, 0), (102.5, 2), (107.9, 7)])
def test_a_question_without_an_answer_is_said_after_two_seconds(ends: float, said: int) -> None:
    assert look_until(Silence(), ends, 100.0) == said


def test_an_answer_ends_it_at_once() -> None:
    silence = Silence()
    assert look_until(silence, 105.0, 100.0)
    assert silence.look(104.9, 105.1) == 0
    assert silence.look(None, 105.2) == 0


def test_a_sleep_of_our_own_is_no_silence_of_the_broker() -> None:
    silence = Silence()
    silence.look(100.0, 100.0)
    assert silence.look(100.0, 160.0) == 0
