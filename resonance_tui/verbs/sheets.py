"""`sheets`: the Google sheet set up, filled, and asked how it is doing."""

from __future__ import annotations

import difflib
import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import click

from resonance_tui.config import Config
from resonance_tui.errors import CredentialsInvalid, InputError, InvalidChannel, SheetsBusy
from resonance_tui.history import sheets, sheets_login
from resonance_tui.history.outbox import Outbox
from resonance_tui.history.sheets_layout import book_id, book_url
from resonance_tui.history.sheets_login import Login
from resonance_tui.history.sheets_plan import BATCH_ROWS
from resonance_tui.history.sheets_sender import Sender
from resonance_tui.history.store import Store
from resonance_tui.messaging.wire import normalize_channel

STEPS = """\
To write into a Google sheet, resonance-tui needs a login of Google's:

  1. Make a project:            https://console.cloud.google.com/projectcreate
  2. Enable Sheets and Drive:   https://console.cloud.google.com/apis/library
  3. Make a service account:    https://console.cloud.google.com/iam-admin/serviceaccounts
     and a key of type JSON for it; or an OAuth client of type "desktop app".
  4. Make it yours alone:       chmod 600 KEY.json
  5. Tell resonance-tui:        resonance-tui sheets setup --credentials KEY.json
"""
_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} rows{postfix}"
_MAIL = re.compile(r"[^@\s<>,;]{1,64}@[^@\s<>,;]{1,190}")


def setup(
    config: Config,
    channel: str | None,
    *,
    sheet: str | None,
    share: tuple[str, ...],
    credentials: Path | None,
    in_keyring: bool,
) -> None:
    """Log in, take or make a spreadsheet, try whether it can be written, share and remember it.

    Without a channel it holds for every channel. Raises InputError and SheetsError.
    """
    wanted = normalize_channel(channel) if channel else ""
    book = book_id(sheet) if sheet else None
    for mail in share:
        if not _MAIL.fullmatch(mail):
            raise InputError(f"{mail!r} is no mail address.", "--share mia@example.com")
    login = _log_in(config, credentials, in_keyring=in_keyring)
    with Store(config.database) as store:
        outbox = Outbox(store)
        client = sheets.connect(config, outbox)
        if book is None and login.kind == "service_account" and sys.stdin.isatty():
            book = _ask_for_sheet(login)
        if book is None:
            book = client.create(f"Resonance {wanted or 'rooms'}")
            _say("Made a new spreadsheet.")
        found = sheets.patiently(lambda: client.book(book))
        trial = 1 + secrets.randbelow(2**31 - 1)
        sheets.patiently(lambda: client.check_writable(book, trial))
        _say(f"{found.title!r} can be written.")
        for mail in share:
            sheets.patiently(lambda mail=mail: client.share(book, mail))
            _say(f"Shared with {mail}.")
        outbox.set_target(wanted, book)
    _say(f"Rows of {wanted or 'every channel'} go there; what is recorded already: sheets sync")
    click.echo(book_url(book))


