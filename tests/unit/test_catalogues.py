"""A catalogue of translations: what is taken from its file, and what cannot do any harm."""

from __future__ import annotations

import json
import pickle
import sys
import threading
import time
from gettext import NullTranslations
from pathlib import Path

import pytest
from children import run_child
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import from_samples

from resonance_tui import catalogues, texts
from resonance_tui.catalogues import (
    FOLDER,
    Catalogue,
    CatalogueBroken,
    available,
    fits,
    nearest,
    read,
)
from resonance_tui.charting import image
from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.commands import language
from resonance_tui.errors import InputError
from resonance_tui.history.recording import Recorded
from resonance_tui.history.samples import Sample
from resonance_tui.texts import joined, mark, tr, tr_n
from resonance_tui.widths import cells

HEAD = 'msgid ""\nmsgstr ""\n"Language: xx\\n"\n"Plural-Forms: nplurals=2; plural=n > 1;\\n"\n\n'
ENTRIES = {
    "retry in {seconds} s": "noch {seconds} s",
    'say "hi"': 'sag \\"hallo\\"',
    "two\nlines": "zwei\\nZeilen",
    "{count} viewers": "{nobody} Leute",
    "with {name}": "mit {name!r}",
    "for {name}": "für {name:>999999999}",
    "of {name}": "von {name.__class__}",
    "at {place}": "bei",
    "now {broken}": "jetzt {",
    "a [sign]": "ein Zeichen",
    "plain": "\x1b[2Jschlicht",
    "short": "kurz" * 1000,
}
# The English sentences as they are shown with `name`, ... filled in.
FIELDS = {"seconds": 3, "name": "Mia", "place": "home", "broken": 1, "count": 2}


def po(entries: dict[str, str], more: str = "") -> str:
    escaped = {
        id.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"): text
        for id, text in entries.items()
    }
    body = [f'msgid "{id}"\nmsgstr "{text}"\n\n' for id, text in escaped.items()]
    return HEAD + "".join(body) + more


@pytest.fixture
def speak():
    """Translate with the text of a file until the test ends."""
    before = texts.use(NullTranslations())
    yield lambda text: texts.use(Catalogue(text))
    texts.use(before)


def test_what_fits_is_translated_and_what_does_not_is_english(speak) -> None:
    speak(po(ENTRIES))
    said = {id: tr(id, **FIELDS) for id in ENTRIES if "{" in id}
    assert said["retry in {seconds} s"] == "noch 3 s"
    assert said["{count} viewers"] == "2 viewers"
    assert [said["with {name}"], said["for {name}"], said["of {name}"]] == [
        *("with Mia", "for Mia", "of Mia")
    ]
    assert (said["at {place}"], said["now {broken}"]) == ("at home", "now 1")
    assert (tr('say "hi"'), tr("two\nlines")) == ('sag "hallo"', "zwei\nZeilen")
    assert [tr(each) for each in ("a [sign]", "plain", "short")] == ["a [sign]", "plain", "short"]


def test_a_plural_takes_the_form_of_the_files_rule(speak) -> None:
    forms = 'msgid "{count} day"\nmsgid_plural "{count} days"\n'
    forms += 'msgstr[0] "{count} jour"\nmsgstr[1] "{count} jours"\n'
    speak(po({"a": "b"}, forms))
    assert [tr_n("{count} day", "{count} days", n) for n in (0, 1, 2)] == [
        *("0 jour", "1 jour", "2 jours")
    ]
    for rule in ("n >", "9 ** 9 ** 9", "n / 0", "__import__('os')", "1000", "(" * 90):
        speak(po({"a": "b"}, forms).replace("n > 1", rule))
        assert tr_n("{count} day", "{count} days", 3) == "3 days"


