"""`models bench`: what the networks cost on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import put, put_json, say_progress
from resonance_tui.commands.groups import Command
from resonance_tui.commands.suggestions import NETWORK
from resonance_tui.extras import require

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


@click.command("bench", cls=Command)
@click.argument("names", type=NETWORK, nargs=-1)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("--repeats", type=click.IntRange(1, 100_000), default=10, show_default=True)
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads (default: all cores).")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
def bench(names: tuple[str, ...], **options: Any) -> None:
    """Time networks NAMES (default: the fused one) against a plain forward on this machine.

    \b
    Examples:
      resonance-tui models bench
      resonance-tui models bench former_dfer mae_dfer --threads 1
    """
    run(names, **options)


def run(
    names: tuple[str, ...], *, device: str, repeats: int, threads: int | None, as_json: bool
) -> None:
    """Time `names` and print a line or an object for each. Raises ExtraMissing, NotTimable,
    DeviceError and UnknownModel."""
    require("zoo", "Timing the networks")
    from resonance_zoo.benchmark import bench, check_timable, limit_threads

    if threads is not None:
        limit_threads(threads)
    names = names or DEFAULT
    timings: list[Timing] = []
    for name in names:
        check_timable(name)
    for name in names:
        timings += bench(name, device=device, repeats=repeats, clips=8, say=say_progress)
    if as_json:
        put_json([timing.as_dict() for timing in timings], indent=1)
        return
    put("  ".join(f"{title:>{width}}" for title, width in COLUMNS))
    for timing in timings:
        put(_line(timing))


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
