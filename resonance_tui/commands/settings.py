"""The settings of one run: file, environment, and the flags that a command was given."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from resonance_tui.commands.console import note, say
from resonance_tui.commands.language import speak_as_set
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.terminal import Terminal


Command = TypeVar("Command", bound=Callable[..., Any])
_TLS_FLAGS = f"{__name__}.tls"  # in the context's `meta`: by setting, as `load` takes them
_TLS_FILES = {
    "ca": mark("Private authorities that may vouch for the broker, too (PEM)."),
    "cert": mark("Certificate to show to a broker that asks for one (PEM)."),
    "key": mark("Key of --cert, where it is not in the same file (PEM)."),
}


def broker_options(command: Command) -> Command:
    """`--broker` as `broker_url`, and the files for TLS, which `load` takes by itself."""
    for name, help in reversed(_TLS_FILES.items()):
        command = click.option(
            f"--{name}", metavar="FILE", help=help, expose_value=False, callback=_keep
        )(command)
    return click.option(
        *("--broker", "broker_url"),
        metavar="URL",
        help="mqtt://host[:port], mqtts://... or wss://host/path",
    )(command)


def _keep(ctx: click.Context, option: click.Parameter, file: str | None) -> None:
    ctx.meta.setdefault(_TLS_FLAGS, {})[f"broker.{option.name}"] = file


def load(ctx: click.Context, flags: dict[str, Any] | None = None) -> Config:
    """Load the settings and start the log. `flags`: by "section.name", None where not given.

    Raises InputError for a setting that cannot be understood.
    """
    from resonance_tui import config, logs

    given = {**ctx.meta.get(_TLS_FLAGS, {}), **(flags or {})}
    loaded = config.load(given, file=ctx.obj["file"])
    speak_as_set(loaded.settings.screen.lang, sys.argv[1:], note)
    for name, near in config.unknown_variables():
        say(f"note: nothing reads the variable {name}" + (f"; is it {near}?" if near else "."))
    logs.start(loaded.directories.log_file, verbose=ctx.obj["verbose"], secrets=loaded.secrets)
    return loaded


def terminal_of(config: Config) -> Terminal:
    """What a screen may draw with here. Raises InputError for a setting that is unknown."""
    from resonance_tui.terminal import terminal

    screen = config.settings.screen
    return terminal(
        os.environ,
        colours=screen.colors,
        characters=screen.characters,
        encoding=sys.stdout.encoding,
    )
