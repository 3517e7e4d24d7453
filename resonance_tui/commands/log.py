"""`log`: the recorder alone; it sees the room and is not in it."""

from __future__ import annotations

from resonance_tui.commands import headless as printing
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.commands.session_builder import check, open_session
from resonance_tui.config import Config, with_setting
from resonance_tui.history.store import Store
from resonance_tui.profile import Profile
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.sinks.sheets import login as sheets_login
from resonance_tui.sinks.sheets.layout import book_id
from resonance_tui.sinks.sheets.outbox import Outbox


def run(
    config: Config,
    channel: str,
    *,
    duration: float | None,
    sheet: str | None = None,
    title: str | None = None,
) -> None:
    """One row a second into the database until interrupted; the room as text on stdout.

    With `sheet`, the address of a Google sheet, the rows go there too, now and with `sheets sync`.
    """
    config = with_setting(config, "camera", source="none")
    wanted = normalize_channel(channel)
    if sheet is not None:
        config = with_setting(config, "sheets", url=sheet)
        _name_sheet(config, wanted, sheet)
    profile = Profile(config.directories.profile_file)
    session = open_session(
        config,
        check(config),
        profile,
        wanted,
        "",
        database=config.database,
        title=title or "",
        observe_only=True,
    )
    try:
        run_loop(
            config,
            lambda: printing.run(session, as_json=False, duration=duration, observes=True),
        )
    finally:
        profile.release()


def _name_sheet(config: Config, channel: str, sheet: str) -> None:
    """Whoever names a sheet hears at once when there is no login for it."""
    book = book_id(sheet)
    sheets_login.find(config)
    with Store(config.database) as store:
        Outbox(store).set_target(channel, book)
