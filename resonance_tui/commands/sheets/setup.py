"""`sheets setup`: from nothing to a Google sheet that can be written."""

from __future__ import annotations

import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import put, say
from resonance_tui.config import Config
from resonance_tui.errors import CredentialsInvalid, InputError, SheetsRefused
from resonance_tui.extras import require
from resonance_tui.history.store import Store
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.secret import describe
from resonance_tui.sinks.sheets import channel as sheets
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import book_id, book_url
from resonance_tui.sinks.sheets.login import GoogleLogin
from resonance_tui.sinks.sheets.outbox import Outbox

if TYPE_CHECKING:  # gspread takes a while to load
    from resonance_tui.sinks.sheets.client import Sheets

STEPS = """\
To write into a Google sheet, resonance-tui needs a login of Google's:

  1. Make a project:            https://console.cloud.google.com/projectcreate
  2. Enable Sheets and Drive:   https://console.cloud.google.com/apis/library
  3. Make a service account:    https://console.cloud.google.com/iam-admin/serviceaccounts
     and a key of type JSON for it; or an OAuth client of type "desktop app".
  4. Make it yours alone:       chmod 600 KEY.json
  5. Tell resonance-tui:        resonance-tui sheets setup --credentials KEY.json
"""
_MAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,190}")


def run(
    config: Config,
    channel: str | None,
    *,
    sheet: str | None,
    share: tuple[str, ...],
    credentials: Path | None,
    in_keyring: bool,
) -> None:
    """Logs in, takes or makes a spreadsheet, tests that it can be written, shares and stores it.

    Without a channel it is for every channel. Raises InputError and SheetsError.
    """
    require("streamer", "Google Sheets")
    wanted = normalize_channel(channel) if channel else ""
    book = book_id(sheet) if sheet else None
    for mail in share:
        if not _MAIL.fullmatch(mail):
            raise InputError(f"{describe(mail)} is no mail address.", "--share mia@example.com")
    login = _log_in(config, credentials, in_keyring=in_keyring)
    with Store(config.database) as store:
        outbox = Outbox(store)
        client = sheets.connect(config, outbox)
        if book is None and login.kind == "service_account" and sys.stdin.isatty():
            book = _ask_for_sheet(login)
        if book is None:
            book = client.create(f"Resonance {wanted or 'rooms'}")
            say("Made a new spreadsheet.")
        _check_writable(client, book)
        outbox.set_target(wanted, book)
        say(f"Rows of {wanted or 'every channel'} go there; what was recorded so far: sheets sync")
        put(book_url(book))
        for mail in share:
            _share(client, book, mail)


def _log_in(config: Config, credentials: Path | None, *, in_keyring: bool) -> GoogleLogin:
    """The login from now on; a new one is stored."""
    login = sheets_login.from_file(credentials) if credentials else _client(config)
    if login is None:
        try:
            return sheets_login.find(config)
        except CredentialsInvalid:
            if not config.settings.sheets.credentials:
                say(STEPS)
            raise
    if login.kind == "client":
        say("Log in at Google in the browser; it waits for you.")
        login = sheets_login.ask_a_person(login)
    where = sheets_login.keep(config, login, in_keyring=in_keyring)
    say(f"The login is kept in {where}.")
    if login.account:
        say(f"Its name, to share sheets with: {login.account}")
    return login


def _check_writable(client: Sheets, book: str) -> None:
    found = sheets.with_retries(lambda: client.book(book), say)
    trial = 1 + secrets.randbelow(2**31 - 1)
    sheets.with_retries(lambda: client.check_writable(book, trial), say)
    say(f"{found.title!r} can be written.")


def _share(client: Sheets, book: str, mail: str) -> None:
    try:
        sheets.with_retries(lambda: client.share(book, mail), say)
    except SheetsRefused as refusal:  # our login may share only what it has made itself
        raise SheetsRefused(
            f"This login may not share the sheet with {mail}.", "Share it in the browser."
        ) from refusal
    say(f"Shared with {mail}.")


def _client(config: Config) -> GoogleLogin | None:
    """The configured OAuth client; None for another kind of login or none."""
    given = sheets_login.configured(config)
    return given if given is not None and given.kind == "client" else None


def _ask_for_sheet(login: GoogleLogin) -> str | None:
    say(f"Make a sheet (https://sheets.new) and share it with {login.account} as editor.")
    answer = click.prompt("Its address (empty: make one)", default="", show_default=False, err=True)
    return book_id(answer) if answer else None
