"""The verb `models`: the zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resonance_tui.cli.settings import load


@click.group()
def models() -> None:
    """The networks: what there is, official weights for them, scores of their predictions.

    \b
    Examples:
      resonance-tui models list
      resonance-tui models import checkpoint-best.pth --as mae_dfer_mmnet_add
      resonance-tui join cats-live --engine mae_dfer_mmnet_add
      resonance-tui models score predictions.csv --label label --pred add --versus concat
    """


@models.command("list")
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def models_list(ctx: click.Context, pattern: str, as_json: bool) -> None:
    """Name, parameters, GMACs, clip, published results, and whether weights are here.

    \b
    Examples:
      resonance-tui models list
      resonance-tui models list "mae_*" --json
    """
    from resonance_tui.commands import models as verb

    verb.list_(load(ctx), pattern, as_json=as_json)


@models.command("info")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def models_info(ctx: click.Context, name: str, as_json: bool) -> None:
    """Everything the card of network NAME says.

    \b
    Example:
      resonance-tui models info mae_dfer_mmnet_add
    """
    from resonance_tui.commands import models as verb

    verb.info(load(ctx), name, as_json=as_json)


@models.command("pull")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Agree to the data set's terms without being asked.")
@click.pass_context
def models_pull(ctx: click.Context, name: str, yes: bool) -> None:
    """Fetch the published weights of network NAME into the data directory.

    Where several are published, NAME.TAG picks one; `models info NAME` lists them.

    \b
    Examples:
      resonance-tui models pull mae_dfer_mmnet_add
      resonance-tui models pull mae_dfer.dfew_fold3
    """
    from resonance_tui.commands import models as verb

    verb.pull(load(ctx), name, agreed=yes)


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "name", required=True, metavar="NAME", help="The network it belongs to.")
@click.option("--classes", metavar="A,B,...", help="Order of the file's classes, if not ours.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Setting it was trained with."
)
@click.pass_context
def models_import(ctx: click.Context, file: Path, name: str, **options: Any) -> None:
    """Take a checkpoint FILE (.pth, .pt, .safetensors) that you have into the data directory.

    \b
    Examples:
      resonance-tui models import checkpoint-best.pth --as mae_dfer_mmnet_add
      resonance-tui models import small.pth --as mae_dfer --set depth=4 --set embed_dim=256
    """
    from resonance_tui.commands import models as verb

    verb.import_(load(ctx), file, name, **options)


@models.command("score")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--label", default="label", show_default=True, help="Column of the true classes.")
@click.option("--pred", default="pred", show_default=True, help="Column of the predicted classes.")
@click.option("--versus", metavar="COLUMN", help="Compare with this column: McNemar's test.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
def models_score(file: Path, **options: Any) -> None:
    """Score predictions in a CSV FILE: WAR, UAR, recalls, confusion, 95% intervals.

    Classes are numbers (0 happiness, 1 sadness, 2 neutral, 3 anger, 4 surprise, 5 disgust,
    6 fear) or those words.

    \b
    Examples:
      resonance-tui models score predictions.csv
      resonance-tui models score predictions.csv --pred add --versus concat --json
    """
    from resonance_tui.commands import models_score as verb

    verb.run(file, **options)


@models.command("bench")
@click.argument("names", nargs=-1)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads (default: all cores).")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
def models_bench(names: tuple[str, ...], **options: Any) -> None:
    """Time networks NAMES (default: the fused one) against a plain forward on this machine.

    \b
    Examples:
      resonance-tui models bench
      resonance-tui models bench former_dfer mae_dfer --threads 1
    """
    from resonance_tui.commands import models_bench as verb

    verb.run(names, **options)
