"""What keeps an installation well: doctor, config, completion."""

from __future__ import annotations

import click

from resonance_tui.cli.settings import load


@click.command()
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
    from resonance_tui.commands import doctor as verb

    verb.run(load(ctx, {"camera.source": camera, "engine.name": engine}), as_json=as_json)


@click.group()
def config() -> None:
    """See the settings, where each comes from, and the consent you gave.

    \b
    Examples:
      resonance-tui config show
      resonance-tui config path
      resonance-tui config consent --revoke
    """


@config.command("show")
@click.pass_context
def config_show(ctx: click.Context) -> None:
    """Print every setting with its origin; secrets are masked.

    \b
    Example:
      resonance-tui config show
    """
    from resonance_tui.commands import config as verb

    verb.show(load(ctx))


@config.command("path")
@click.pass_context
def config_path(ctx: click.Context) -> None:
    """Print where settings, data and logs live.

    \b
    Example:
      $EDITOR "$(resonance-tui config path | head -1 | cut -f2)"
    """
    from resonance_tui.commands import config as verb

    verb.path(load(ctx))


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
    from resonance_tui.commands import config as verb

    verb.consent(load(ctx), answer)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Examples:
      eval "$(resonance-tui completion bash)"      in ~/.bashrc
      resonance-tui completion fish > ~/.config/fish/completions/resonance-tui.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(
        kind(ctx.find_root().command, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE").source()
    )
