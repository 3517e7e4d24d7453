"""Command lines with a hole, "%", one for every argument and every option with a value."""

from __future__ import annotations

from collections.abc import Iterator

import click

from resonance_tui.commands import COMMANDS
from resonance_tui.commands.groups import load_command

HOLE = "%"
LEAVES = {
    row.path: verb
    for row in COMMANDS
    if not isinstance(verb := load_command(row), click.Group) or verb.invoke_without_command
}
SHARED = {"--broker", "--ca", "--cert", "--key"}  # the same code for every command of a group
# What makes a command end soon; of the others the needed arguments are given, as ROOM.
BRIEFLY = {
    "join": "room --headless --camera none --duration 0.1",
    "log": "room --duration 0.1",
    "serve": "room --duration 0.1",
    "obs": "room --duration 0.1",
    "aggregate": "room --duration 0.1",
    "audience": "room --viewers 1 --duration 0.1",
    "models bench": "static_cnn --repeats 1",
    "models import": "weights.pt --as former_dfer",
    "models predict": "photo.png",
    "room key export": "room --out key.json",
    "room cues": "cues.vtt",
    "completion": "bash",
    "config set": "viewer.nickname mia",
}
ROOM = "room"


def lines_beside(known: list[str]) -> list[str]:
    """A line for each argument and option that none of the `known` lines tries."""
    tried = {place for line in known for place in _place(line.split())}
    return [line for place, line in _all_lines() if place not in tried]


def _all_lines() -> Iterator[tuple[tuple[str, str], str]]:
    seen: set[tuple[str, str]] = set()
    for path, verb in LEAVES.items():
        for parameter in verb.params:
            name = _name(parameter)
            shared = (path.split()[0], name)
            if _takes_value(parameter) and not (name in SHARED and shared in seen):
                seen.add(shared)
                yield (path, name), " ".join([*_typed(path), *_words(path, verb, parameter)])


def _words(path: str, verb: click.Command, parameter: click.Parameter) -> list[str]:
    words = BRIEFLY.get(path, "").split() or [ROOM for each in verb.params if each.required]
    if isinstance(parameter, click.Option):
        name = parameter.opts[-1]
        if name in words:
            at = words.index(name)
            del words[at : at + 2]
        return [*words, name, HOLE]
    if parameter.nargs == -1:
        return [ROOM, HOLE]
    place = [each for each in verb.params if isinstance(each, click.Argument)].index(parameter)
    return [*words[:place], HOLE, *words[place + 1 :]]


def _place(words: list[str]) -> Iterator[tuple[str, str]]:
    """The command and the parameter that a line tries."""
    longest_first = sorted(LEAVES, key=lambda path: -len(_typed(path)))
    path = next((path for path in longest_first if _begins(words, path)), None)
    if path is None:
        return
    rest = words[len(_typed(path)) :]
    for at, word in enumerate(rest):
        before = rest[at - 1] if at else ""
        if word == HOLE and before.startswith("-"):
            yield path, before
        elif word == HOLE:
            arguments = [each for each in LEAVES[path].params if isinstance(each, click.Argument)]
            yield path, _name(arguments[min(at, len(arguments) - 1)]) if arguments else ""


def _begins(words: list[str], path: str) -> bool:
    typed = _typed(path)
    return words[: len(typed)] == typed


def _typed(path: str) -> list[str]:
    """As it is typed: `history show` is `history`."""
    return ["history"] if path == "history show" else path.split()


def _name(parameter: click.Parameter) -> str:
    return parameter.opts[-1]


def _takes_value(parameter: click.Parameter) -> bool:
    return not (isinstance(parameter, click.Option) and parameter.is_flag)
