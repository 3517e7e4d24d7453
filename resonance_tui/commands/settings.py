"""The settings of one run: file, environment, and the flags that a command was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import say

if TYPE_CHECKING:
    from resonance_tui.config import Config


def load(ctx: click.Context, flags: dict[str, Any] | None = None) -> Config:
    """Load the settings and start the log. `flags`: by "section.name", None where not given.

    Raises InputError for a setting that cannot be understood.
    """
    from resonance_tui import config, logs

    loaded = config.load(flags, file=ctx.obj["file"])
    for name, near in config.unknown_variables():
        say(f"note: nothing reads the variable {name}" + (f"; is it {near}?" if near else "."))
    logs.start(loaded.directories.log_file, verbose=ctx.obj["verbose"], secrets=loaded.secrets)
    return loaded
