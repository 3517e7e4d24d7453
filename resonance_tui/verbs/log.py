"""`log`: the recorder alone; it sees the room and is not in it."""

from __future__ import annotations

from resonance_tui.config import Config, with_setting
from resonance_tui.messaging.wire import normalize_channel
from resonance_tui.profile import Profile
from resonance_tui.verbs import headless as printing
from resonance_tui.verbs.planning import check, open_session
from resonance_tui.verbs.running import run_loop


def run(config: Config, channel: str, *, duration: float | None) -> None:
    """One row a second into the database until interrupted; the room as text on stdout."""
    config = with_setting(config, "camera", source="none")
    wanted = normalize_channel(channel)
    profile = Profile(config.directories.profile_file)
    session = open_session(
        config,
        check(config),
        profile,
        wanted,
        "",
        database=config.database,
        observe_only=True,
    )
    try:
        run_loop(config, lambda: printing.run(session, as_json=False, duration=duration))
    finally:
        profile.release()
