"""Google Sheets as a sink."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

from resonance_tui.config import Config, with_setting
from resonance_tui.errors import CredentialsInvalid, StoreError
from resonance_tui.extras import EXTRAS, install_command, missing, require
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks.base import Check, Sink
from resonance_tui.sinks.sheets import channel as sheets
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import book_id
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender


class SheetSink(Sink):
    """The plan's target is the id of a spreadsheet; when that is full, the one that took over from
    it is used. Its tables are as old as layout 2 of the database, which makes them."""

    name: ClassVar[str] = "sheets"
    _sender: Sender | None = None

    def open(self, store: Store) -> None:
        outbox = Outbox(store)
        book = outbox.follow(self.plan.target)
        sender = sheets.open_sender(self.plan.config, outbox, self.channel, book, tell=self.tell)
        outbox.begin_run(self.channel, "local", self.started, book)
        self._sender = sender

    def step(self) -> float | None:
        assert self._sender is not None, "open comes first"
        return self._sender.step()

    def close(self) -> None:
        """Google holds nothing open."""

    @property
    def trouble(self) -> str:
        return self._sender.trouble if self._sender else ""

    @property
    def is_hopeless(self) -> bool:
        return self._sender is not None and self._sender.is_hopeless

    @classmethod
    def target(cls, config: Config, channel: str) -> str | None:
        if config.settings.sheets.url:
            return book_id(config.settings.sheets.url)
        if not config.database.exists():
            return None
        with suppress(StoreError), Store(config.database, read_only=True) as store:
            return Outbox(store).target(channel)
        return None  # an older layout, or a database that the recorder will complain about

    @classmethod
    def choose_target(cls, config: Config, channel: str, target: str) -> Config:
        """Raises CredentialsInvalid and ExtraMissing, too: a person who names a sheet hears at once
        that there is no login for it, or no extra."""
        require("streamer", "Google Sheets")
        book = book_id(target)
        sheets_login.find(config)
        with Store(config.database) as store:
            Outbox(store).set_target(channel, book)
        return with_setting(config, "sheets", url=target)

    @classmethod
    def check(cls, config: Config) -> Check:
        try:
            login = sheets_login.find(config)
        except CredentialsInvalid as error:
            if not config.settings.sheets.credentials:
                return Check("ok", "no login for Google Sheets; nothing goes there")
            return Check("warn", error.message, error.hint)
        found = f"login {login.account or login.kind} from {login.origin}"
        if missing(*EXTRAS["streamer"]):
            return Check("warn", f"{found}; no extra 'streamer'", install_command("streamer"))
        return Check("ok", found)

    @classmethod
    def read(
        cls,
        config: Config,
        channel: str,
        start: int | None,
        end: int | None,
        tell: Callable[[str], None],
    ) -> list[Sample]:
        return sheets.read_channel(config, channel, start, end, tell)

    @classmethod
    def sent(cls, store: Store, channel: str) -> int:
        return Outbox(store).confirmed(channel)

    @classmethod
    def resume_command(cls, channel: str) -> str:
        return f"resonance-tui sheets sync {channel}"
