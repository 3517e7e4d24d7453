"""Whether what one answers and reacts with is carried: told once, and only where that is known."""

from __future__ import annotations

import pytest

from resonance_tui.protocol.events import AnswerEvent, Event, ReactionEvent
from resonance_tui.protocol.messages import ANSWER, REACTION
from resonance_tui.protocol.questions import Answer
from resonance_tui.session.echoes import ECHO_WITHIN_S, Echoes, dropped_words

OWN = {
    ANSWER.kind: AnswerEvent("room", "ann", Answer(1, 1, 7, 1)),
    REACTION.kind: ReactionEvent("room", "ann", 1, (1, *[0] * 7), 0),
}
LATE = 10.0 + ECHO_WITHIN_S


def sent(kind: str) -> Echoes:
    echoes = Echoes()
    echoes.sent(kind, 10.0)
    return echoes


@pytest.mark.parametrize("kind", OWN)
def test_what_never_comes_back_is_told_once_where_all_is_heard(kind: str) -> None:
    echoes = sent(kind)
    assert echoes.look(LATE - 0.1, refused=(), hears_all=True) == []
    assert echoes.look(LATE, refused=(), hears_all=True) == [kind]
    echoes.sent(kind, LATE)
    assert echoes.look(LATE + 60, refused=(), hears_all=True) == []
    assert "resonance-tui broker" in dropped_words(kind)


@pytest.mark.parametrize("kind", OWN)
def test_who_does_not_hear_the_room_is_told_by_the_broker_alone(kind: str) -> None:
    assert sent(kind).look(LATE, refused=(), hears_all=False) == []
    assert sent(kind).look(10.1, refused={kind}, hears_all=False) == [kind]
    assert sent(kind).look(10.1, refused={"report"}, hears_all=True) == []


@pytest.mark.parametrize(("kind", "event"), OWN.items())
def test_what_comes_back_is_carried_and_what_others_send_says_nothing(
    kind: str, event: Event
) -> None:
    echoes = sent(kind)
    echoes.hear([event], "ben")
    assert echoes.look(LATE, refused=(), hears_all=True) == [kind]
    echoes = sent(kind)
    echoes.hear([event], "ann")
    assert echoes.look(LATE, refused=(), hears_all=True) == []


def test_after_a_reconnection_nothing_of_before_is_waited_for() -> None:
    echoes = sent(ANSWER.kind)
    echoes.lost()
    assert echoes.look(LATE, refused=(), hears_all=True) == []
