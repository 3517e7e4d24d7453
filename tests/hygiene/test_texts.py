"""Sentences on screens go through the catalogue."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "resonance_tui"
CATALOGUE = {"tr", "tr_n", "mark", "Action"}  # what a catalogue is extracted by
NOT_SHOWN = {
    "Binding",  # the app shows no list of bindings: help and key bar are made from the actions
    "log.error",
    "log.warning",
}
COMMAND = "resonance-tui "  # what a person types is the same in every language
CHARTS = ("chart", "views")  # the others have no words, or are told apart by their errors
PARTS = ("session", "pipeline", "engines", "sinks")  # they tell a person something in passing
RULES = ("room/**/*.py", "history/prompt_file.py", "charting/evening.py", "messaging/pcap.py")
FAULTS = re.compile(r"(InputError|_NoCue)")  # what a screen or a viewer's command shows of them
TELLING = re.compile(r"(.*\.)?_?(say|tell|warn|notice|set_camera_off)")
NAMES = {"id", "classes", "name"}  # keyword arguments that are read by programs
SENTENCE = re.compile(r"[A-Za-z…]\W* \W*[A-Za-z]")

DRAWN = sorted([*APP.glob("tui/**/*.py"), *(APP / "charting" / f"{name}.py" for name in CHARTS)])
RULED = sorted(path for pattern in RULES for path in APP.glob(pattern))
TOLD = sorted(path for name in PARTS for path in APP.glob(f"{name}/**/*.py"))


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
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("CSS"):
        return
    if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if SENTENCE.search(node.value) and not node.value.startswith(COMMAND):
            found.append(node.value)
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, found)


def named(path: Path) -> str:
    return path.relative_to(APP).as_posix()


def notices(source: str, telling: re.Pattern[str] = TELLING) -> list[str]:
    """Sentences that are told to a person as they stand."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and telling.fullmatch(ast.unparse(node.func)):
            for told in node.args:
                _collect(told, found)
    return found


def unmarked(source: str) -> list[str]:
    """Sentences that the catalogue is asked for by a name to which they were given unmarked."""
    tree = ast.parse(source)
    kept = {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = [each for call in calls if ast.unparse(call.func) in CATALOGUE for each in call.args]
    return [kept[each.id] for each in asked if isinstance(each, ast.Name) and each.id in kept]


@pytest.mark.parametrize("path", DRAWN, ids=named)
def test_a_screen_shows_no_sentence_past_the_catalogue(path: Path) -> None:
    assert sentences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", TOLD, ids=named)
def test_no_notice_goes_past_the_catalogue(path: Path) -> None:
    assert notices(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", RULED, ids=named)
def test_no_fault_that_a_viewer_or_a_host_meets_goes_past_the_catalogue(path: Path) -> None:
    assert notices(path.read_text(encoding="utf-8"), FAULTS) == []


def test_no_sentence_is_looked_up_that_nobody_marked() -> None:
    found = {named(path): unmarked(path.read_text("utf-8")) for path in sorted(APP.rglob("*.py"))}
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert unmarked('A = "You came."\nB = mark("You left.")\ntr(A), tr(B)') == ["You came."]


def test_the_check_tells_notices_from_other_sentences() -> None:
    source = 'self._notice("Recording again.")\nraise E("No such file.")\nsay(tr("warming up"))'
    assert notices(source) == ["Recording again."]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Static("Join a room")', ["Join a room"]),
        ('Static(f"{count} viewers here", id="x")', [" viewers here"]),
        ('TITLE = "the room feels"', ["the room feels"]),
        ('Static(tr("Join a room"), classes="card problem")', []),
        ('TITLE = mark("the room feels")', []),
        ('def f():\n    """What it does."""', []),
        ('CSS = "Notice { height: 1; }"', []),
        ('REVOKE = "resonance-tui config consent --revoke"', []),
    ],
)
def test_the_check_tells_sentences_from_names(source: str, found: list[str]) -> None:
    assert sentences(source) == found
