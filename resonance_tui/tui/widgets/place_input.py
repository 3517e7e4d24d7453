"""The field that says where to go: takes a channel, and all that comes out of a chat."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from resonance_tui.protocol.pasted import holds_link, repair

MOST_CHARACTERS = 512  # of one line; a link has some 110, a former one twice as many


class PlaceInput(Input):
    """Textual's own field keeps the first line of a paste, and so a part of a wrapped link."""

    def __init__(self, *, placeholder: str, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id, compact=True, max_length=MOST_CHARACTERS)

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.take(event.text)

    def action_paste(self) -> None:
        self.take(self.app.clipboard)

    def take(self, text: str) -> None:
        """A link replaces what stands here, mended; anything else comes in at the cursor."""
        if holds_link(text):
            self.value = repair(text)[:MOST_CHARACTERS]
            self.cursor_position = len(self.value)
        else:
            self.replace(" ".join(text.split()), *self.selection)