def test_fuzzy_and_obsolete_entries_are_left_alone(speak) -> None:
    more = (
        '#, fuzzy, python-brace-format\nmsgid "b"\nmsgstr "wrong"\n\n#~ msgid "c"\n#~ msgstr "d"\n'
    )
    speak(po({"a": "A"}, more + '\nmsgid "e"\nmsgstr "E"\n'))
    assert [tr(each) for each in "abce"] == ["A", "b", "c", "E"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"msgid \"a\"\nmsgstr 'b'\n", b'msgid "a"\n\nmsgid "b"\n', b"\x00" * 99],
)
def test_a_file_that_is_no_catalogue_is_english_with_a_warning(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xx.po").write_bytes(content)
    monkeypatch.setattr(language, "available", lambda: available(tmp_path))
    said: list[str] = []
    before = texts.use(NullTranslations())
    try:
        assert language.speak(["--lang", "xx"], said.append, {}) is None
        assert tr("retrying") == "retrying"
    finally:
        texts.use(before)
    assert len(said) == 1 and "xx.po is broken, this is English" in said[0]


def test_a_folder_or_a_huge_file_is_no_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "de.po").mkdir()
    (tmp_path / "fr.po").write_text(po({"a": "b"}), encoding="utf-8")
    monkeypatch.setattr(catalogues, "MOST_BYTES", 10)
    for path in available(tmp_path).values():
        with pytest.raises(CatalogueBroken):
            read(path)


@settings(max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_file_breaks_the_program(id: str, text: str) -> None:
    try:
        catalogue = Catalogue(f'msgid "{id}"\nmsgstr "{text}"\n')
    except CatalogueBroken:
        return
    for message in (id, *catalogue.entries):
        assert fits(message, catalogue.gettext(message)) or catalogue.gettext(message) == message
        catalogue.ngettext(message, message, 2)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("zh_TW.UTF-8", "zh_TW"),
        ("zh-Hant-HK", "zh_TW"),
        ("zh_HK", "zh_TW"),
        ("zh", "zh_TW"),
        ("zh_CN.UTF-8", ""),
        ("zh_Hans_TW", ""),
        ("de_AT@euro", "de"),
        ("pt", "pt_BR"),
        ("pt_PT", "pt_BR"),
        ("en_GB.UTF-8", "en"),
        ("C.UTF-8", "en"),
        ("POSIX", "en"),
        ("tlh", ""),
        ("", ""),
        ("../../etc/passwd", ""),
    ],
)
def test_a_locale_leads_to_the_nearest_catalogue(wanted: str, found: str) -> None:
    names = dict.fromkeys(("zh_TW", "de", "pt_BR"), Path())
    assert nearest(wanted, names) == found


