"""What a person said of a session afterwards: its title, a note, how late its stream came."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.history.samples import LATE_S, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.words import NOTE_LIMIT, TITLE_LIMIT
from resonance_tui.protocol.sanitize import safe_text

_LIMITS = {"title": TITLE_LIMIT, "note": NOTE_LIMIT}
_READ = """
SELECT title, note, delay FROM about WHERE channel = ? AND at BETWEEN ? AND ? ORDER BY at
"""
_KEEP = """
INSERT INTO about (channel, at, {column}) VALUES (:channel, :at, :value)
ON CONFLICT DO UPDATE SET {column} = excluded.{column}
"""
_CLEAR = "UPDATE about SET {column} = NULL WHERE channel = ? AND at BETWEEN ? AND ?"


@dataclass(frozen=True, slots=True)
class About:
    """None of what nobody said anything of."""

    title: str | None = None  # in place of what its recorders were told; "" is none
    note: str | None = None
    delay_s: float | None = None  # from the picture to what viewers of the stream see


def about(store: Store, channel: str, first: int, last: int) -> About:
    """What was said of the session from `first` to `last` (epoch s), or up to LATE_S after its last
    row. Raises StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last + LATE_S)).fetchall()
    said = About()
    for title, note, delay_s in rows:
        said = About(
            said.title if title is None else title,
            said.note if note is None else note,
            said.delay_s if delay_s is None else delay_s,
        )
    return said


def keep_title(store: Store, channel: str, span: SessionSpan, title: str | None) -> None:
    """In place of the recorders' title; None takes that one again. Raises StoreError."""
    _keep(store, channel, span, "title", title)


def keep_note(store: Store, channel: str, span: SessionSpan, note: str | None) -> None:
    """Raises StoreError."""
    _keep(store, channel, span, "note", note or None)


def keep_delay(store: Store, channel: str, span: SessionSpan, delay_s: float | None) -> None:
    """Seconds, 0 to MOST_DELAY_S; None forgets it. Raises StoreError."""
    _keep(store, channel, span, "delay", delay_s)


def _keep(
    store: Store, channel: str, span: SessionSpan, column: str, value: str | float | None
) -> None:
    if isinstance(value, str):
        value = safe_text(value, _LIMITS[column])
    with store.transaction() as db:
        db.execute(_CLEAR.format(column=column), (channel, span.start, span.end + LATE_S))
        if value is not None:
            row = {"channel": channel, "at": span.start, "value": value}
            db.execute(_KEEP.format(column=column), row)
