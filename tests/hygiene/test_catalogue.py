"""Every language says everything that the app says, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import re
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from catalogue_messages import Message, in_tree, messages
from rich.cells import cell_len

from resonance_tui.catalogues import FOLDER, available, read
from resonance_tui.emotions import STYLES
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.serving.pages import palette_script
from resonance_tui.serving.words import words
from resonance_tui.tui.widgets.roster import MARK_CELLS

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "resonance_tui/serving/overlay"
LANGUAGES = available()


def script() -> ModuleType:
    loader = SourceFileLoader("catalogue", str(ROOT / "scripts/catalogue"))
    made = importlib.util.module_from_spec(importlib.util.spec_from_loader("catalogue", loader))
    loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def said() -> dict[str, Message]:
    return messages()


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_catalogue_is_complete_and_fits(name: str, said: dict[str, Message]) -> None:
    assert script().faults(LANGUAGES[name], said) == []


@pytest.mark.parametrize("name", LANGUAGES)
def test_nothing_in_a_catalogue_is_left_over(name: str) -> None:
    text = LANGUAGES[name].read_text(encoding="utf-8")
    assert "#~" not in text and "fuzzy" not in text


def test_traditional_chinese_has_no_sign_of_the_simplified() -> None:
    text = (FOLDER / "zh_TW.po").read_text(encoding="utf-8")
    simplified = "们这个为来时说对发会过还进没开关东车见长门问间现实体点电声儿乐静网络户软频视"
    assert not [sign for sign in simplified if sign in text]


def test_the_seven_emotions_have_the_words_of_taiwanese_research() -> None:
    catalogue = read(FOLDER / "zh_TW.po")
    labels = [catalogue.gettext(style.word) for style in STYLES.values()]
    assert labels == [*("快樂", "悲傷", "中性", "憤怒", "驚訝", "厭惡", "恐懼", "不在", "不確定")]


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_marks_of_the_roster_have_room(name: str) -> None:
    catalogue = read(LANGUAGES[name])
    words = [catalogue.gettext(word) for word in ("you", "sim", "vid", "key")]
    assert [word for word in words if cell_len(word) >= MARK_CELLS] == []


def test_the_check_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "xx.po"
    path.write_text(
        'msgid "a {b}"\nmsgstr "a"\n\nmsgid "old"\nmsgstr "alt"\n\nmsgid "c"\nmsgstr ""\n',
        encoding="utf-8",
    )
    wanted = {id: Message(id, plural, "x.py:1") for id, plural in (("a {b}", "as {b}"), ("c", ""))}
    assert script().faults(path, wanted) == [
        "lacks 'c' (x.py:1)",
        "has 'old', which nothing says",
        "has another plural of 'a {b}': ''",
        "does not fit 'a {b}': 'a'",
    ]


def test_what_is_extracted_is_what_is_translated() -> None:
    source = '''
import click
tr("one"), mark("two", a=1), tr_n("three", "threes", 3), tr(name), Action("n", ("k",), "l", "t")
class X(Problem):
    title = "four"
@click.command("x")
@click.option("--y", help="five")
def x():
    """Six
    lines.

    \\b
    Seven:
      kept
    """
'''
    found = {(id, plural) for _, id, plural in in_tree(ast.parse(source), has_help=True)}
    alone = {"one", "two", "l", "t", "four", "five", "Six lines.", "Seven:\n  kept"}
    assert found == {*((each, "") for each in alone), ("three", "threes")}


def test_every_text_of_the_overlay_has_its_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = read(FOLDER / "zh_TW.po")
    monkeypatch.setattr("resonance_tui.texts._catalogue", catalogue)
    known = words()
    page = (OVERLAY / "settings.html").read_text(encoding="utf-8").partition("<body>")[2]
    shown = [text.strip() for text in re.findall(r">([^<>]+)<", page) if text.strip()]
    scripts = "".join(path.read_text(encoding="utf-8") for path in OVERLAY.glob("*.js"))
    shown += re.findall(r'\btr\("([^"]+)"', scripts)
    shown += re.findall(r'(?:title|about): "([^"]+)"', scripts)
    assert len(shown) > 25
    shown += [state.value for state in LinkState]  # the settings page names the connection
    assert [text for text in shown if text not in known] == []


def test_the_overlay_draws_labels_and_looks_up_by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '"word": "happiness", "label": "happiness"' in palette_script()
    assert 'LANGUAGE = "en"' in palette_script() and "WORDS = {}" in palette_script()
    monkeypatch.setattr("resonance_tui.texts._catalogue", read(FOLDER / "zh_TW.po"))
    script = palette_script()
    assert '"word": "happiness", "label": "快樂"' in script and 'LANGUAGE = "zh-TW"' in script
    assert '"mood": "平靜"' in script and '"the room laughs": "全場笑了"' in script
