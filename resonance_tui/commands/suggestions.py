"""What a shell offers for the names that a person would otherwise have to know: channels that were
recorded or visited here, engines, networks. Any other word is taken, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Known = Callable[[Path | None], Iterable[str]]  # of the settings file that was named


class Suggested(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """Any text, completed from what `known` lists. Completion never complains."""

    name = "text"

    def __init__(self, known: Known) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            names = sorted(set(self._known(ctx.find_root().params.get("config_file"))))
        except Exception:  # a damaged file is said by the command, not between two keys
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _channels(file: Path | None) -> Iterable[str]:
    from contextlib import suppress

    from resonance_tui.config import load
    from resonance_tui.errors import StoreError
    from resonance_tui.history.store import Store
    from resonance_tui.profile import Profile

    loaded = load(file=file)
    memory = Profile(loaded.directories.profile_file).load()
    yield from (*memory.recent_channels, *memory.rooms)
    with suppress(StoreError), Store(loaded.database, read_only=True) as store:
        yield from store.channels()


def _engines(_: Path | None) -> Iterable[str]:
    from resonance_tui.engines import registry

    return (registry.AUTO, *registry.names())


def _networks(_: Path | None) -> Iterable[str]:
    import resonance_zoo

    return resonance_zoo.list_models("*")


def _formats(_: Path | None) -> Iterable[str]:
    from resonance_tui.commands.history.output import FORMATS

    return (name for names in FORMATS.values() for name in names)


CHANNEL, ENGINE, NETWORK = Suggested(_channels), Suggested(_engines), Suggested(_networks)
FORMAT = Suggested(_formats)  # of the history
