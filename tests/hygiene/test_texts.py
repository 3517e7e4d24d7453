"""Sentences on screens go through the catalogue."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TUI = Path(__file__).parents[2] / "resonance_tui" / "tui"
CATALOGUE = {"tr", "tr_n", "mark", "Action"}  # what a catalogue is extracted by
NOT_SHOWN = {
    "Binding",  # the app shows no list of bindings: help and key bar are made from the actions
    "log.error",
    "log.warning",
}
COMMAND = "resonance-tui "  # what a person types is the same in every language
NAMES = {"id", "classes", "name"}  # keyword arguments that are read by programs
SENTENCE = re.compile(r"[A-Za-z…]\W* \W*[A-Za-z]")
# Still to be done: two sentences with a name in them, the history screen, and the charts.
LEFT = ("actions.py", "history*.py", "chart*.py", "timeline.py")

FILES = [
    path
    for path in sorted([*TUI.glob("*.py"), *TUI.glob("screens/*.py"), *TUI.glob("widgets/*.py")])
    if not any(path.match(pattern) for pattern in LEFT)
]


def sentences(source: str) -> list[str]:
    """String literals that read like a sentence and are handed to no catalogue function."""
    found: list[str] = []
    _collect(ast.parse(source), found)
    return found


def _collect(node: ast.AST, found: list[str]) -> None:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in CATALOGUE | NOT_SHOWN:
        return
    if isinstance(node, ast.keyword) and node.arg in NAMES:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if SENTENCE.search(node.value) and not node.value.startswith(COMMAND):
            found.append(node.value)
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TUI).as_posix())
def test_a_screen_shows_no_sentence_past_the_catalogue(path: Path) -> None:
    assert sentences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Static("Join a room")', ["Join a room"]),
        ('Static(f"{count} viewers here", id="x")', [" viewers here"]),
        ('TITLE = "the room feels"', ["the room feels"]),
        ('Static(tr("Join a room"), classes="card problem")', []),
        ('TITLE = mark("the room feels")', []),
        ('def f():\n    """What it does."""', []),
        ('REVOKE = "resonance-tui config consent --revoke"', []),
    ],
)
def test_the_check_tells_sentences_from_names(source: str, found: list[str]) -> None:
    assert sentences(source) == found
