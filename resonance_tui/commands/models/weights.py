"""`models pull` and `models import`: weights for the networks."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import StatusLine, put, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import NETWORK
from resonance_tui.errors import ExtraMissing, InputError, ResonanceError
from resonance_tui.extras import install_command
from resonance_tui.secret import describe, may_hold_secret

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_zoo.card_types import Card, NetworkCard, Published
    from resonance_zoo.checkpoints.stored import StoredWeights


@click.command("pull", cls=Command)
@click.argument("name", type=NETWORK)
@click.option("--yes", is_flag=True, help="Agree to the data set's terms without being asked.")
@click.pass_context
def pull(ctx: click.Context, name: str, yes: bool) -> None:
    """Fetch the published weights of network NAME into the data directory.

    Where several are published, NAME.TAG picks one; `models info NAME` lists them.

    \b
    Examples:
      resonance-tui models pull mae_dfer_mmnet_add
      resonance-tui models pull mae_dfer.dfew_fold3
    """
    run_pull(load(ctx), name, agreed=yes)


def run_pull(config: Config, name: str, *, agreed: bool) -> None:
    """Fetch published weights (`name`, or NAME.TAG for one of several) after showing whose terms
    they come under."""
    from resonance_tui.engines.base import weights_folder
    from resonance_zoo.checkpoints import pull as pulling
    from resonance_zoo.checkpoints.stored import intact, stored
    from resonance_zoo.registry import UnknownModel

    if may_hold_secret(name):  # the registry's own complaint would quote what stands before a "."
        raise InputError(f"No network is called {describe(name)}.", UnknownModel(name).hint)
    folder = weights_folder(config.directories.data)
    with translate():
        card, published = pulling.find(name)
        _require("gdown" if "drive" in published.kind else "pooch")
        if kept := pulling.already_here(card, published, folder):
            put(f"Already here since {kept.imported_at[:10]}: {kept.path}")
            return
        before = intact(pulling.stored_name(card, published), folder)
        _agree_to_terms(card, published, agreed)
        pulling.pull(card, published, folder, progress=sys.stderr.isatty())
        kept = stored(pulling.stored_name(card, published), folder)
    assert kept is not None
    _print_kept(kept, before)
    put(f"SHA-256 of what came, now recorded: {kept.source_sha256}")
    if not published.is_start:
        _write_onnx(card, kept)
    _print_next_steps(card, kept, is_start=published.is_start)


@click.command("import", cls=Command)
@click.argument("file", type=FilePath(path_type=Path))
@click.option(
    "--as", "name", type=NETWORK, required=True, metavar="NAME", help="The network it belongs to."
)
@click.option("--classes", metavar="A,B,...", help="Order of the file's classes, if not ours.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Setting it was trained with."
)
@click.pass_context
def import_(ctx: click.Context, file: Path, name: str, **options: Any) -> None:
    """Take a checkpoint FILE (.pth, .pt, .safetensors) that you have into the data directory.

    \b
    Examples:
      resonance-tui models import checkpoint-best.pth --as mae_dfer_mmnet_add
      resonance-tui models import small.pth --as mae_dfer --set depth=4 --set embed_dim=256
    """
    run_import(load(ctx), file, name, **options)


def run_import(
    config: Config,
    file: Path,
    name: str,
    classes: str | None = None,
    settings: tuple[str, ...] = (),
) -> None:
    """Take a checkpoint of one's own.

    `classes` is its class order, comma-separated, where that is not ours; `settings` are
    NAME=VALUE pairs with which the network must be built to hold it.
    """
    import resonance_zoo
    from resonance_tui.commands.models.page import some
    from resonance_tui.engines.base import weights_folder
    from resonance_zoo.checkpoints.stored import intact, stored
    from resonance_zoo.registry import parse_overrides

    folder = weights_folder(config.directories.data)
    with translate():
        card = resonance_zoo.card(name)
        _require()
        from resonance_zoo.weights import import_weights

        order = tuple(each.strip() for each in classes.split(",")) if classes else ()
        overrides = parse_overrides(settings)
        before = intact(name, folder)
        import_weights(file.expanduser(), name, folder, classes=order, **overrides)
        kept = stored(name, folder)
    assert kept is not None
    _print_kept(kept, before)
    if kept.wrapping != "bare":
        put(f"Its weights were read from: {kept.wrapping}")
    if kept.dropped:
        put(f"Left out of it: {some(kept.dropped)}")
    if kept.classes:
        put(f"Its classes were read in this order: {', '.join(kept.classes)}")
    _write_onnx(card, kept)
    _print_next_steps(card, kept, is_start=False)


@contextmanager
def translate() -> Generator[None]:
    """Raise what the file system raises in the data directory as ResonanceError."""
    try:
        yield
    except OSError as error:
        where = error.filename or "The data directory"
        raise ResonanceError(f"{where}: {error.strerror or error}.") from error


def _require(*more: str) -> None:
    """Raises ResonanceError where the zoo's packages, or one of `more`, are not installed."""
    from resonance_tui.engines import catalog

    if missing := catalog.missing_packages(*more):
        text = f"This needs packages that are not here: {', '.join(missing)}."
        raise ExtraMissing(text, f"Install them: {install_command('zoo')}")


