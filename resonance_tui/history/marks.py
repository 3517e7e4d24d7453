"""What a person marked in a session: "remember this", with a word."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.history.samples import LATE_S
from resonance_tui.history.store import Store
from resonance_tui.history.words import MARK_LIMIT
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.texts import mark

NAME = mark("Mark")  # of one without a word


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that a person named."""

    t: float  # epoch seconds
    text: str = ""  # one line
    id: int = 0  # in the database; 0 while it is not there

    @property
    def name(self) -> str:
        """Its text, or a word that says what it is."""
        return self.text or NAME


def clean(text: str) -> str:
    """In one line that can be shown and kept."""
    return safe_text(text, MARK_LIMIT)


def add_mark(store: Store, channel: str, t: float, text: str = "") -> int:
    """Store one, unless it is there already, and return its number. Raises StoreError."""
    place = channel, t, clean(text)
    with store.transaction() as db:
        db.execute("INSERT OR IGNORE INTO mark (channel, t, text) VALUES (?, ?, ?)", place)
        found = db.execute(
            "SELECT id FROM mark WHERE channel = ? AND t = ? AND text = ?", place
        ).fetchone()
    return int(found[0])


def rename_mark(store: Store, id: int, text: str) -> None:
    """Another text. Raises StoreError."""
    with store.transaction() as db:
        db.execute("UPDATE OR REPLACE mark SET text = ? WHERE id = ?", (clean(text), id))


def remove_mark(store: Store, id: int) -> None:
    """Raises StoreError."""
    with store.transaction() as db:
        db.execute("DELETE FROM mark WHERE id = ?", (id,))


def marks(store: Store, channel: str, start: float, end: float) -> list[Mark]:
    """Those within the seconds from `start` to `end` (epoch s, both included), oldest first.
    Raises StoreError."""
    with store.reading() as db:
        found = db.execute(
            "SELECT t, text, id FROM mark WHERE channel = ? AND t >= ? AND t < ? ORDER BY t, id",
            (channel, start, end + 1),
        )
        return [Mark(*row) for row in found]


def session_marks(store: Store, channel: str, first: int, last: int) -> list[Mark]:
    """Those of the session from `first` to `last` (epoch s), oldest first. Raises StoreError."""
    return marks(store, channel, first, last + LATE_S)
