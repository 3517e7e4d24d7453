"""How groups of verbs read, in the order a newcomer meets them; and choices out of a table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class InOrder(click.Group):
    """A group that lists its verbs in the order in which a newcomer meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class ChannelOrVerb(InOrder):
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


class AsGroup(click.Command):
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


class TableChoice(click.ParamType):
    """One of the names in a table, whose module is imported only when somebody asks for them."""

    name = "choice"

    def __init__(self, module: str, table: str) -> None:
        self._module, self._table = module, table

    def _names(self) -> click.Choice[str]:
        return click.Choice(list(getattr(import_module(self._module), self._table)))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._names().convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._names().get_metavar(param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return self._names().shell_complete(ctx, param, incomplete)
