"""The settings of one run: file, environment, and the flags that a command was given."""

from __future__ import annotations

from typing import Any

import click


def load(ctx: click.Context, flags: dict[str, Any] | None = None) -> Any:
    from resonance_tui import config as settings
    from resonance_tui import logs

    loaded = settings.load(flags, file=ctx.obj["file"])
    logs.start(loaded.directories.log_file, verbose=ctx.obj["verbose"], secrets=loaded.secrets)
    return loaded
