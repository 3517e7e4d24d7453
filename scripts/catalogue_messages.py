"""The sentences of the app that a translation has: read from its source, without running it.

A sentence is what `tr`, `mark` and `tr_n` are called with, the texts of an `Action`, and of the
commands in VIEWERS_COMMANDS each paragraph of the docstring and the help of each option.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).resolve().parents[1] / "resonance_tui"
CALLS = {"tr": 1, "mark": 1, "tr_n": 2}  # how many of the arguments are sentences
KEPT_LINES = "\b\n"  # before a paragraph of help that is not wrapped
ACTION_TEXTS = slice(2, 6)  # label, title, help, group
PROBLEMS = ("Exception", "Problem", "ResonanceError", "InputError")
# Commands of people who watch; those who run brokers, models and sheets read English.
VIEWERS_COMMANDS = (
    "cli/__init__.py",
    "commands/config.py",
    "commands/doctor.py",
    "commands/engine_flags.py",
    "commands/history/options.py",
    "commands/join.py",
    "commands/replay.py",
    "commands/served.py",
    "commands/settings.py",
)


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence, and where it stands first. `plural`: its form for many, "" for none."""

    id: str
    plural: str
    place: str  # "path/below/the/app.py:line"


def messages(app: Path = APP) -> dict[str, Message]:
    """Every sentence by its id, in the order of the files and of their lines."""
    found: dict[str, Message] = {}
    for path in sorted(app.rglob("*.py")):
        name = path.relative_to(app).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for line, id, plural in sorted(in_tree(tree, has_help=name in VIEWERS_COMMANDS)):
            known = found.get(id)
            if known is None or (plural and not known.plural):
                found[id] = Message(id, plural, f"{name}:{line}")
    return found


def in_tree(tree: ast.AST, *, has_help: bool) -> Iterator[tuple[int, str, str]]:
    """(line, id, plural) of each sentence. `has_help`: the help of its commands are some."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _in_call(node, has_help=has_help)
        if isinstance(node, ast.ClassDef) and (title := _title(node)):
            yield node.lineno, title, ""
        if has_help and isinstance(node, ast.FunctionDef) and _is_command(node):
            help = inspect.cleandoc(ast.get_docstring(node, clean=False) or "")
            for text in filter(None, help.split("\n\n")):
                is_kept = text.startswith(KEPT_LINES)
                kept = text.removeprefix(KEPT_LINES) if is_kept else " ".join(text.split())
                yield node.lineno, kept, ""


def _in_call(node: ast.Call, *, has_help: bool) -> Iterator[tuple[int, str, str]]:
    name = ast.unparse(node.func).rpartition(".")[2]
    if name in CALLS:
        texts = [_text(each) for each in node.args[: CALLS[name]]]
        if texts and all(texts):
            yield node.lineno, texts[0], texts[1] if len(texts) > 1 else ""
    elif name == "Action":
        for text in filter(None, map(_text, node.args[ACTION_TEXTS])):
            yield node.lineno, text, ""
    elif has_help and name in ("option", "Option"):
        for text in (_text(each.value) for each in node.keywords if each.arg == "help"):
            if text:
                yield node.lineno, text, ""


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def _title(node: ast.ClassDef) -> str:
    """What a class of problems is called on the screen that shows one."""
    if not any(ast.unparse(each) in PROBLEMS for each in node.bases):
        return ""
    named = [each for each in node.body if isinstance(each, ast.Assign)]
    found = (_text(each.value) for each in named if ast.unparse(each.targets[0]) == "title")
    return next(found, "")


def _is_command(node: ast.FunctionDef) -> bool:
    names = (ast.unparse(each).partition("(")[0] for each in node.decorator_list)
    return any(name.rpartition(".")[2] in ("command", "group") for name in names)