def _agree_to_terms(card: NetworkCard, published: Published, agreed: bool) -> None:
    """Say what would be fetched and whose terms hold; go on only with a yes."""
    say(f"{card.name}: {card.summary}")
    say(f"From:  {published.location}")
    say(f"Terms: {published.terms}")
    if published.note:
        say(f"Note:  {published.note}")
    if published.sha256 is None:
        say("Hash:  its authors publish no hash: unverified")
    if agreed:
        return
    if not sys.stdin.isatty():
        raise InputError("Nobody is here to agree to these terms.", "Read them, then give --yes.")
    if not click.confirm("Do you agree to these terms?", default=False, err=True):
        raise ResonanceError("Not agreed, so nothing was fetched.")


def _print_kept(kept: StoredWeights, before: StoredWeights | None) -> None:
    """Where the weights lie, and which others they replaced."""
    put(f"Kept as {kept.path}")
    if before is not None and before.sha256 != kept.sha256:
        when = before.imported_at[:10]
        put(f"Replaced the weights from {before.origin}, imported {when}")


def _write_onnx(card: Card, kept: StoredWeights) -> None:
    """Write the network as ONNX as well, which runs without torch, and say how near int8 comes.

    Weights that cannot be written so are kept all the same.
    """
    from resonance_zoo.card_types import NetworkCard

    if not isinstance(card, NetworkCard) or card.takes in ("features", "pretrain"):
        return
    from resonance_zoo.checkpoints.errors import WeightsError
    from resonance_zoo.portable.export import NotPortable
    from resonance_zoo.portable.files import INT8
    from resonance_zoo.portable.write import write_portable

    screen = StatusLine()
    try:
        made = write_portable(kept, partial(_show, screen))
    except (NotPortable, WeightsError) as error:
        put(f"Not written as ONNX, so it needs torch: {error}")
        return
    finally:
        screen.close()
    put(f"Written as ONNX beside it: {', '.join(made.files)}; these run without torch")
    if int8 := made.files.get(INT8):
        put(
            f"int8 names the same class as float32 for {int8.same_top:.1%} of {int8.clips} clips; "
            f"the largest difference of logits is {int8.max_difference:.3f}"
        )


def _show(screen: StatusLine, doing: str, share: float) -> None:
    """How far the writing is: in place on a terminal, else each step as it begins."""
    if share == 0 and not screen.is_live:
        screen.say(doing)
    else:
        screen.show(f"{doing} {share:.0%}")


def _print_next_steps(card: Card, kept: StoredWeights, *, is_start: bool) -> None:
    """What to do with them, in the app and in Python."""
    from resonance_tui.engines import catalog
    from resonance_zoo.card_types import NetworkCard

    if is_start or not isinstance(card, NetworkCard) or card.takes in ("features", "pretrain"):
        put(f"To start training from it: scripts/train_dfer, with {kept.path}")
    elif refused := catalog.classes_refused(card.name, kept.overrides):
        put(f"Not for `join`: {refused}")
    else:
        put(f"To use it: resonance-tui join CHANNEL --engine {card.name}")
    if not is_start:
        folder = str(kept.path.parent.absolute())
        settings = f'"{card.name}", pretrained=True, weights_folder={json.dumps(folder)}'
        put("In Python: resonance_zoo.register_with_timm(), then")
        put(f"  timm.create_model({settings})")
