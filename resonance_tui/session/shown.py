"""What a session shows: a frozen view that is replaced, and the events that tell of changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from resonance_tui.listeners import Listeners
from resonance_tui.session.events import (
    HappeningKind,
    HappeningUpdate,
    NoticeUpdate,
    SessionEvent,
    SessionView,
)
from resonance_tui.session.happenings import KEPT


class Shown:
    """All parts of a session write here. Used on the loop's thread."""

    def __init__(self, view: SessionView) -> None:
        self.view = view
        self.has_trouble = False  # the notice is of the recorder
        self._tell: Listeners[[SessionEvent]] = Listeners()

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        """As `Session.add_listener`."""
        self._tell.add(listener)

    def change(self, **fields: Any) -> None:
        """These fields of the view are others from now on."""
        self.view = replace(self.view, **fields)

    def tell(self, event: SessionEvent) -> None:
        """To all listeners."""
        self._tell(event)

    def happened(self, found: Iterable[HappeningUpdate]) -> None:
        """Lines of what happens in the room."""
        for event in found:
            self.change(happenings=(*self.view.happenings, event)[-KEPT:])
            self._tell(event)

    def line(self, kind: HappeningKind, text: str) -> None:
        """One such line, of now."""
        self.happened([HappeningUpdate(time.time(), kind, text)])

    def notice(self, text: str, *, is_trouble: bool = False, place: str = "") -> None:
        """A sentence for the person. `is_trouble`: of the recorder; it is taken back by a word once
        it is over."""
        self.has_trouble = is_trouble
        if text != self.view.notice:
            self.change(notice=text)
            self._tell(NoticeUpdate(time.time(), text, place))
