"""One channel at Google: connecting, finding its spreadsheet, and reading its rows back."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from resonance_tui.config import Config
from resonance_tui.errors import InputError, SheetsBusy, StoreError
from resonance_tui.extras import require
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.listeners import Listeners
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import (
    HEADER_ROWS,
    book_id,
    is_blank,
    owner,
    rows_range,
    to_row,
)
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender
from resonance_tui.texts import mark, tr, tr_n

if TYPE_CHECKING:  # gspread takes a while to load
    from resonance_tui.sinks.sheets.client import Sheets

READ_ROWS = 10_000  # in one call: about a megabyte
TRIES = 5  # for each call that a command waits for

MOST_WAIT_S = 70.0  # Google's quotas are per minute

log = logging.getLogger(__name__)
T = TypeVar("T")


def connect(config: Config, outbox: Outbox | None = None) -> Sheets:
    """A client that logs in with its first call; `outbox` counts the calls.

    Raises CredentialsInvalid, and ExtraMissing without the extra `streamer`.
    """
    require("streamer", "Google Sheets")
    from resonance_tui.sinks.sheets.client import Sheets

    login = sheets_login.find(config)

    def count(is_write: bool, failed: bool) -> None:
        if outbox is not None:
            with suppress(StoreError):  # counting is no reason to stop
                outbox.count_call(time.time(), is_write=is_write, failed=failed)

    return Sheets(sheets_login.open_session(login), login.account, on_call=count)


def target(config: Config, outbox: Outbox, channel: str) -> str | None:
    """The spreadsheet of the channel: the setting `sheets.url`, else what `sheets setup` was told,
    else None. Raises InputError for a setting that is no sheet."""
    if config.settings.sheets.url:
        return outbox.follow(book_id(config.settings.sheets.url))
    return outbox.target(channel)


def open_sender(
    config: Config,
    outbox: Outbox,
    channel: str,
    book: str,
    *,
    tell: Callable[[str], None],
    writes_a_minute: float | None = None,
) -> Sender:
    """A sender for the channel, at the configured rate. Raises CredentialsInvalid."""
    backoff = Backoff(int(writes_a_minute or config.settings.sheets.writes_a_minute))
    return Sender(outbox, connect(config, outbox), channel, book, backoff, tell=tell)


def read_channel(
    config: Config,
    channel: str,
    start: int | None,
    end: int | None,
    tell: Callable[[str], None] = log.info,
) -> list[Sample]:
    """The rows that Google has of the channel from `start` to `end` (epoch seconds, both included),
    oldest first, each second and source once. Blocks while it waits for Google.

    Rows that are not as the sink writes them are left out; `tell` is told so, and of retries.
    Raises InputError when the channel has no sheet or there is no login, and SheetsError.
    """
    sheets, tell = connect(config), Listeners(tell)
    rows: dict[tuple[int, str], Sample] = {}
    odd = 0
    for book in _books(config, channel):
        for row in _read_book(sheets, book, channel, tell):
            if row is None:
                odd += 1
            elif (start is None or start <= row.t) and (end is None or row.t <= end):
                rows.setdefault((row.t, row.source), row)
    if odd:
        tell(
            tr_n(
                "{count} row of the sheet was edited by hand and left out.",
                "{count} rows of the sheet were edited by hand and left out.",
                odd,
            )
        )
    return [rows[key] for key in sorted(rows)]


def _books(config: Config, channel: str) -> list[str]:
    """The ids of all spreadsheets of the channel, full ones included."""
    url = config.settings.sheets.url
    book = book_id(url) if url else None
    try:
        with Store(config.database, read_only=True) as store:
            outbox = Outbox(store)
            used = [tab.book for tab in outbox.tabs(channel) if tab.grid]
            first = book or outbox.first_target(channel)
            chain = outbox.chain(first) if first else []
            books = list(dict.fromkeys([*used, *chain]))
    except StoreError:  # nothing recorded on this machine: the setting is enough
        books = [book] if book else []
    if not books:
        raise InputError(
            f"No Google sheet is known for {channel!r}.",
            f"Name it: resonance-tui sheets setup {channel} --sheet URL",
        )
    return books


def _read_book(
    sheets: Sheets, book: str, channel: str, tell: Callable[[str], None]
) -> list[Sample | None]:
    """Rows of the channel in one spreadsheet; None for each that is not as the sink writes it."""
    there = with_retries(lambda: sheets.book(book), tell)
    heads = with_retries(lambda: sheets.heads(there), tell)
    rows: list[Sample | None] = []
    for gid, head in heads.items():
        whose = owner(head)
        if whose is None or whose[0] != channel:
            continue
        tab = there.tabs[gid]
        for first in range(1, tab.rows - HEADER_ROWS + 1, READ_ROWS):
            last = min(first + READ_ROWS - 1, tab.rows - HEADER_ROWS)
            cells = rows_range(tab.title, first, last)
            (found,) = with_retries(lambda cells=cells: sheets.read(book, [cells]), tell)
            rows += [to_row(cells, *whose) for cells in found if not is_blank(cells)]
    return rows


def with_retries(call: Callable[[], T], tell: Callable[[str], None] = log.info) -> T:
    """The result of `call`, which is repeated while Google is busy. Raises SheetsBusy after TRIES
    attempts, or when the wait would be longer than MOST_WAIT_S."""
    backoff = Backoff(60)
    while True:
        try:
            return call()
        except SheetsBusy as busy:
            backoff = backoff.failed(0.0, random.random(), busy.retry_after_s)
            if backoff.failures >= TRIES or backoff.ready_at > MOST_WAIT_S:
                raise
            words = mark("{problem} Trying again in {seconds:.0f} s.")
            tell(tr(words, problem=busy.message, seconds=backoff.ready_at))
            time.sleep(backoff.ready_at)
