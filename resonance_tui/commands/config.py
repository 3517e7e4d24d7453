"""`config`: what holds, where it comes from, and the consent."""

from __future__ import annotations

import time

import click

from resonance_tui.commands.console import put
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.settings import load


@click.group("config", cls=Group, path="config")
def config() -> None:
    """See the settings, where each comes from, and the consent you gave.

    \b
    Examples:
      resonance-tui config show
      resonance-tui config path
      resonance-tui config consent --revoke
    """


@click.command("show", cls=Command)
@click.pass_context
def show(ctx: click.Context) -> None:
    """Print every setting with its origin; secrets are masked.

    \b
    Example:
      resonance-tui config show
    """
    from resonance_tui.config import settings_table

    rows = settings_table(load(ctx))
    width = max(len(key) for key, *_ in rows)
    for key, value, origin, help in rows:
        put(f"{key:<{width}} = {value!r:<12}  # from {origin}; {help}")


@click.command("path", cls=Command)
@click.pass_context
def path(ctx: click.Context) -> None:
    """Print where settings, data and logs live.

    \b
    Example:
      $EDITOR "$(resonance-tui config path | head -1 | cut -f2)"
    """
    loaded = load(ctx)
    where = loaded.directories
    places = {
        "settings": loaded.file,
        "history": loaded.database,
        "profile": where.profile_file,
        "log": where.log_file,
    }
    for name, place in places.items():
        put(f"{name}\t{place}")


@click.command("consent", cls=Command)
@click.option("--give", "answer", flag_value="give", help="Agree without the screen.")
@click.option("--revoke", "answer", flag_value="revoke", help="Take it back; you are asked again.")
@click.pass_context
def consent(ctx: click.Context, answer: str | None) -> None:
    """Show, give or take back the consent to read your face on this machine.

    \b
    Example:
      resonance-tui config consent --revoke
    """
    from resonance_tui.profile import Profile

    profile = Profile(load(ctx).directories.profile_file)
    if answer is not None:
        profile.set_consent(time.time() if answer == "give" else None)
    given = profile.load().consented_at
    if given is None:
        put("No consent: the camera will not be opened before you are asked.")
    else:
        put(f"Consent given on {time.strftime('%Y-%m-%d %H:%M', time.localtime(given))}.")
