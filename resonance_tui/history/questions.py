"""What a host asked in a session, and how often each answer was chosen."""

from __future__ import annotations

import json
from dataclasses import dataclass

from resonance_tui.history.store import Store
from resonance_tui.protocol.questions import Question
from resonance_tui.room.shown_answers import shown_answers

_KEEP = """
INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    closes_at = excluded.closes_at, counts = excluded.counts, step = excluded.step
"""
_READ = """
SELECT t, id, text, choices, closes_at, is_private, counts, step FROM question
WHERE channel = ? AND t BETWEEN ? AND ? ORDER BY t, id
"""


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question and the last counts of its answers that were seen."""

    t: int  # when it was first seen, epoch seconds
    question: Question
    counts: tuple[int, ...]
    step: int = 0  # by the host's rule for small rooms: see `shown_answers`

    @property
    def shown(self) -> list[tuple[str, float | None, float | None]]:
        """Each answer, how many chose it, None where that was not shown, and, where it is an
        estimate, half of its band."""
        choices = self.question.choices
        found = shown_answers(self.question, self.counts, self.step)
        if found is None:
            return [(text, None, None) for text in choices]
        return [
            (text, round(each.count, 1), None if each.margin is None else round(each.margin, 1))
            for text, each in zip(choices, found, strict=True)
        ]

    @property
    def result(self) -> str:
        """In a line: "Dust 12, Mirage 7"."""
        return ", ".join(
            text if count is None else f"{text} {count:.0f}" for text, count, _ in self.shown
        )


def keep_question(store: Store, channel: str, kept: KeptQuestion) -> None:
    """Store it, or its newer counts. Raises StoreError."""
    question = kept.question
    row = (
        *(channel, question.id, kept.t, question.closes_at, question.is_private, question.text),
        *(json.dumps(question.choices, ensure_ascii=False), json.dumps(kept.counts)),
        kept.step,
    )
    with store.transaction() as db:
        db.execute(_KEEP, row)


def questions(store: Store, channel: str, first: int, last: int) -> list[KeptQuestion]:
    """Those of the range (epoch s, both included), oldest first. Raises StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last)).fetchall()
    return [
        KeptQuestion(
            t,
            Question(id, text, tuple(json.loads(choices)), closes_at, bool(is_private)),
            tuple(json.loads(counts)),
            step,
        )
        for t, id, text, choices, closes_at, is_private, counts, step in rows
    ]
