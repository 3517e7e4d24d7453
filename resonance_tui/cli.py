"""The verbs of the command line and the exit codes; what each verb does stands in `verbs/`.

Nothing heavy is imported here: `--help` must answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resonance_tui import __version__
from resonance_tui.errors import INTERRUPTED, ResonanceError
from resonance_tui.leaving import end
from resonance_tui.native import tame

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted."


class _Examples(click.Group):
    """A group that lists its verbs in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class _ChannelOrVerb(_Examples):
    """`GROUP WORD` runs the verb WORD, or else the first verb with WORD as its argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first, *verbs = self.commands
        is_completing = ctx.resilient_parsing and not args
        if not is_completing and (not args or args[0] not in (*verbs, *ctx.help_option_names)):
            args = [first, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)[1:]  # the first one is the group's own

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        first = next(iter(self.commands.values()))
        found = super().shell_complete(ctx, incomplete) + first.shell_complete(ctx, incomplete)
        return list({item.value: item for item in found}.values())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        first = next(iter(self.commands.values()))
        first.format_usage(ctx, formatter)
        first.format_help_text(ctx, formatter)
        first.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


class _AsGroup(click.Command):
    """The first verb of a group like that: in help and complaints it has the group's name."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if parent is not None:
            info_name, parent = parent.info_name, parent.parent
        return super().make_context(info_name, args, parent, **extra)


@click.group(
    cls=_Examples,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Settings file.")
@click.option("--verbose", is_flag=True, help="Write debug lines to the log file.")
@click.version_option(__version__, prog_name="resonance-tui")
@click.pass_context
def cli(ctx: click.Context, config_file: Path | None, verbose: bool) -> None:
    """Feel the room while you watch a live stream.

    Your face is read on this machine; only the emotion is sent. Everyone in the channel sees
    everyone's emotion, and the counts.

    \b
    Start here:
      resonance-tui join cats-live      watch together (starts a local broker if need be)
      resonance-tui doctor              what works on this machine
    """
    ctx.obj = {"file": config_file, "verbose": verbose}


@cli.command()
@click.argument("channel", required=False)
@click.option("--name", metavar="NAME", help="Nickname shown to the room (default: anonymous).")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option(
    "--camera",
    metavar="SRC",
    help="Device index, video file, stream URL, demo or none (default: 0).",
)
@click.option("--once", is_flag=True, help="Play a video file once and leave at its end.")
@click.option(
    "--engine", metavar="NAME", help="auto, static, or a network of `models list` (default: auto)."
)
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
    from resonance_tui.verbs import join as verb

    config = _load(
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


@cli.group(cls=_Examples, invoke_without_command=True)
@click.option("--host", default=None, help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: 1883, with TLS 8883).")
@click.option(
    "--channel", "channels", multiple=True, metavar="NAME", help="Announce this room (repeatable)."
)
@click.option("--public", is_flag=True, help="Listen for others, with accounts and TLS.")
@click.option(
    "--invites",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Print N one-time invites for each channel.",
)
@click.option(
    "--expires", default="24h", show_default=True, metavar="SPAN", help="Of invites: 30m, 24h, 7d."
)
@click.option("--guarded", is_flag=True, help="Ask for accounts without --public, too.")
@click.option("--users", type=click.Path(path_type=Path), help="Password file (mosquitto_passwd).")
@click.option("--tls", is_flag=True, help="TLS with a certificate of our own, made on first use.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Private key, PEM.")
@click.option("--insecure", is_flag=True, help="With --public: without accounts and TLS.")
@click.option(
    "--program",
    type=click.Choice(["auto", "mosquitto", "embedded"]),
    default="auto",
    show_default=True,
    help="Which broker to run.",
)
@click.option("--quiet", is_flag=True, help="No status line.")
@click.pass_context
def broker(ctx: click.Context, **options: Any) -> None:
    """Run the broker that a channel meets at (Mosquitto, or a small embedded one).

    \b
    Examples:
      resonance-tui broker --channel cats-live
      resonance-tui broker --public --channel cats-live --invites 5
      resonance-tui broker --public --users users.txt --tls-cert c.pem --tls-key k.pem
    """
    if ctx.invoked_subcommand is None:
        from resonance_tui.verbs import broker as verb

        verb.run(**options, folder=_load(ctx).directories.broker_folder)
    elif any(ctx.get_parameter_source(name) is not ParameterSource.DEFAULT for name in options):
        what = ctx.invoked_subcommand
        raise click.UsageError(f"Options before `{what}` are for starting a broker.", ctx)


@broker.command("invite")
@click.argument("channel")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N")
@click.option(
    "--expires", default="24h", show_default=True, metavar="SPAN", help="30m, 24h, 7d ..."
)
@click.pass_context
def broker_invite(ctx: click.Context, channel: str, **options: Any) -> None:
    """Print a link that lets one person into CHANNEL, once.

    Whoever uses it first gets an account of their own at this machine's broker.

    \b
    Examples:
      resonance-tui broker invite cats-live
      resonance-tui broker invite cats-live --count 20 --expires 2h
    """
    from resonance_tui.verbs import broker_people as verb

    verb.invite(_load(ctx).directories.broker_folder, channel, **options)


@broker.group("users", cls=_Examples)
def broker_users() -> None:
    """The accounts at this machine's broker. A running broker takes changes up by itself.

    \b
    Examples:
      resonance-tui broker users add mia --channel cats-live
      resonance-tui broker users add agg-1 --role aggregator
      resonance-tui broker users list
    """


@broker_users.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "aggregator", "logger", "host"]),
    default="viewer",
    show_default=True,
    help="What they may do.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME",
    help="Only in this room (repeatable; default: every room).",
)
@click.pass_context
def broker_users_add(ctx: click.Context, name: str, **options: Any) -> None:
    """Make an account NAME and print its password, which is shown this once.

    \b
    Example:
      resonance-tui broker users add mia --channel cats-live
    """
    from resonance_tui.verbs import broker_people as verb

    verb.add(_load(ctx).directories.broker_folder, name, **options)