@pytest.mark.parametrize(
    ("args", "environ", "word"),
    [
        ([], {}, "happiness"),
        ([], {"LANG": "zh_TW.UTF-8"}, "快樂"),
        ([], {"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "C"}, "happiness"),
        ([], {"LANG": "C", "LC_ALL": "zh_TW"}, "快樂"),
        ([], {"LANG": "en_US", "LANGUAGE": "zh_CN:zh_TW:en"}, "快樂"),
        ([], {"LANG": "zh_TW.UTF-8", "TERM": "linux"}, "happiness"),  # its font has no such signs
        ([], {"LANG": "en_US", "RESONANCE_SCREEN_LANG": "zh_TW"}, "快樂"),
        (["join", "--lang=zh_TW"], {"LANG": "en_US"}, "快樂"),
        (["--lang", "en", "join"], {"LANG": "zh_TW"}, "happiness"),
        (["history", "note", "c", "--", "--lang", "zh_TW"], {}, "happiness"),
        (["--lang"], {"LANG": "zh_TW"}, "快樂"),
        (["--lang", "nothing"], {"LANG": "zh_TW"}, "happiness"),
    ],
)
def test_flag_then_setting_then_environment_choose(
    args: list[str], environ: dict[str, str], word: str
) -> None:
    before = texts.use(NullTranslations())
    try:
        language.speak(args, pytest.fail, environ)
        assert tr("happiness") == word
    finally:
        texts.use(before)


def test_the_settings_speak_unless_the_command_line_did() -> None:
    before = texts.use(NullTranslations())
    try:
        language.speak_as_set("zh-TW", ["--lang", "en"], pytest.fail)
        assert tr("happiness") == "happiness"
        language.speak_as_set("zh-TW", [], pytest.fail)
        assert (tr("happiness"), texts.language()) == ("快樂", "zh_TW")
        with pytest.raises(InputError, match="no language 'tlh'"):
            language.speak_as_set("tlh", [], pytest.fail)
    finally:
        texts.use(before)


def test_a_third_language_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = read(FOLDER / "zh_TW.po")
    pseudo = {id: f"«{id}»" for id in known.entries if "\n" not in id and id not in known.plurals}
    quoted = {id: text.replace("\\", "\\\\").replace('"', '\\"') for id, text in pseudo.items()}
    (tmp_path / "eo.po").write_text(po(quoted), encoding="utf-8")
    monkeypatch.setattr(language, "available", lambda: available(tmp_path))
    before = texts.use(NullTranslations())
    try:
        language.speak([], pytest.fail, {"LANG": "eo.UTF-8"})
        assert tr("retry in {seconds} s", seconds=3) == "«retry in 3 s»"
        assert {tr(id) for id in pseudo if "{" not in id} == {
            text for text in pseudo.values() if "{" not in text
        }
    finally:
        texts.use(before)


def test_names_that_people_chose_are_not_translated(speak) -> None:
    speak(po({"{one} came": "{one} kam", "paused": "Pause", "by {who}": "von {who}"}))
    assert tr(mark("{one} came", one="paused")) == "paused kam"
    assert tr(mark("by {who}", who=mark("paused"))) == "von Pause"
    assert tr(joined(mark("paused"), "", mark("{one} came", one="Mia"))) == "Pause Mia kam"


def test_a_marked_sentence_is_an_english_string() -> None:
    said = mark("{count:>3} of {names}", count=2, names=("a", "b"))
    assert (said, json.dumps(said)) == ("  2 of a, b", '"  2 of a, b"')
    assert pickle.loads(pickle.dumps(said)) == said
    assert joined("", "") == "" and joined("", said) is said


def test_a_catalogue_costs_next_to_nothing_to_read() -> None:
    path = FOLDER / "zh_TW.po"
    spent: list[float] = []
    for _ in range(5):
        began = time.process_time()
        read(path).gettext("happiness")
        spent.append(time.process_time() - began)
    assert min(spent) < 0.02  # 2 to 3 ms; a busy machine counts others' caches, too


def test_the_program_speaks_from_its_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "zh_TW")
    program = (sys.executable, "-m", "resonance_tui")
    done = run_child([*program, "jion"], capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (2, "")
    assert "錯誤: 沒有 'jion' 這個指令。" in done.stderr
    assert "是不是 resonance-tui join？" in done.stderr
    wrong = run_child(
        [*program, "join", "--epsilon", "9"], capture_output=True, text=True, encoding="utf-8"
    )
    assert wrong.stderr == "錯誤: --epsilon 不能是 '9.0'。\n       數字，0.1 到 5。\n"
    shown = run_child([*program, "--help"], capture_output=True, text=True, encoding="utf-8")
    assert "用法： resonance-tui" in shown.stdout and "顯示這份說明後結束。" in shown.stdout
    assert max(map(cells, shown.stdout.splitlines())) <= 100


def test_within_english_everything_is_english_and_nobody_else_notices(speak) -> None:
    speak(po({"a": "b"}))
    said: list[str] = []
    with texts.in_english():
        other = threading.Thread(target=lambda: said.append(tr("a")))
        other.start()
        other.join()
        said.append(tr("a"))
    assert [*said, tr("a")] == ["b", "a", "b"]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_picture_is_english_where_no_font_has_the_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happy = [Sample("c", t, 9, (9, 0, 0, 0, 0, 0, 0), 0, 0) for t in range(60)]
    recorded = Recorded(from_samples(happy))
    asked = ChartRequest("c", recorded, ViewState(Viewport.over(0, 59)))
    before = texts.use(read(FOLDER / "zh_TW.po"))
    try:
        monkeypatch.setattr(image, "_EAST_ASIAN", ())
        assert "viewers per emotion" in image.render(asked, "svg").decode()
        monkeypatch.setattr(image, "_EAST_ASIAN", ("DejaVu Sans Mono",))  # as if it had them
        assert "各情緒人數" in image.render(asked, "svg").decode()
        assert tr("happiness") == "快樂"
    finally:
        texts.use(before)
