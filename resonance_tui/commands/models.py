"""`models list`, `info`, `pull` and `import`: the networks, and weights for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import resonance_zoo
from resonance_zoo.card_types import Card, CardError, NetworkCard, Published
from resonance_zoo.checkpoints import pull as pulling
from resonance_zoo.checkpoints.errors import NothingPublished, PullError, WeightsError
from resonance_zoo.checkpoints.stored import StoredWeights, intact, stored
from resonance_zoo.registry import UnknownModel, parse_overrides

from resonance_tui.commands import models_page as pages
from resonance_tui.commands import models_table as tables
from resonance_tui.config import Config
from resonance_tui.engines import catalog, registry
from resonance_tui.engines.base import weights_folder
from resonance_tui.errors import InputError, ResonanceError
from resonance_tui.secret import describe, may_hold_secret


def list_(config: Config, pattern: str, *, as_json: bool) -> None:
    """Every network whose name matches the shell-style `pattern`. Raises InputError for none."""
    names = resonance_zoo.list_models(pattern)
    if not names:
        raise InputError(f"No network is called {describe(pattern)}.", UnknownModel(pattern).hint)
    folder = weights_folder(config.directories.data)
    rows = [
        tables.ModelRow.of(resonance_zoo.card(name), tables.state(name, folder)) for name in names
    ]
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
        return
    for line in tables.table(rows, tables.terminal_width()):
        click.echo(line)
    click.echo(f"`--engine` also takes: {', '.join(registry.ENGINES)}.")


def info(config: Config, name: str, *, as_json: bool) -> None:
    """Everything that the card of `name` says, and what is stored here for it."""
    folder = weights_folder(config.directories.data)
    with _in_words():
        card, kept = resonance_zoo.card(name), stored(name, folder)
    if as_json:
        click.echo(json.dumps(pages.as_json(card, kept, tables.state(name, folder)), indent=2))
        return
    for line in pages.page(card, kept, tables.terminal_width()):
        click.echo(line)


def pull(config: Config, name: str, *, agreed: bool) -> None:
    """Fetch published weights (`name`, or NAME.TAG for one of several) after showing whose terms
    they come under."""
    if may_hold_secret(name):  # the registry's own complaint would quote what stands before a "."
        raise InputError(f"No network is called {describe(name)}.", UnknownModel(name).hint)
    folder = weights_folder(config.directories.data)
    with _in_words():
        card, published = pulling.find(name)
        _need("gdown" if "drive" in published.kind else "pooch")
        if kept := pulling.already_here(card, published, folder):
            click.echo(f"Already here since {kept.imported_at[:10]}: {kept.path}")
            return
        before = intact(pulling.stored_name(card, published), folder)
        _ask(card, published, agreed)
        pulling.pull(card, published, folder, progress=sys.stderr.isatty())
        kept = stored(pulling.stored_name(card, published), folder)
    assert kept is not None
    _tell(kept, before)
    click.echo(f"SHA-256 of what came, now recorded: {kept.source_sha256}")
    _tell_next(card, kept, is_start=published.is_start)


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
        card = resonance_zoo.card(name)
        _need()
        from resonance_zoo.weights import import_weights

        order = tuple(each.strip() for each in classes.split(",")) if classes else ()
        overrides = parse_overrides(settings)
        before = intact(name, folder)
        import_weights(file.expanduser(), name, folder, classes=order, **overrides)
        kept = stored(name, folder)
    assert kept is not None
    _tell(kept, before)
    if kept.dropped:
        click.echo(f"Left out of it: {pages.some(kept.dropped)}")
    if kept.classes:
        click.echo(f"Its classes were read in this order: {', '.join(kept.classes)}")
    _tell_next(card, kept, is_start=False)


def _need(*more: str) -> None:
    if missing := catalog.missing_packages(*more):
        text = f"This needs packages that are not here: {', '.join(missing)}."
        raise ResonanceError(text, catalog.INSTALL)


def _ask(card: NetworkCard, published: Published, agreed: bool) -> None:
    """Say what would be fetched and whose terms hold; go on only with a yes."""
    click.echo(f"{card.name}: {card.summary}", err=True)
    click.echo(f"From:  {published.location}", err=True)
    click.echo(f"Terms: {published.terms}", err=True)
    if published.note:
        click.echo(f"Note:  {published.note}", err=True)
    if published.sha256 is None:
        click.echo("Hash:  its authors publish no hash: unverified", err=True)
    if agreed:
        return
    if not sys.stdin.isatty():
        raise InputError("Nobody is here to agree to these terms.", "Read them, then give --yes.")
    if not click.confirm("Do you agree to these terms?", default=False, err=True):
        raise ResonanceError("Not agreed, so nothing was fetched.")


def _tell(kept: StoredWeights, before: StoredWeights | None) -> None:
    """Where the weights lie, and which others they replaced."""
    click.echo(f"Kept as {kept.path}")
    if before is not None and before.sha256 != kept.sha256:
        when = before.imported_at[:10]
        click.echo(f"Replaced the weights from {before.origin}, imported {when}")


def _tell_next(card: Card, kept: StoredWeights, *, is_start: bool) -> None:
    """What to do with them, in the app and in Python."""
    if is_start or not isinstance(card, NetworkCard) or card.takes in ("features", "pretrain"):
        click.echo(f"To start training from it: scripts/train_dfer, with {kept.path}")
    elif refused := catalog.classes_refused(card.name, kept.overrides):
        click.echo(f"Not for `join`: {refused}")
    else:
        click.echo(f"To use it: resonance-tui join CHANNEL --engine {card.name}")
    if not is_start:
        folder = str(kept.path.parent.absolute())
        settings = f'"{card.name}", pretrained=True, weights_folder={json.dumps(folder)}'
        click.echo("In Python: resonance_zoo.register_with_timm(), then")
        click.echo(f"  timm.create_model({settings})")


@contextmanager
def _in_words() -> Iterator[None]:
    """The zoo's errors as the app's."""
    try:
        yield
    except UnknownModel as error:
        raise InputError(error.message, error.hint) from error
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