def sync(
    config: Config,
    channel: str | None = None,
    *,
    again: bool = False,
    writes_a_minute: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send what the sheet does not have yet, of one channel or of all that have a sheet.

    With `again`, which needs a channel, all of it into new tabs: somebody has lost the sheet.
    Raises InputError for an unknown channel or one without a sheet, and SheetsError.
    """
    wanted = normalize_channel(channel) if channel else None
    if again and wanted is None:
        raise InputError("--again needs a channel.", "resonance-tui sheets sync CHANNEL --again")
    with Store(config.database, read_only=True) as reading:
        recorded = reading.channels()
    with Store(config.database) as store:
        outbox = Outbox(store)
        for name in _chosen(config, outbox, recorded, wanted):
            book = sheets.target(config, outbox, name)
            assert book is not None
            if again:
                outbox.forget(name)
            sender = sheets.open_sender(
                config, outbox, name, book, tell=_say, writes_a_minute=writes_a_minute
            )
            rate = writes_a_minute or config.settings.sheets.writes_a_minute
            _push(sender, outbox, name, rate, sleep)


@dataclass(frozen=True, slots=True)
class State:
    """How one channel's sheet is doing."""

    channel: str
    url: str | None  # None: no sheet is configured
    sent: int
    left: int
    trouble: str
    trouble_at: int | None  # epoch seconds


def status(config: Config, *, as_json: bool) -> None:
    """What is left, what went wrong last, and the calls of the last hours."""
    with Store(config.database) as store:
        outbox = Outbox(store)
        named = [name for name in outbox.targets() if name]
        names = sorted({*store.channels(), *named})
        states = [_state(config, outbox, name) for name in names]
        calls = outbox.calls(time.time() - 12 * 3600)
    if as_json:
        keys = ("hour", "reads", "writes", "failed")
        hours = [dict(zip(keys, hour, strict=True)) for hour in calls]
        click.echo(json.dumps({"channels": [asdict(s) for s in states], "calls": hours}, indent=1))
        return
    if not states:
        click.echo("Nothing was recorded yet.", err=True)
    for state in states:
        click.echo(_in_words(state))
    for hour, reads, writes, failed in calls:
        click.echo(f"{_clock(hour)}  {writes} writes, {reads} reads, {failed} of them failed")


def _log_in(config: Config, credentials: Path | None, *, in_keyring: bool) -> Login:
    """The login that holds from now on; a new one is kept."""
    given = credentials or _client_file(config)
    if given is None:
        try:
            return sheets_login.find(config)
        except CredentialsInvalid:
            if not config.settings.sheets.credentials:
                _say(STEPS)
            raise
    login = sheets_login.from_file(given)
    if login.kind == "client":
        _say("Log in at Google in the browser; it waits for you.")
        login = sheets_login.ask_a_person(login)
    where = sheets_login.keep(config, login, in_keyring=in_keyring)
    _say(f"The login is kept in {where}.")
    if login.account:
        _say(f"Its name, to share sheets with: {login.account}")
    return login


def _client_file(config: Config) -> Path | None:
    """The configured OAuth client, where nobody has logged in with it yet."""
    given = config.settings.sheets.credentials
    if not given or given.startswith("{"):
        return None
    path = Path(given).expanduser()
    return path if sheets_login.from_file(path).kind == "client" else None


def _ask_for_sheet(login: Login) -> str | None:
    _say(f"Make a sheet (https://sheets.new) and share it with {login.account} as editor.")
    answer = click.prompt("Its address (empty: make one)", default="", show_default=False, err=True)
    return book_id(answer) if answer else None


def _chosen(config: Config, outbox: Outbox, recorded: list[str], wanted: str | None) -> list[str]:
    if wanted is None:
        having = [name for name in recorded if sheets.target(config, outbox, name)]
        if not having:
            raise InputError("No channel has a Google sheet yet.", "resonance-tui sheets setup")
        return having
    if wanted not in recorded:
        near = difflib.get_close_matches(wanted, recorded, 3) or recorded[:8]
        raise InvalidChannel(
            f"Nothing was ever recorded in {wanted!r}.", f"Recorded channels: {', '.join(near)}."
        )
    if sheets.target(config, outbox, wanted) is None:
        raise InputError(
            f"{wanted} has no Google sheet yet.",
            f"resonance-tui sheets setup {wanted} --sheet URL",
        )
    return [wanted]


def _push(
    sender: Sender, outbox: Outbox, channel: str, rate: float, sleep: Callable[[float], None]
) -> None:
    from tqdm import tqdm

    left, sent = outbox.left(channel), outbox.confirmed(channel)
    minutes = left / BATCH_ROWS / rate
    if minutes > 1:
        _say(f"{channel}: {left} rows, about {minutes:.0f} min at {rate:.0f} writes a minute")
    with tqdm(total=left, desc=channel, disable=None, leave=False, bar_format=_BAR) as bar:
        while (wait := sender.step()) is not None:
            bar.update(outbox.confirmed(channel) - sent - bar.n)
            if sender.is_hopeless:
                raise SheetsBusy(
                    f"{channel}: {outbox.left(channel)} rows are left. {sender.trouble}",
                    "Nothing is lost; try again later: resonance-tui sheets sync",
                )
            while wait > 0:
                bar.set_postfix_str(f"next in {wait:.0f} s. {sender.trouble}"[:60])
                sleep(min(wait, 1.0))
                wait -= 1.0
    _say(f"{channel}: {outbox.confirmed(channel) - sent} rows sent, the sheet has all of them")


def _state(config: Config, outbox: Outbox, channel: str) -> State:
    book = sheets.target(config, outbox, channel)
    at, text = outbox.trouble(channel) or (None, "")
    url = book_url(book) if book else None
    return State(channel, url, outbox.confirmed(channel), outbox.left(channel), text, at)


def _in_words(state: State) -> str:
    if state.url is None and not state.sent:
        return f"{state.channel}: no sheet, {state.left} rows only here"
    text = f"{state.channel}: {state.sent} rows sent, {state.left} left, {state.url or 'no sheet'}"
    if state.trouble and state.trouble_at is not None:
        text += f"\n  last trouble, {_clock(state.trouble_at)}: {state.trouble}"
    return text


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def _say(text: str) -> None:
    click.echo(text, err=True)
