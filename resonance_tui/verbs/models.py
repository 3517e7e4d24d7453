"""`models list`, `info`, `pull` and `import`: the networks, and weights for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

import model_zoo
from model_zoo.cards import CardError, NetworkCard, Published
from model_zoo.checkpoints import pull as pulling
from model_zoo.checkpoints.errors import NothingPublished, PullError, WeightsError
from model_zoo.checkpoints.stored import stored
from model_zoo.registry import UnknownModel, parse_overrides
from resonance_tui.config import Config
from resonance_tui.engines.base import weights_folder
from resonance_tui.errors import InputError, ResonanceError
from resonance_tui.verbs import models_page as pages
from resonance_tui.verbs import models_table as tables

INSTALL = 'pip install "resonance-tui[zoo]"'
NEEDED = ("torch", "timm", "safetensors")


def list_(config: Config, pattern: str, *, as_json: bool) -> None:
    """Every network whose name matches the shell-style `pattern`. Raises InputError for none."""
    names = model_zoo.list_models(pattern)
    if not names:
        raise InputError(f"No network is called {pattern!r}.", _names(pattern))
    folder = weights_folder(config.directories.data)
    rows = [tables.Row.of(model_zoo.card(name), tables.state(name, folder)) for name in names]
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    for line in tables.table(rows, tables.terminal_width()):
        click.echo(line)


def info(config: Config, name: str, *, as_json: bool) -> None:
    """Everything that the card of `name` says, and what is stored here for it."""
    folder = weights_folder(config.directories.data)
    with _in_words():
        _check(name)
        card, kept = model_zoo.card(name), stored(name, folder)
    if as_json:
        click.echo(json.dumps(pages.as_json(card, kept, tables.state(name, folder)), indent=2))
        return
    for line in pages.page(card, kept, tables.terminal_width()):
        click.echo(line)


def pull(config: Config, name: str, *, agreed: bool) -> None:
    """Fetch published weights (`name`, or NAME.TAG for one of several) after showing whose terms
    they come under."""
    folder = weights_folder(config.directories.data)
    with _in_words():
        card, published = pulling.find(name)
        _need((*NEEDED, "gdown" if "drive" in published.kind else "pooch"))
        if kept := pulling.already_here(card, published, folder):
            click.echo(f"Already here since {kept.imported_at[:10]}: {kept.path}")
            return
        _ask(card, published, agreed)
        path = pulling.pull(card, published, folder, progress=sys.stderr.isatty())
    click.echo(f"Kept as {path}")
    click.echo(_next_step(card, is_start=published.is_start, path=path))


def import_(
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
    folder = weights_folder(config.directories.data)
    with _in_words():
        _check(name)
        _need(NEEDED)
        from model_zoo.weights import import_weights

        order = tuple(each.strip() for each in classes.split(",")) if classes else ()
        overrides = parse_overrides(settings)
        path = import_weights(file.expanduser(), name, folder, classes=order, **overrides)
        kept = stored(name, folder)
        card = model_zoo.card(name)
    assert kept is not None
    click.echo(f"Kept as {path}")
    if kept.dropped:
        click.echo(f"Left out of it: {pages.some(kept.dropped)}")
    if kept.classes:
        click.echo(f"Its classes were read in this order: {', '.join(kept.classes)}")
    click.echo(_next_step(card, is_start=False, path=path))


def _check(name: str) -> None:
    if name not in model_zoo.list_models():
        raise UnknownModel(name)


def _names(wanted: str) -> str:
    near = UnknownModel(wanted).nearest
    return f"Did you mean {' or '.join(near)}?" if near else "`resonance-tui models list` has all."


def _need(packages: tuple[str, ...]) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ResonanceError(
            f"This needs packages that are not here: {', '.join(missing)}.", INSTALL
        )


def _ask(card: NetworkCard, published: Published, agreed: bool) -> None:
    """Say what would be fetched and whose terms hold; go on only with a yes."""
    click.echo(f"{card.name}: {card.summary}", err=True)
    click.echo(f"From:  {published.location}", err=True)
    click.echo(f"Terms: {published.terms}", err=True)
    if published.note:
        click.echo(f"Note:  {published.note}", err=True)
    if agreed:
        return
    if not sys.stdin.isatty():
        raise InputError("Nobody is here to agree to these terms.", "Read them, then give --yes.")
    if not click.confirm("Do you agree to these terms?", default=False, err=True):
        raise ResonanceError("Not agreed, so nothing was fetched.")


def _next_step(card: object, *, is_start: bool, path: Path) -> str:
    if not isinstance(card, NetworkCard) or card.takes in ("features", "pretrain") or is_start:
        return f"To start training from it: scripts/train_dfer, with {path}"
    return f"To use it: resonance-tui join CHANNEL --engine {card.name}"


@contextmanager
def _in_words() -> Iterator[None]:
    """The zoo's errors as the app's."""
    try:
        yield
    except UnknownModel as error:
        raise InputError(f"There is no network {error.name!r}.", _names(error.name)) from error
    except NothingPublished as error:
        raise InputError(error.message, error.hint) from error
    except PullError as error:
        raise ResonanceError(error.message, error.hint) from error
    except WeightsError as error:
        raise InputError(error.message, error.hint) from error
    except CardError as error:
        raise InputError(f"{error}.") from error
    except (ValueError, TypeError) as error:  # settings that the network cannot be built with
        raise InputError(f"{error}.") from error
    except OSError as error:
        where = error.filename or "The data directory"
        raise ResonanceError(f"{where}: {error.strerror or error}.") from error
