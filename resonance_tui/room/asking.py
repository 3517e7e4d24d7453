"""A host's question as the value of an act, and what it makes of the question before; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from resonance_tui.errors import InputError
from resonance_tui.protocol.asides import CHOICES_MOST
from resonance_tui.protocol.questions import (
    CHOICE_MOST,
    CHOICES_LEAST,
    ID_MOST,
    OPEN_MOST_S,
    QUESTION_MOST,
    Question,
)
from resonance_tui.protocol.sanitize import shown_line
from resonance_tui.texts import mark

USUAL_S = 120.0
_EXAMPLE = mark('For example: resonance-tui room ask "Which map?" Dust Mirage')


def act_value(
    text: str, choices: Sequence[str], *, at: float, open_s: float, is_private: bool = False
) -> str:
    """The value of the act `ask`. `at`: epoch seconds. Raises InputError for what cannot be
    asked."""
    if not CHOICES_LEAST <= len(choices) <= CHOICES_MOST:
        raise InputError(
            mark(
                "A question has {least} to {most} answers, not {count}.",
                least=CHOICES_LEAST,
                most=CHOICES_MOST,
                count=len(choices),
            ),
            _EXAMPLE,
        )
    if not 1 <= open_s <= OPEN_MOST_S:
        raise InputError(
            mark("A question is open for 1 to {most} seconds.", most=OPEN_MOST_S), "--for 60s"
        )
    words = _words(text, QUESTION_MOST), tuple(_words(each, CHOICE_MOST) for each in choices)
    if len({each.casefold() for each in words[1]}) < len(choices):
        raise InputError(mark("Two of the answers are alike."), _EXAMPLE)
    question = Question(int(at), *words, int(at + open_s), is_private)
    return msgspec.json.encode(question).decode()


def typed_value(words: str, *, at: float, open_s: float = USUAL_S) -> tuple[str, str]:
    """The value of the act `ask` for a line as "Which map? | Dust | Mirage", and the question's
    words. Raises InputError."""
    text, *choices = (part.strip() for part in words.split("|"))
    return act_value(text, choices, at=at, open_s=open_s), text


def _words(text: str, most: int) -> str:
    """Raises InputError for a text that is empty, too long, or cannot be shown."""
    words = shown_line(text, most)
    if not words:
        raise InputError(mark("A question and its answers have words."), _EXAMPLE)
    return words


def asked(value: str, before: Question | None) -> Question:
    """The question of `act_value`, newer than the one before: of a higher id, unless a co-host's
    program has taken the last one. Raises InputError."""
    try:
        question = msgspec.json.decode(value, type=Question)
    except msgspec.MsgspecError:
        raise InputError(mark("That is no question."), _EXAMPLE) from None
    above = before.id + 1 if before is not None and before.id < ID_MOST else 1
    return replace(question, id=max(question.id, above))


def ended(value: str, before: Question | None) -> Question:
    """`value`: now, epoch seconds. Raises InputError where nothing is asked."""
    at = int(value or 0)
    if before is None or not before.is_open(at):
        raise InputError(mark("Nothing is asked in this room now."), _EXAMPLE)
    return replace(before, closes_at=at)
