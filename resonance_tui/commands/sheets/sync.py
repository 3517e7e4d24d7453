"""`sheets sync` and `sheets status`: sends what a Google sheet lacks, and reports its state."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from resonance_tui.commands.console import put, put_json, say
from resonance_tui.commands.history.show import unknown_channel
from resonance_tui.config import Config
from resonance_tui.errors import InputError, SheetsBusy
from resonance_tui.history.store import Store
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.sinks.sheets import channel as sheets
from resonance_tui.sinks.sheets.layout import book_url
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.plan import BATCH_ROWS
from resonance_tui.sinks.sheets.sender import Sender

_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} rows{postfix}"


def sync(
    config: Config,
    channel: str | None = None,
    *,
    again: bool = False,
    writes_a_minute: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Sends what the sheet lacks, of one channel or of all channels that have a sheet.

    `again`, which needs a channel, sends all of it into new tabs: the sheet was lost.
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
                config, outbox, name, book, tell=say, writes_a_minute=writes_a_minute
            )
            rate = writes_a_minute or config.settings.sheets.writes_a_minute
            _push(sender, outbox, name, rate, sleep)


@dataclass(frozen=True, slots=True)
class State:
    """The state of one channel's sheet."""

    channel: str
    url: str | None  # None: no sheet is configured
    sent: int
    left: int
    trouble: str
    trouble_at: int | None  # epoch seconds


def status(config: Config, *, as_json: bool) -> None:
    """Prints what is left, what went wrong last, and the calls of the last twelve hours."""
    with Store(config.database) as store:
        outbox = Outbox(store)
        named = [name for name in outbox.targets() if name]
        names = sorted({*store.channels(), *named})
        states = [_state(config, outbox, name) for name in names]
        calls = outbox.calls(time.time() - 12 * 3600)
    if as_json:
        keys = ("hour", "reads", "writes", "failed")
        hours = [dict(zip(keys, hour, strict=True)) for hour in calls]
        put_json({"channels": [asdict(s) for s in states], "calls": hours}, indent=1)
        return
    if not states:
        say("Nothing was recorded yet.")
    for state in states:
        put(_describe_state(state))
    for hour, reads, writes, failed in calls:
        put(f"{_clock(hour)}  {writes} writes, {reads} reads, {failed} of them failed")


def _chosen(config: Config, outbox: Outbox, recorded: list[str], wanted: str | None) -> list[str]:
    if wanted is None:
        having = [name for name in recorded if sheets.target(config, outbox, name)]
        if not having:
            raise InputError("No channel has a Google sheet yet.", "resonance-tui sheets setup")
        return having
    if wanted not in recorded:
        raise unknown_channel(wanted, recorded)
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
        say(f"{channel}: {left} rows, about {minutes:.0f} min at {rate:.0f} writes a minute")
    is_told = False
    with tqdm(total=left, desc=channel, disable=None, leave=False, bar_format=_BAR) as bar:
        while (wait := sender.step()) is not None:
            bar.update(outbox.confirmed(channel) - sent - bar.n)
            if bar.disable and sender.trouble and not is_told:  # no terminal shows it below
                say(f"{channel}: {sender.trouble} Trying again.")
            is_told = bool(sender.trouble)
            if sender.is_hopeless:
                raise SheetsBusy(
                    f"{channel}: {outbox.left(channel)} rows are left. {sender.trouble}",
                    "Nothing is lost; try again later: resonance-tui sheets sync",
                )
            while wait > 0:
                bar.set_postfix_str(f"next in {wait:.0f} s. {sender.trouble}"[:60])
                sleep(min(wait, 1.0))
                wait -= 1.0
    say(f"{channel}: {outbox.confirmed(channel) - sent} rows sent, none is left")


def _state(config: Config, outbox: Outbox, channel: str) -> State:
    book = sheets.target(config, outbox, channel)
    at, text = outbox.trouble(channel) or (None, "")
    url = book_url(book) if book else None
    return State(channel, url, outbox.confirmed(channel), outbox.left(channel), text, at)


def _describe_state(state: State) -> str:
    if state.url is None and not state.sent:
        return f"{state.channel}: no sheet, {state.left} rows only here"
    text = f"{state.channel}: {state.sent} rows sent, {state.left} left, {state.url or 'no sheet'}"
    if state.trouble and state.trouble_at is not None:
        text += f"\n  last trouble, {_clock(state.trouble_at)}: {state.trouble}"
    return text


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")
