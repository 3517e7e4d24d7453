"""`config`: what holds, where it comes from, and the consent."""

from __future__ import annotations

import time

import click

from resonance_tui.config import Config, describe
from resonance_tui.profile import Profile


def show(config: Config) -> None:
    """One line a setting: key, value, origin."""
    rows = describe(config)
    width = max(len(key) for key, *_ in rows)
    for key, value, origin, help in rows:
        click.echo(f"{key:<{width}} = {value!r:<12}  # from {origin}; {help}")


def path(config: Config) -> None:
    """One line a place, tab-separated."""
    where = config.directories
    places = {
        "settings": config.file,
        "history": config.database,
        "profile": where.profile_file,
        "log": where.log_file,
    }
    for name, place in places.items():
        click.echo(f"{name}\t{place}")


def consent(config: Config, answer: str | None) -> None:
    """Change the consent if asked to; say what holds."""
    profile = Profile(config.directories.profile_file)
    if answer is not None:
        profile.set_consent(time.time() if answer == "give" else None)
    given = profile.load().consented_at
    if given is None:
        click.echo("No consent: the camera will not be opened before you are asked.")
    else:
        click.echo(f"Consent given on {time.strftime('%Y-%m-%d %H:%M', time.localtime(given))}.")