@broker_users.command("remove")
@click.argument("name")
@click.pass_context
def broker_users_remove(ctx: click.Context, name: str) -> None:
    """Take away the account NAME; whoever uses it is cut off.

    \b
    Example:
      resonance-tui broker users remove mia
    """
    from resonance_tui.verbs import broker_people as verb

    verb.remove(_load(ctx).directories.broker_folder, name)


@broker_users.command("list")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def broker_users_list(ctx: click.Context, as_json: bool) -> None:
    """Print the accounts: name, role, rooms.

    \b
    Example:
      resonance-tui broker users list
    """
    from resonance_tui.verbs import broker_people as verb

    verb.list_(_load(ctx).directories.broker_folder, as_json=as_json)


@cli.group(cls=_ChannelOrVerb)
def history() -> None:
    """How channels felt over time."""


@history.command("show", cls=_AsGroup)
@click.argument("channel")
@click.option("--from", "start", metavar="T", help="ISO time, HH:MM, -2h, yesterday.")
@click.option("--to", "end", metavar="T", help="Like --from.")
@click.option("--session", type=click.IntRange(min=1), help="The Nth last session (1 = last).")
@click.option("--sessions", "what", flag_value="sessions", help="List all sessions.")
@click.option("--moments", "what", flag_value="moments", help="Where the room reacted: chapters.")
@click.option("--corrected", is_flag=True, help="With the engine's known mistakes taken out.")
@click.option("--format", metavar="F", help="csv, json, jsonl, svg or png; text of moments.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write to this file; its name says the format."
)
@click.option(
    "--source",
    type=click.Choice(["local", "sheets"]),
    default="local",
    help="Read this machine's database, or the Google sheet.",
)
@click.option("--recorder", metavar="NAME", help="Only rows of this recorder (default: all).")
@click.option(
    "--view",
    type=click.Choice(["emotions", "shares", "viewers", "score"]),
    default="emotions",
    help="Of a picture: what it shows.",
)
@click.option("--groups", is_flag=True, help="Of a picture: four groups, not seven emotions.")
@click.option("--size", metavar="WxH", help="Of a picture: its pixels (default: 1920x1080).")
@click.pass_context
def history_show(ctx: click.Context, **options: Any) -> None:
    """Show how a CHANNEL felt over time: a chart in a terminal, data anywhere else.

    \b
    Examples:
      resonance-tui history cats-live
      resonance-tui history cats-live --from -2h --format csv > evening.csv
      resonance-tui history cats-live --out evening.svg
      resonance-tui history cats-live --moments             chapters for the video
      resonance-tui history cats-live --sessions
      resonance-tui history forget --older-than 90d
      resonance-tui history -- vacuum                       a channel of that name
    """
    from resonance_tui.verbs import history as verb

    options["what"] = options["what"] or "rows"
    verb.run(_load(ctx), verb.Asked(**options))


