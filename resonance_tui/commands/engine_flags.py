"""Which network reads a face, as flags of every command that reads one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from resonance_tui.commands.groups import Option
from resonance_tui.commands.suggestions import ENGINE
from resonance_tui.engines import registry as engines
from resonance_tui.texts import mark

Command = TypeVar("Command", bound=Callable[..., Any])


def engine_flags(command: Command) -> Command:
    """`--engine` and `--device`."""
    command = click.option(
        "--device", metavar="DEVICE", help="For networks: auto, cpu, cuda or mps."
    )(command)
    return click.option(
        "--engine",
        cls=Option,
        type=ENGINE,
        metavar="NAME",
        help=mark(
            "{engines} (default: {default}).", engines=engines.summary(), default=engines.AUTO
        ),
    )(command)
