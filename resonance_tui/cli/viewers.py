"""What viewers type: join; and the crowd that is simulated for tests and demos."""

from __future__ import annotations

from typing import Any

import click

from resonance_tui.cli.settings import load
from resonance_tui.engines import registry as engines


@click.command()
@click.argument("channel", required=False)
@click.option("--name", metavar="NAME", help="Nickname shown to the room (default: anonymous).")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option(
    "--camera",
    metavar="SRC",
    help="Device index, video file, stream URL, demo or none (default: 0).",
)
@click.option("--once", is_flag=True, help="Play a video file once and leave at its end.")
@click.option("--engine", metavar="NAME", help=f"{engines.summary()} (default: {engines.AUTO}).")
@click.option("--device", metavar="DEVICE", help="For networks: auto, cpu, cuda or mps.")
@click.option("--allow-untrained", is_flag=True, help="Run a network that has no weights here.")
@click.option("--record", is_flag=True, help="Keep the room's history in the local database.")
@click.option("--title", metavar="TEXT", help="Record, under this title.")
@click.option(
    "--corrected", is_flag=True, help="Show counts with the engine's known mistakes taken out."
)
@click.option("--headless", is_flag=True, help="No screen: for scripts, logs and tests.")
@click.option("--json", "as_json", is_flag=True, help="With --headless: one JSON object a line.")
@click.option(
    "--duration", type=click.FloatRange(min=0.1), metavar="S", help="Leave after S seconds."
)
@click.pass_context
def join(ctx: click.Context, channel: str | None, **options: Any) -> int:
    """Join CHANNEL (or an invite) and share your emotion; without it, choose on a start screen.

    \b
    Examples:
      resonance-tui join cats-live
      resonance-tui join cats-live --name Mia --broker mqtt://stream.example
      resonance-tui join resonance://stream.example:1883/cats-live
      resonance-tui join test --camera demo
      resonance-tui join test --camera film.mp4 --once --headless --json
      resonance-tui join test --engine former_dfer
    """
    from resonance_tui.commands import join as verb

    config = load(
        ctx,
        {
            "viewer.nickname": options.pop("name"),
            "broker.url": options.pop("broker_url"),
            "camera.source": options.pop("camera"),
            "engine.name": options.pop("engine"),
            "engine.device": options.pop("device"),
        },
    )
    return verb.run(config, channel, **options)


@click.command()
@click.argument("channel")
@click.option("--viewers", type=click.IntRange(1, 20_000), default=24, show_default=True)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    metavar="K",
    help="Viewers share K connections (default: one each).",
)
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="S", help="Leave after S s.")
@click.option(
    "--stay",
    type=click.FloatRange(min=0.01),
    default=20.0,
    show_default=True,
    metavar="MINUTES",
    help="How long a viewer stays on average before another comes.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same crowd.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a second, for scripts.")
@click.pass_context
def audience(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Fill CHANNEL with simulated viewers, marked as simulated on every screen.

    It says what it sent and what the room counts, so that loss shows.

    \b
    Examples:
      resonance-tui audience cats-live --viewers 24 --duration 60
      resonance-tui audience load-test --viewers 5000 --json
      resonance-tui audience load-test --viewers 20000 --connections 500 --duration 120
    """
    from resonance_tui.commands import audience as verb

    verb.run(load(ctx, {"broker.url": broker_url}), channel, **options)
