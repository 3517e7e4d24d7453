"""Click's commands as this program uses them: help from the catalogue, subcommands from the table.

A command is imported when it is run or its own help is asked for; a list of commands only needs
the table.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from copy import copy
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from resonance_tui.commands import COMMANDS, CommandRow
from resonance_tui.commands.help_pages import KEPT_LINES, HelpContext, is_wide
from resonance_tui.errors import InputError
from resonance_tui.secret import describe
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

C = TypeVar("C", bound=click.Command)
Table = Iterable[str] | Callable[[], Iterable[str]]


@contextmanager
def _named(ctx: click.Context) -> Generator[None]:
    """A complaint of the parser's, which knows of no command, says whose it is."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


class Command(click.Command):
    """A command whose docstring and options' help are message ids of the catalogue."""

    context_class = HelpContext

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _named(ctx):
            return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super(Command, translated(self)).format_help(ctx, formatter)


class Option(click.Option):
    """Keeps a help text whose fields are filled in; click itself would make it a plain text."""

    def __init__(self, *args: Any, help: str, **attributes: Any) -> None:
        super().__init__(*args, help=help, **attributes)
        self.help = help


class Group(click.Group):
    """A group whose subcommands are the rows of the table under `path`, in the table's order."""

    context_class = HelpContext

    def __init__(self, *args: Any, path: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._rows = {row.name: row for row in COMMANDS if row.group == path}
        # For those who walk through a program of click's.
        self.commands = {name: click.Command(name) for name in self._rows}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _named(ctx):
            return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = self._rows.get(cmd_name)
        return load_command(row) if row else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = str(args[0])
        if name not in self._rows and not name.startswith("-") and not ctx.resilient_parsing:
            raise _no_such_command(ctx, name, self._rows)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._rows)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super(Group, translated(self)).format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names))
        with formatter.section(tr("Commands")):
            formatter.write_dl([(name, _summary(self._rows[name], width)) for name in names])


def _no_such_command(ctx: click.Context, name: str, known: Iterable[str]) -> InputError:
    """With the nearest one; or, of what is said to the program itself, the room of that name."""
    from resonance_tui.protocol.pasted import holds_link
    from resonance_tui.protocol.topics import is_channel

    said = mark("There is no command {name}.", name=describe(name, 60))
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return InputError(
            said, mark("Is it {command_path} {near}?", command_path=ctx.command_path, near=near[0])
        )
    if ctx.parent is None and is_channel(name):
        return InputError(
            said,
            mark(
                "To enter the room of that name: {command_path} join {name}",
                command_path=ctx.command_path,
                name=name,
            ),
        )
    if ctx.parent is None and (holds_link(name) or "://" in name):
        return InputError(
            said,
            mark(
                "To go where a link leads: {command_path} join LINK", command_path=ctx.command_path
            ),
        )
    return InputError(
        said, mark("`{command_path} --help` lists them.", command_path=ctx.command_path)
    )


class ChannelOrCommand(Group):
    """`GROUP WORD` runs the subcommand WORD, or else the first subcommand with WORD as its
    argument. The first one is not listed: its help is the group's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first, *names = self._rows
        is_completing = ctx.resilient_parsing and not args
        if not is_completing and (not args or args[0] not in (*names, *ctx.help_option_names)):
            args = [first, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return super().list_commands(ctx)[1:]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = super().shell_complete(ctx, incomplete)
        first = self._first()
        found += first.shell_complete(ctx, incomplete)
        if not incomplete.startswith("-"):
            argument = next(
                (each for each in first.params if isinstance(each, click.Argument)), None
            )
            found += argument.shell_complete(ctx, incomplete) if argument else []
        return list({item.value: item for item in found}.values())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        first = translated(self._first())
        first.format_usage(ctx, formatter)
        first.format_help_text(ctx, formatter)
        first.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def _first(self) -> click.Command:
        return load_command(next(iter(self._rows.values())))


class NamedAsGroup(Command):
    """The first command of a `ChannelOrCommand`: help and errors call it by the group's name."""

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


def load_command(row: CommandRow) -> click.Command:
    """Import the command of a row."""
    module, _, attribute = row.target.partition(":")
    return getattr(import_module(f"resonance_tui.commands.{module}"), attribute)


def translated(command: C) -> C:
    """A copy whose help reads in the person's language."""
    shown = copy(command)
    shown.help = "\n\n".join(map(_translated_paragraph, _paragraphs(command.help or "")))
    shown.epilog = tr(command.epilog or "")
    shown.params = [_translated_parameter(each) for each in command.params]
    return shown


def _paragraphs(help: str) -> list[str]:
    return inspect.cleandoc(help).split("\n\n")


def _translated_paragraph(text: str) -> str:
    """Each is a message of its own, without the sign that keeps its lines as they are."""
    sign = KEPT_LINES if text.startswith(KEPT_LINES) else ""
    return sign + tr(text.removeprefix(sign) if sign else " ".join(text.split()))


def _translated_parameter(parameter: click.Parameter) -> click.Parameter:
    shown = copy(parameter)
    if isinstance(shown, click.Option) and shown.help:
        shown.help = tr(shown.help)
    return shown


def _summary(row: CommandRow, width: int) -> str:
    """The summary as click shortens it to `width` columns."""
    summary = tr(row.summary)
    if is_wide(summary):
        from resonance_tui.widths import cut

        return cut(summary, width)
    return click.Command(row.name, help=summary).get_short_help_str(width)


# click 8.1 cannot tell the type that it makes: there ParamType takes no arguments.
class TableChoice(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """One of the names in a table, whose module is imported only when they are needed.

    `table`: what lists the names in that module, or a function that does. `also`: other words for
    some of them.
    """

    name = "choice"

    def __init__(self, module: str, table: str, also: Mapping[str, str] | None = None) -> None:
        self._module, self._table, self._also = module, table, also or {}

    def _choice(self) -> click.Choice[str]:
        table: Table = getattr(import_module(self._module), self._table)
        return click.Choice(list(table() if callable(table) else table))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._choice().convert(self._also.get(value, value), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._choice().get_metavar(param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return self._choice().shell_complete(ctx, param, incomplete)
