"""What a host asked in a session, and how often each answer was chosen."""

from __future__ import annotations

import json
from dataclasses import dataclass

from resonance_tui.history.store import Store
from resonance_tui.protocol.questions import Question
from resonance_tui.room.private_choice import estimates

_KEEP = """
INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET closes_at = excluded.closes_at, counts = excluded.counts
"""
_READ = """
SELECT t, id, text, choices, closes_at, is_private, counts FROM question
WHERE channel = ? AND t BETWEEN ? AND ? ORDER BY t, id
"""


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question and the last counts of its answers that were seen."""

    t: int  # when it was first seen, epoch seconds
    question: Question
    counts: tuple[int, ...]

    @property
    def shown(self) -> list[tuple[str, float, float | None]]:
        """Each answer, how many chose it, and, where that is an estimate, half of its band."""
        choices = self.question.choices
        if not self.question.is_private:
            return [(text, count, None) for text, count in zip(choices, self.counts, strict=True)]
        return [
            (text, round(each.count, 1), round(each.margin, 1))
            for text, each in zip(choices, estimates(self.counts), strict=True)
        ]

    @property
    def result(self) -> str:
        """In a line: "Dust 12, Mirage 7"."""
        return ", ".join(f"{text} {count:.0f}" for text, count, _ in self.shown)


def keep_question(store: Store, channel: str, kept: KeptQuestion) -> None:
    """Store it, or its newer counts. Raises StoreError."""
    question = kept.question
    row = (
        *(channel, question.id, kept.t, question.closes_at, question.is_private, question.text),
        *(json.dumps(question.choices, ensure_ascii=False), json.dumps(kept.counts)),
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
        )
        for t, id, text, choices, closes_at, is_private, counts in rows
    ]
