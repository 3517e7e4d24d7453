"""`log`: the recorder alone; it sees the room and is not in it."""

from __future__ import annotations

from collections.abc import Mapping

from resonance_tui.commands import headless as printing
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.commands.session_builder import check, open_session
from resonance_tui.config import Config, with_setting
from resonance_tui.profile import Profile
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.sinks import registry


def run(
    config: Config,
    channel: str,
    *,
    duration: float | None,
    targets: Mapping[str, str] | None = None,
    title: str | None = None,
) -> None:
    """One row a second into the database until interrupted; the room as text on stdout.

    `targets` names by sink where the rows go besides, now and in later recordings.
    """
    config = with_setting(config, "camera", source="none")
    wanted = normalize_channel(channel)
    for sink, target in (targets or {}).items():
        config = registry.load(sink).choose_target(config, wanted, target)
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
