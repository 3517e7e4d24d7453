"""Pure: what a person may say of a session: how long it may be, and that it tells no secret."""

from __future__ import annotations

from resonance_tui.errors import InputError
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.secret import may_hold_secret
from resonance_tui.texts import mark

MARK_LIMIT, TITLE_LIMIT, NOTE_LIMIT = 200, 100, 1000  # characters
MOST_DELAY_S = 600.0  # a stream that comes later is another recording


def checked(text: str, limit: int = MARK_LIMIT) -> str:
    """In one line that can be shown and kept. Raises InputError for what may hold a secret: it is
    shown with the history, and goes into exports."""
    if may_hold_secret(text):
        raise InputError(
            mark("That text may hold a key or a password."), mark("Choose other words.")
        )
    return safe_text(text, limit)
