"""`models bench`: what the networks cost on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from resonance_zoo.registry import UnknownModel

from resonance_tui.engines.catalog import INSTALL
from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from resonance_zoo.benchmark import Timing

DEFAULT = ("mae_dfer_mmnet_add",)
COLUMNS = (
    ("network", 24),
    ("how", 22),
    ("ms", 9),
    ("p99", 9),
    ("plain ms", 9),
    ("ratio", 6),
    ("difference", 10),
    ("same top", 8),
)


def run(
    names: tuple[str, ...], *, device: str, repeats: int, threads: int | None, as_json: bool
) -> None:
    """Time `names` and print a line or an object for each. Raises InputError."""
    try:
        from resonance_zoo.benchmark import NotTimable, bench, check_timable, limit_threads
        from resonance_zoo.inference import DeviceError
    except ImportError as error:
        raise InputError(
            f"The networks need packages that are not here: {error}.",
            f"Install them with: {INSTALL}",
        ) from error
    if threads is not None:
        limit_threads(threads)
    names = names or DEFAULT
    timings: list[Timing] = []
    try:
        for name in names:
            check_timable(name)
        for name in names:
            timings += bench(name, device=device, repeats=repeats, clips=8, say=_say)
    except UnknownModel as error:
        raise InputError(error.message, error.hint) from error
    except NotTimable as error:
        raise InputError(f"{error}.", "`resonance-tui models list` has all networks.") from error
    except DeviceError as error:
        raise InputError(f"{error}.", "--device auto takes what there is.") from error
    if as_json:
        click.echo(json.dumps([timing.as_dict() for timing in timings], indent=1))
        return
    click.echo("  ".join(f"{title:>{width}}" for title, width in COLUMNS))
    for timing in timings:
        click.echo(_line(timing))


def _say(text: str) -> None:
    click.secho(text, dim=True, err=True)


def _line(timing: Timing) -> str:
    values = (
        timing.name,
        timing.how,
        f"{timing.ms:.1f}",
        f"{timing.p99_ms:.1f}",
        f"{timing.reference_ms:.1f}",
        f"{timing.ratio:.2f}x",
        f"{timing.max_difference:.1e}",
        f"{timing.same_top:.1%}",
    )
    return "  ".join(f"{v:>{width}}" for v, (_, width) in zip(values, COLUMNS, strict=True))