@history.command("forget")
@click.argument("channel", required=False)
@click.option("--older-than", metavar="AGE", help="Only what is older: 90d, 12h, 30m.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def history_forget(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Delete what was recorded in CHANNEL, or in all channels, and give the space back.

    \b
    Examples:
      resonance-tui history forget cats-live
      resonance-tui history forget --older-than 90d --yes
    """
    from resonance_tui.verbs import history_keep as verb

    verb.run_forget(_load(ctx), channel, **options)


@history.command("vacuum")
@click.pass_context
def history_vacuum(ctx: click.Context) -> None:
    """Make the database as small as what is in it; recording may go on meanwhile.

    \b
    Example:
      resonance-tui history vacuum
    """
    from resonance_tui.verbs import history_keep as verb

    verb.run_vacuum(_load(ctx))


@history.command("sync")
@click.argument("channel", required=False)
@click.pass_context
def history_sync(ctx: click.Context, channel: str | None) -> None:
    """Send what the Google sheet lacks, as `sheets sync` does.

    \b
    Example:
      resonance-tui history sync cats-live
    """
    from resonance_tui.verbs import sheets as verb

    verb.sync(_load(ctx), channel)


@cli.command()
@click.argument("channel")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="S", help="Stop after S s.")
@click.option("--title", metavar="TEXT", help="What to call the recording.")
@click.option("--sheet", metavar="URL", help="Bring the rows to this Google sheet, too.")
@click.pass_context
def log(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Record CHANNEL without joining it: one row a second into the local database.

    \b
    Examples:
      resonance-tui log cats-live --broker mqtt://stream.example
      resonance-tui log cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    from resonance_tui.verbs import log as verb

    verb.run(_load(ctx, {"broker.url": broker_url}), channel, **options)


@cli.group()
def sheets() -> None:
    """The history in a Google sheet: set it up, send what is left, see how it is doing.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
      resonance-tui log cats-live
      resonance-tui sheets sync
    """


@sheets.command("setup")
@click.argument("channel", required=False)
@click.option("--sheet", metavar="URL", help="Take this sheet (default: make one).")
@click.option("--share", multiple=True, metavar="MAIL", help="Who may edit it (repeatable).")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    help="Google's JSON key of a service account, or an OAuth client; it is kept.",
)
@click.option("--keyring", "in_keyring", is_flag=True, help="Keep the key in the system's safe.")
@click.pass_context
def sheets_setup(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Log in at Google, take or make a sheet for CHANNEL (default: for every channel), share it.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json --share mia@example.com
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    from resonance_tui.verbs import sheets_setup as verb

    verb.run(_load(ctx), channel, **options)


@sheets.command("sync")
@click.argument("channel", required=False)
@click.option(
    "--writes",
    "writes_a_minute",
    type=click.FloatRange(1, 60),
    metavar="N",
    help="At most N writes a minute (default: the setting, 6; Google allows 60).",
)
@click.option("--again", is_flag=True, help="All of CHANNEL into new tabs: the sheet was lost.")
@click.pass_context
def sheets_sync(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Send what the sheet lacks of CHANNEL, or of all channels; it may be stopped at any time.

    \b
    Examples:
      resonance-tui sheets sync
      resonance-tui sheets sync cats-live --writes 50
    """
    from resonance_tui.verbs import sheets as verb

    verb.sync(_load(ctx), channel, **options)


@sheets.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def sheets_status(ctx: click.Context, as_json: bool) -> None:
    """What is sent and what is left, what went wrong last, calls of the last twelve hours.

    \b
    Example:
      resonance-tui sheets status
    """
    from resonance_tui.verbs import sheets as verb

    verb.status(_load(ctx), as_json=as_json)


@cli.command()
@click.argument("channel")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option(
    "--edge", default="", metavar="NAME", help="The broker's name, in a room on several brokers."
)
@click.option("--announce", is_flag=True, help="Be the room's host, too (an account of that role).")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="S", help="Stop after S s.")
@click.pass_context
def aggregate(
    ctx: click.Context,
    channel: str,
    broker_url: str | None,
    edge: str,
    announce: bool,
    duration: float | None,
) -> None:
    """Count CHANNEL for its viewers, so that a large room costs each of them next to nothing.

    `broker --channel` does this by itself. More of them share the work, and any may fail. Where
    the broker asks for names, use an account that begins with agg-.

    \b
    Examples:
      resonance-tui aggregate cats-live
      resonance-tui aggregate cats-live --broker mqtts://agg-1@stream.example
      resonance-tui aggregate cats-live --edge berlin --broker mqtt://berlin.example
    """
    from resonance_tui.verbs import aggregate as verb

    verb.run(
        _load(ctx, {"broker.url": broker_url}),
        channel,
        edge=edge,
        announce=announce,
        duration=duration,
    )


