"""The table of engines: what `--engine` takes, and where each is built.

A new engine is one module with `create(request: EngineRequest) -> Engine`, and one row in ENGINES.
Networks of the model zoo need no row: each one that reads frames is an engine by its own name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.engines.base import (
    AUTO,
    STATIC,
    Engine,
    EngineOptions,
    EngineRequest,
    has_weights,
)
from resonance_tui.engines.live_confusion import live_confusion
from resonance_tui.errors import EngineUnavailable, InputError, LibraryBroken
from resonance_tui.listeners import Listeners
from resonance_tui.secret import describe
from resonance_tui.texts import mark

if TYPE_CHECKING:  # `--engine` help reads this table, and must not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One row. `module` is imported when the engine is created: most viewers never load torch."""

    module: str  # has `create(request: EngineRequest) -> Engine`
    card: str = ""  # the still network inside, whose published mistakes are the engine's
    packages: tuple[str, ...] = ()  # that have to be installed, by their import names


ENGINES: dict[str, EngineEntry] = {
    AUTO: EngineEntry("resonance_tui.engines.auto", card="static_cnn"),
    STATIC: EngineEntry("resonance_tui.engines.still", card="static_cnn"),
}
_NETWORK = EngineEntry("resonance_tui.engines.zoo")


def names() -> tuple[str, ...]:
    """Everything that `--engine` takes: the rows of the table, then the networks."""
    from resonance_tui.engines.catalog import live_networks

    return (*ENGINES, *live_networks())


def summary() -> str:
    """What `--engine` takes, in a few words; reads the table alone."""
    return mark("{engines}, or a network of `models list`", engines=tuple(ENGINES))


def entry(name: str) -> EngineEntry:
    """The row of an engine. Raises InputError, with the nearest names, where there is none."""
    if name in ENGINES:
        return ENGINES[name]
    from resonance_tui.engines import catalog

    if name in catalog.live_networks():
        return _NETWORK
    raise _no_engine(name)


def resolve(name: str, folder: Path, options: EngineOptions | None = None) -> str:
    """The engine that `name` stands for, looked up without loading any; costs no torch.

    "auto" is "static" unless weights lie in `folder`. Raises InputError for a name that is not in
    the table, and EngineUnavailable where weights or packages are missing.
    """
    found = entry(name)
    if name == AUTO:
        return AUTO if has_weights(folder) else STATIC
    if missing := [package for package in found.packages if find_spec(package) is None]:
        text = mark(
            "The engine {name} needs packages that are not installed: {missing}.",
            name=name,
            missing=", ".join(missing),
        )
        raise EngineUnavailable(text, mark("pip install {missing}", missing=" ".join(missing)))
    if found is _NETWORK:
        from resonance_tui.engines import catalog

        catalog.check_ready(name, folder, options or EngineOptions())
    return name


def create(
    name: str,
    folder: Path | None = None,
    options: EngineOptions | None = None,
    say: Callable[[str], None] = log.info,
    warn: Callable[[str], None] = log.warning,
) -> Engine:
    """Load an engine (blocking; seconds, or tens of them for a large network).

    `folder` holds imported weights; `say` takes what is being done, `warn` which better engine
    "auto" had to do without, and why. Raises InputError for a name that is not in the table, or
    EngineUnavailable saying why it cannot run here.
    """
    found = entry(name)
    request = EngineRequest(
        name, folder, options or EngineOptions(), Listeners(say), Listeners(warn)
    )
    try:
        return import_module(found.module).create(request)
    except (ImportError, OSError, ValueError) as error:
        hint = LibraryBroken(error).hint if isinstance(error, ImportError) else ""
        raise EngineUnavailable(
            mark("The engine {name!r} cannot start: {error}", name=name, error=error), hint
        ) from error


def _no_engine(name: str) -> InputError:
    """Why `name` is no engine: the nearest names, and where all of them are listed."""
    import resonance_zoo
    from resonance_tui.engines.catalog import why_not_live
    from resonance_zoo.registry import did_you_mean

    if user := next((engine for engine, row in ENGINES.items() if row.card == name), None):
        user = STATIC if ENGINES[STATIC].card == name else user
        return InputError(
            mark("{name} is the network inside an engine.", name=name),
            mark("Use --engine {user}.", user=user),
        )
    nearest = did_you_mean(name, names())
    if name in resonance_zoo.list_models():
        hint = nearest or mark("Did you mean {static}?", static=STATIC)
        return InputError(mark("{name} {name2}.", name=name, name2=why_not_live(name)), hint)
    always = " and ".join(ENGINES)
    listed = mark(
        "`resonance-tui models list` names all networks; {always} are always there.", always=always
    )
    return InputError(
        mark("There is no engine called {name}.", name=describe(name)),
        f"{nearest} {listed}".strip(),
    )


def confusion_of(engine: str) -> NDArray[np.float64] | None:
    """Pictures or clips per emotion shown (rows) and read (columns), `[7, 7]`; None where it is
    not published. "auto" stands for the default engine, of which the whole live path counts where
    it was measured with these weights. Reads a file; no torch.

    Raises InputError for a name that is not in the registry.
    """
    import numpy as np

    from resonance_zoo.cards import network_card, still_card

    row = entry(engine)
    if row.card:
        card = still_card(row.card)
        live = live_confusion(card)
        return np.array(card.metrics["shipped"]["confusion"], np.float64) if live is None else live
    known = network_card(engine).confusion if engine not in ENGINES else None
    return np.array(known.table, np.float64) if known else None
