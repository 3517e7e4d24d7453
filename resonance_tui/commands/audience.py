"""`audience`: simulated viewers for demos and load, every one of them marked as simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import put, put_event, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import Number, Span
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import CHANNEL

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.messaging.link_status import LinkStatus
    from resonance_tui.simulation.standing import Standing

_EVENT_EVERY_S, _LINE_EVERY_S = 1.0, 5.0


@click.command("audience", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.option("--viewers", type=click.IntRange(1, 20_000), default=24, show_default=True)
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    metavar="K",
    help="Viewers share K connections (default: one each).",
)
@broker_options
@click.option("--duration", type=Span(0.1), metavar="SPAN", help="Leave after 90, 5m, 2h.")
@click.option(
    "--stay",
    type=Number(min=0.01, max=1e6),
    default=20.0,
    show_default=True,
    metavar="MINUTES",
    help="How long a viewer stays on average before another comes.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same crowd.")
@click.option("--private", "is_private", is_flag=True, help="All report privately.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a second, for scripts.")
@click.pass_context
def audience(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Fill CHANNEL with simulated viewers, marked as simulated on every screen.

    It says what it sent and what the room counts, so that loss shows. When the broker is restarted
    the crowd comes back. A link stands for channel
    and broker; who it would let in is not spent on a crowd. It answers the questions of a
    host whose key this machine, or the link, knows, and reports privately where
    that host rules so.

    \b
    Examples:
      resonance-tui audience cats-live --viewers 24 --duration 60
      resonance-tui audience load-test --viewers 5000 --json
      resonance-tui audience load-test --viewers 20000 --connections 500 --duration 120
    """
    run(load(ctx, {"broker.url": broker_url}), channel, **options)


def own_print(config: Config, channel: str) -> str | None:
    """The fingerprint of the room's key, where this machine has one: its rules are believed."""
    from resonance_tui.commands.own_keys import own_keys
    from resonance_tui.errors import StoreError

    try:
        key = own_keys(config.directories).find(channel)
    except StoreError:
        return None
    return key.print if key is not None else None


def run(
    config: Config,
    channel: str,
    *,
    viewers: int,
    connections: int | None = None,
    duration: float | None = None,
    stay: float = 20.0,
    seed: int = 0,
    is_private: bool = False,
    as_json: bool = False,
) -> None:
    """Fill the room until interrupted or `duration` seconds have passed; say what was sent and
    what the room said. `stay`: minutes. Raises InputError, BrokerRefused, BrokerUnreachable."""
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.commands.headless import link_text
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.session_builder import broker_or_default
    from resonance_tui.simulation.audience import AudiencePlan, run_audience
    from resonance_tui.simulation.simulated_connection import allow_connections

    there = find_destination(config, channel, redeems=False)  # one account is not for a crowd
    count = min(viewers, connections or viewers)
    host_print = there.host_print or own_print(config, there.channel)
    plan = AudiencePlan(
        *(there.channel, viewers, count, seed, 60 * stay, duration),
        host_print=host_print,
        is_private=is_private,
    )
    url = broker_or_default(there.config)
    allow_connections(count)
    over = f" over {count} connections" if count < viewers else ""
    say(f"{viewers} simulated viewers enter {plan.channel} at {url.public}{over}")

    def print_standing(standing: Standing) -> None:
        if as_json:
            put_event(standing.as_event("audience"))
        else:
            put(standing.as_text())

    def print_end(standing: Standing) -> None:
        if as_json:
            put_event(standing.as_event("end"))
        say(standing.as_text())

    def print_link(status: LinkStatus, is_first: bool) -> None:
        """A line for a person; in JSON every object has the state."""
        if not as_json:
            put(link_text(status, is_first=is_first))

    every_s = _EVENT_EVERY_S if as_json else _LINE_EVERY_S
    run_loop(
        config,
        lambda: run_audience(
            plan,
            url,
            every_s=every_s,
            on_standing=print_standing,
            on_end=print_end,
            on_link=print_link,
        ),
    )
