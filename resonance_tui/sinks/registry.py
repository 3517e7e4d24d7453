"""The table of sinks: one row each, found by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from resonance_tui.sinks.base import SinkPlan
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.sinks.base import Sink


class Entry(NamedTuple):
    """A sink as the command line and the notices know it; its module is loaded when it is used."""

    noun: str  # "The sheet has to wait"; a message id, as is the title
    title: str  # "Bring the rows to this Google sheet, too"
    option: str  # of `log`: its value becomes the target
    metavar: str
    path: str  # "module:class"
    is_readable: bool = False  # `history --source` reads rows back from it

    @property
    def subject(self) -> str:
        """How a sentence about it begins."""
        return tr("The {noun}", noun=tr(self.noun))


# By name: `history --source NAME`, the topic in `doctor`, the section of the settings.
SINKS: dict[str, Entry] = {
    "sheets": Entry(
        mark("sheet"),
        mark("Google sheet"),
        "--sheet",
        "URL",
        "resonance_tui.sinks.sheets.sink:SheetSink",
        is_readable=True,
    ),
}


def readable() -> dict[str, Entry]:
    """The sinks that rows can be read back from."""
    return {name: entry for name, entry in SINKS.items() if entry.is_readable}


def load(name: str) -> type[Sink]:
    """The class of the sink. Raises KeyError for a name that is not in the table."""
    module, _, found = SINKS[name].path.partition(":")
    return getattr(import_module(module), found)


def plans(config: Config, channel: str) -> tuple[SinkPlan, ...]:
    """One for each sink that rows of the channel go to. Raises InputError for a setting that
    names no target."""
    found = ((name, load(name).target(config, channel)) for name in SINKS)
    return tuple(SinkPlan(name, config, target) for name, target in found if target)
