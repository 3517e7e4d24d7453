"""`models`, `models list` and `models info`: which networks there are, and everything about one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import put, put_json, put_lines, terminal_width
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import NETWORK
from resonance_tui.errors import InputError
from resonance_tui.secret import describe

if TYPE_CHECKING:
    from resonance_tui.config import Config


@click.group("models", cls=Group, path="models")
def models() -> None:
    """The networks: what there is, official weights for them, scores of their predictions.

    \b
    Examples:
      resonance-tui models list
      resonance-tui models import checkpoint-best.pth --as mae_dfer_mmnet_add
      resonance-tui join cats-live --engine mae_dfer_mmnet_add
      resonance-tui models score predictions.csv --label label --pred add --versus concat
    """


@click.command("list", cls=Command)
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def list_(ctx: click.Context, pattern: str, as_json: bool) -> None:
    """Name, parameters, GMACs, clip, published results, and whether weights are here.

    \b
    Examples:
      resonance-tui models list
      resonance-tui models list "mae_*" --json
    """
    run_list(load(ctx), pattern, as_json=as_json)


def run_list(config: Config, pattern: str, *, as_json: bool) -> None:
    """Every network whose name matches the shell-style `pattern`. Raises InputError for none."""
    import resonance_zoo
    from resonance_tui.commands.models.table import ModelRow, state, table
    from resonance_tui.engines import registry
    from resonance_tui.engines.base import weights_folder
    from resonance_zoo.registry import UnknownModel

    names = resonance_zoo.list_models(pattern)
    if not names:
        raise InputError(f"No network is called {describe(pattern)}.", UnknownModel(pattern).hint)
    folder = weights_folder(config.directories.data)
    rows = [ModelRow.of(resonance_zoo.card(name), state(name, folder)) for name in names]
    if as_json:
        put_json([row.as_json() for row in rows], indent=2)
    else:
        put_lines(table(rows, terminal_width()))
        put(f"`--engine` also takes: {', '.join(registry.ENGINES)}.")


@click.command("info", cls=Command)
@click.argument("name", type=NETWORK)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def info(ctx: click.Context, name: str, as_json: bool) -> None:
    """Everything the card of network NAME, or of the network in the engine NAME, says.

    \b
    Examples:
      resonance-tui models info mae_dfer_mmnet_add
      resonance-tui models info static
    """
    run_info(load(ctx), name, as_json=as_json)


def run_info(config: Config, name: str, *, as_json: bool) -> None:
    """Everything that the card of `name` says, and what is stored here for it. An engine of ours
    stands for the network inside it."""
    import resonance_zoo
    from resonance_tui.commands.models import page
    from resonance_tui.commands.models.table import state
    from resonance_tui.engines.base import weights_folder
    from resonance_tui.engines.registry import ENGINES
    from resonance_zoo.checkpoints.stored import stored

    name = ENGINES[name].card if name in ENGINES else name
    folder = weights_folder(config.directories.data)
    card, kept = resonance_zoo.card(name), stored(name, folder)
    if as_json:
        put_json(page.as_json(card, kept, state(name, folder)), indent=2)
    else:
        put_lines(page.page(card, kept, terminal_width()))
