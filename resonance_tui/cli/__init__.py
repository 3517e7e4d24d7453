"""The entry of the program: its options, its streams and its exit codes.

Nothing heavy is imported here: `--help` must answer at once. The commands are in `commands/`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from resonance_tui.cli.streams import open_streams
from resonance_tui.cli.usage import in_our_words
from resonance_tui.commands.groups import Group
from resonance_tui.commands.language import lang_option, speak
from resonance_tui.commands.quantities import FilePath
from resonance_tui.errors import INTERRUPTED, LibraryBroken, Problem
from resonance_tui.native import tame
from resonance_tui.secret import masked, may_hold_secret, pieces
from resonance_tui.shutdown import end
from resonance_tui.terminal import wants_colour
from resonance_tui.texts import mark, tr

COMPLETING = "_RESONANCE_TUI_COMPLETE"  # click's, in which a shell says what it wants
EXIT_CODES = mark("Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted.")


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        from resonance_tui import __version__

        click.echo(f"resonance-tui, version {__version__}")
        ctx.exit()


class Program(Group):
    """Alone, in a terminal, it opens the start screen of `join`; elsewhere it needs a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing and sys.stdin.isatty() and sys.stdout.isatty():
            _, words, _ = self.make_parser(ctx).parse_args(list(args))
            args = args if words else [*args, "join"]
        return super().parse_args(ctx, args)


@click.group(
    cls=Program,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--config", "config_file", type=FilePath(path_type=Path), help="Settings file.")
@lang_option
@click.option("--verbose", is_flag=True, help="Write debug lines to the log file.")
@click.option(
    *("--version", "shows_version"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, config_file: Path | None, verbose: bool) -> None:
    """Feel the room while you watch a live stream.

    Your face is read on this machine; only the emotion is sent. Everyone in the channel sees
    everyone's emotion, and the counts.

    \b
    Start here:
      resonance-tui                     choose a room on a start screen
      resonance-tui join cats-live      watch together (starts a local broker if need be)
      resonance-tui doctor              what works on this machine
    """
    ctx.obj = {"file": config_file, "verbose": verbose}
    ctx.color = _color()


def _color() -> bool | None:
    """As click takes it: False for none, None for what the stream is."""
    return None if wants_colour(os.environ) else False


def main() -> None:
    """Run the command line; every way out has its exit code and no traceback a person must read."""
    open_streams()
    speak(sys.argv[1:], lambda words: _complain(words, "", kind=mark("warning")))
    end(run_verb(cli))


def run_verb(command: Callable[..., Any], args: list[str] | None = None) -> int:
    """The exit code of one command line. (Where a reader such as `head` has seen enough, click
    itself ends the program, quietly and with 1.)"""
    tame()
    known = _given_secrets(sys.argv[1:] if args is None else args)
    try:
        result = command(args=args, prog_name="resonance-tui", standalone_mode=False)
        sys.stdout.flush()  # what does not reach its file is noticed here
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as asked:
        return asked.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        message, hint = in_our_words(error)
        pieces = _in_pieces(sys.argv[1:] if args is None else args)
        _complain(message, pieces or hint, known)
        return 2
    except Problem as error:
        _complain(error.message, error.hint, known)
        return error.exit_code
    except BrokenPipeError:  # the reader left before the last words
        _drop_output()
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _drop_output()
            _complain(
                mark("What was to be written has no room: the disk is full."),
                mark("Free some space."),
            )
            return 1
        return _crash(error, known)


def _given_secrets(args: list[str]) -> list[str]:
    """What may be secret in the command line and the environment: no complaint shows it, not
    even one that a library words."""
    words = [part for arg in args for part in (arg, *arg.partition("="))]
    values = [value for name, value in os.environ.items() if name.startswith("RESONANCE_")]
    secret = [text for text in words + values if may_hold_secret(text)]
    found = [piece for text in secret for piece in (*pieces(text), str(Path(text)))]
    names = ("RESONANCE_BROKER_PASSWORD", "RESONANCE_BROKER_KEY_PASSWORD")
    return [*found, *(os.environ.get(name, "") for name in names)]


def _in_pieces(args: list[str]) -> str:
    """What to do where a chat broke a link and the shell made several arguments of it."""
    from resonance_tui.protocol.pasted import holds_link

    is_split = any(holds_link(first) and not then.startswith("-") for first, then in pairwise(args))
    return mark("A link that a chat has broken goes into quotes.") if is_split else ""


def _drop_output() -> None:
    """Else Python flushes once more as it ends, and exits with a code of its own."""
    with contextlib.suppress(OSError):
        sys.stdout.close()
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - until the process ends


def _complain(
    message: str, hint: str, known: Sequence[str] = (), kind: str = mark("error")
) -> None:
    """In the person's language, without the `known` secrets."""
    words = masked(tr(message), known)
    click.secho(f"{tr(kind)}: {words}", fg="red", err=True, color=_color())
    if hint:
        click.echo(f"       {masked(tr(hint), known)}", err=True)


def _crash(error: Exception, known: list[str]) -> int:
    import logging

    log = logging.getLogger(__name__)
    if COMPLETING in os.environ and isinstance(error, KeyError | ValueError):
        _complain(
            mark("What is to be completed is missing."),
            mark("Set it up: resonance-tui completion bash"),
        )
        return 2
    if not logging.getLogger().handlers:  # else Python prints the traceback
        from resonance_tui import config, logs

        logs.start(config.directories().log_file, secrets=known)
    is_ours = (getattr(error, "name", None) or "").startswith("resonance")
    if isinstance(error, ImportError) and not is_ours:
        broken = LibraryBroken(error)
        log.info("a library does not load", exc_info=True)
        _complain(broken.message, broken.hint, known)
        return broken.exit_code
    log.exception("not foreseen")
    _complain(
        mark(
            "This should not have happened: {name}: {error}",
            name=type(error).__name__,
            error=masked(str(error), known),
        ),
        mark("The details are in the log file that `resonance-tui config path` names."),
    )
    return 1
