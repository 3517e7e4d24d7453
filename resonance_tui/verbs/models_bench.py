"""`models bench`: what the networks cost on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from model_zoo.benchmark import Timing

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
        import torch

        from model_zoo.benchmark import bench
        from model_zoo.inference import DeviceError
    except ImportError as error:
        raise InputError(
            f"The networks need packages that are not here: {error}.",
            'Install them with: pip install "resonance-tui[zoo]"',
        ) from error
    if threads is not None:
        torch.set_num_threads(threads)
    timings: list[Timing] = []
    if not as_json:
        click.echo("  ".join(f"{title:>{width}}" for title, width in COLUMNS))
    for name in names or DEFAULT:
        try:
            found = bench(_timable(name), device=device, repeats=repeats, clips=8, say=_say)
        except DeviceError as error:
            raise InputError(f"{error}.") from error
        timings += found
        if not as_json:
            click.echo("\n".join(_line(timing) for timing in found))
    if as_json:
        click.echo(json.dumps([timing.as_dict() for timing in timings], indent=1))


def _timable(name: str) -> str:
    """The name of a network that reads clips. Raises InputError with the nearest names."""
    import model_zoo
    from model_zoo.cards import NetworkCard

    if name not in model_zoo.list_models():
        raise InputError(f"{model_zoo.UnknownModel(name)}", "See `resonance-tui models list`.")
    card = model_zoo.card(name)
    if not isinstance(card, NetworkCard) or card.takes not in ("clip", "image"):
        raise InputError(f"{name} reads no clips, so there is nothing to compare it with.")
    return name


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
