"""One recording on its way to the Google sheet while it goes on; for one thread that may block."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from resonance_tui.config import Config
from resonance_tui.errors import StoreError
from resonance_tui.history.store import Store
from resonance_tui.listeners import Listeners
from resonance_tui.sinks.sheets import channel as sheets
from resonance_tui.sinks.sheets.layout import book_id
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender


@dataclass(frozen=True, slots=True)
class SheetPlan:
    """Where a recording goes besides the store, and the settings that hold the login."""

    config: Config
    book: str  # the spreadsheet's id; the one that took over from it is used when it is full


def plan(config: Config, channel: str) -> SheetPlan | None:
    """The sheet that is configured for the channel; None where there is none.

    Raises InputError for a setting that is no sheet.
    """
    if config.settings.sheets.url:
        return SheetPlan(config, book_id(config.settings.sheets.url))
    if not config.database.exists():
        return None
    with suppress(StoreError), Store(config.database, read_only=True) as store:
        book = Outbox(store).target(channel)
        return SheetPlan(config, book) if book else None
    return None  # an older layout, or a database that the recorder will complain about


class Upload:
    """Opens everything with its first step, so that nobody waits for Google's library."""

    def __init__(
        self, plan: SheetPlan, channel: str, database: Path, tell: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._channel = channel
        self._database = database
        self._tell = Listeners(tell)
        self._started = int(time.time())
        self._store: Store | None = None
        self._sender: Sender | None = None
        self._has_begun = self._is_told = False

    @property
    def is_in_trouble(self) -> bool:
        return self._sender is None or bool(self._sender.trouble)

    def step(self) -> float | None:
        """See `Sender.step`. Also raises CredentialsInvalid."""
        sender = self._sender or self._open()
        wait = sender.step()
        if sender.is_hopeless and not self._is_told:
            self._tell(f"The sheet gets nothing: {sender.trouble} All is kept here; trying again.")
        self._is_told = sender.is_hopeless
        return wait

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _open(self) -> Sender:
        self._store = self._store or Store(self._database)
        outbox = Outbox(self._store)
        book = outbox.follow(self._plan.book)
        self._sender = sheets.open_sender(
            self._plan.config, outbox, self._channel, book, tell=self._tell
        )
        if not self._has_begun:
            outbox.begin_run(self._channel, "local", self._started, book)
            self._has_begun = True
        return self._sender
