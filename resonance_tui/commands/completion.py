"""`completion`: what a shell needs to complete this program's commands."""

from __future__ import annotations

import click

from resonance_tui.commands.console import put
from resonance_tui.commands.groups import Command


@click.command("completion", cls=Command)
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
    root = ctx.find_root().command
    put(kind(root, {}, "resonance-tui", "_RESONANCE_TUI_COMPLETE").source())