@cli.command()
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
    from resonance_tui.verbs import audience as verb

    verb.run(_load(ctx, {"broker.url": broker_url}), channel, **options)


@cli.command()
@click.option("--camera", metavar="SRC", help="The source to try (default: the configured one).")
@click.option("--engine", metavar="NAME", help="The engine to time (default: the configured one).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def doctor(ctx: click.Context, camera: str | None, engine: str | None, as_json: bool) -> None:
    """Try everything the app needs on this machine and say what to do about the rest.

    \b
    Example:
      resonance-tui doctor --camera demo
    """
    from resonance_tui.verbs import doctor as verb

    verb.run(_load(ctx, {"camera.source": camera, "engine.name": engine}), as_json=as_json)


@cli.group()
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
    from resonance_tui.verbs import models as verb

    verb.list_(_load(ctx), pattern, as_json=as_json)


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
    from resonance_tui.verbs import models as verb

    verb.info(_load(ctx), name, as_json=as_json)


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
    from resonance_tui.verbs import models as verb

    verb.pull(_load(ctx), name, agreed=yes)


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
    from resonance_tui.verbs import models as verb

    verb.import_(_load(ctx), file, name, **options)


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
    from resonance_tui.verbs import models_score as verb

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
    from resonance_tui.verbs import models_bench as verb

    verb.run(names, **options)


@cli.group()
def config() -> None:
    """See the settings, where each comes from, and the consent you gave."""


@config.command("show")
@click.pass_context
def config_show(ctx: click.Context) -> None:
    """Print every setting with its origin; secrets are masked.

    \b
    Example:
      resonance-tui config show
    """
    from resonance_tui.verbs import config as verb

    verb.show(_load(ctx))


@config.command("path")
@click.pass_context
def config_path(ctx: click.Context) -> None:
    """Print where settings, data and logs live.

    \b
    Example:
      $EDITOR "$(resonance-tui config path | head -1 | cut -f2)"
    """
    from resonance_tui.verbs import config as verb

    verb.path(_load(ctx))


@config.command("consent")
@click.option("--give", "answer", flag_value="give", help="Agree without the screen.")
@click.option("--revoke", "answer", flag_value="revoke", help="Take it back; you are asked again.")
@click.pass_context
def config_consent(ctx: click.Context, answer: str | None) -> None:
    """Show, give or take back the consent to read your face on this machine.

    \b
    Example:
      resonance-tui config consent --revoke
    """
    from resonance_tui.verbs import config as verb

    verb.consent(_load(ctx), answer)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      eval "$(resonance-tui completion bash)"      in ~/.bashrc
      resonance-tui completion fish > ~/.config/fish/completions/resonance-tui.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE").source())


def _load(ctx: click.Context, flags: dict[str, Any] | None = None) -> Any:
    from resonance_tui import config as settings
    from resonance_tui import logs

    loaded = settings.load(flags, file=ctx.obj["file"])
    logs.start(loaded.directories.log_file, verbose=ctx.obj["verbose"])
    return loaded


def main() -> None:
    """Run the command line; every way out has its exit code and no traceback a person must read."""
    end(run_verb(cli))


def run_verb(command: Callable[..., Any], args: list[str] | None = None) -> int:
    """The exit code of one command line. (Where a reader such as `head` has seen enough, click
    itself ends the program, quietly and with 1.)"""
    tame()
    try:
        result = command(args=args, prog_name="resonance-tui", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as asked:
        return asked.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return 2
    except ResonanceError as error:
        _complain(error.message, error.hint)
        return error.exit_code
    except Exception as error:
        return _crash(error)


def _complain(message: str, hint: str) -> None:
    click.secho(f"error: {message}", fg="red", err=True)
    if hint:
        click.echo(f"       {hint}", err=True)


def _crash(error: Exception) -> int:
    import logging

    logging.getLogger(__name__).exception("not foreseen")
    _complain(
        f"This should not have happened: {type(error).__name__}: {error}",
        "The details are in the log file that `resonance-tui config path` names.",
    )
    return 1
