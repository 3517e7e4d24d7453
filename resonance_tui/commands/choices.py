"""Options whose values are the names of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Table = Iterable[str] | Callable[[], Iterable[str]]


# click 8.1 cannot tell the type that it makes: there ParamType takes no arguments.
class TableChoice(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """One of the names in a table, whose module is imported only when somebody asks for them.

    `table`: what lists the names in that module, or a function that does.
    """

    name = "choice"

    def __init__(self, module: str, table: str) -> None:
        self._module, self._table = module, table

    def _choice(self) -> click.Choice[str]:
        table: Table = getattr(import_module(self._module), self._table)
        return click.Choice(list(table() if callable(table) else table))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self._choice().convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return self._choice().get_metavar(param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return self._choice().shell_complete(ctx, param, incomplete)
