"""Catalogues of translations: one `.po` file a language, read as it is.

A file is read at every start, so it is not compiled: one pass of a pattern finds its entries, and
a text loses its escapes when it is first shown. Nothing in a file can break the program: what does
not fit its English sentence is shown in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from gettext import NullTranslations, c2py
from pathlib import Path
from string import Formatter

FOLDER = Path(__file__).parent / "languages"
MOST_BYTES = 4_000_000
_ONE = re.compile(r'^msgid "(.+)"\nmsgstr "(.*)"$', re.MULTILINE)
_MANY = re.compile(r'^msgid "(.+)"\nmsgid_plural "(.+)"\n((?:msgstr\[\d\] ".*"\n?)+)', re.MULTILINE)
_FORM = re.compile(r'^msgstr\[\d\] "(.*)"$', re.MULTILINE)
_START = re.compile(r"^msgid .*$", re.MULTILINE)
_HEAD = 'msgid ""'
_FUZZY = re.compile(r"^#,.*fuzzy.*\n(?:^[#m\"].*\n?)*", re.MULTILINE)
_RULE = re.compile(r'plural=([^;"\\]{1,200})')
_NAMED = re.compile(r'(?:"|\\n)Language: (\w+)\\n')
_ESCAPED = re.compile(r'\\([\\"nt])')
_PLAIN = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}
_UNPRINTED = "\n\u200c\u200d"  # what a sentence may hold beside what is drawn: joiners, new lines
_NAME = re.compile(r"[A-Za-z]{2,3}(_[A-Za-z]+)?")

Fields = list[tuple[str, str, str]]


class CatalogueBroken(ValueError):
    """The file cannot be read as a catalogue; says why."""


class Catalogue(NullTranslations):
    """The sentences of one file. Those that it lacks, and those that do not fit, are English."""

    def __init__(self, text: str) -> None:
        """`text`: the file's. Raises CatalogueBroken where it is none."""
        super().__init__()
        text = text.replace('"\n"', "")  # texts that go on in the next line
        text = _FUZZY.sub("", text) if "fuzzy" in text else text
        self._one: Mapping[str, str] = dict(_ONE.findall(text))
        self._many = {one: (many, forms) for one, many, forms in _MANY.findall(text)}
        named = _NAMED.search(text)
        self._language = named[1] if named else "en"
        starts = [line for line in _START.findall(text) if line != _HEAD]
        lost = len(starts) - len(self._one) - len(self._many)
        if lost or not starts:
            raise CatalogueBroken(f"{lost} of {len(starts)} entries cannot be read")
        rule = _RULE.search(text)
        self._rule = rule[1].strip() if rule else "n != 1"
        self._form: Callable[[int], int] | None = None
        self._shown: dict[str, str] = {}

    @property
    def entries(self) -> dict[str, tuple[str, ...]]:
        """Every translation by its id: one form, or one a plural form; "" where it is missing."""
        found = {_plain(id): (_plain(text),) for id, text in self._one.items()}
        many = {_plain(id): self._forms(forms) for id, (_, forms) in self._many.items()}
        return found | many

    @property
    def plurals(self) -> dict[str, str]:
        """The English form for many, by the id."""
        return {_plain(id): _plain(many) for id, (many, _) in self._many.items()}

    def info(self) -> dict[str, str]:
        return {"language": self._language}

    def gettext(self, message: str) -> str:
        shown = self._shown.get(message)
        if shown is None:
            found = _plain(self._one.get(_escaped(message), ""))
            shown = found if found and fits(message, found) else message
            self._shown[message] = shown
        return shown

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        _, raw = self._many.get(_escaped(msgid1), ("", ""))
        forms, index = self._forms(raw), self._index(n)
        found = forms[index] if 0 <= index < len(forms) else ""
        english = msgid1 if n == 1 else msgid2
        return found if found and (fits(msgid1, found) or fits(msgid2, found)) else english

    def _forms(self, raw: str) -> tuple[str, ...]:
        return tuple(_plain(form) for form in _FORM.findall(raw))

    def _index(self, n: int) -> int:
        """Which form fits the number; -1 where the file's rule is none."""
        try:
            if self._form is None:
                self._form = c2py(self._rule)
            return self._form(n)
        except (ValueError, ArithmeticError, RecursionError):
            return -1


def fits(message: str, translated: str) -> bool:
    """Whether it can stand for the English sentence: the same fields, filled in the same way, as
    many lines and brackets (they are markup on some screens), and nothing that a terminal acts on.
    """
    is_drawn = all(char.isprintable() or char in _UNPRINTED for char in translated)
    is_short = len(translated) <= 200 + 4 * len(message)
    same = all(message.count(sign) == translated.count(sign) for sign in "\n[")
    return is_drawn and is_short and same and fields(message) == fields(translated)


def fields(message: str) -> Fields | None:
    """The fields of a message, sorted: name, format, conversion. None where the braces are none."""
    if "{" not in message and "}" not in message:
        return []
    try:
        found = [
            (name, spec or "", conversion or "")
            for _, name, spec, conversion in Formatter().parse(message)
            if name is not None
        ]
    except ValueError:
        return None
    return sorted(found)


def available(folder: Path = FOLDER) -> dict[str, Path]:
    """The languages that there is a file for, by name as in `zh_TW`."""
    found = {path.stem: path for path in sorted(folder.glob("*.po"))}
    return {name: path for name, path in found.items() if _NAME.fullmatch(name)}


def read(path: Path) -> Catalogue:
    """The catalogue in a file. Raises CatalogueBroken, saying what is wrong with the file."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CatalogueBroken("it is larger than any catalogue")
        return Catalogue(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CatalogueBroken(error.strerror or "it cannot be read") from error
    except UnicodeDecodeError as error:
        raise CatalogueBroken("it is no UTF-8 text") from error


def nearest(wanted: str, names: Mapping[str, Path]) -> str:
    """The name of the language that a locale such as `zh_TW.UTF-8` or `zh-Hant-HK` asks for: "en",
    one of `names`, or "" for none.

    Chinese in traditional characters is zh_TW, wherever it is read; in simplified ones (zh_CN,
    zh_SG, zh_Hans) it is another language, which readers may not know, and there is none of it
    unless somebody adds it. Of other languages any country's will do.
    """
    language, *rest = re.split(r"[-_]", re.split(r"[.@]", wanted.strip())[0])
    language = language.lower()
    if language in ("en", "c", "posix"):
        return "en"
    exact = {name.lower(): name for name in names}
    tags = [each.lower() for each in rest]
    if language == "zh":
        tags = ["hans", "cn"] if {"cn", "sg", "my", "hans"} & set(tags) else ["tw", *tags]
    named = (exact.get("_".join([language, tag])) for tag in tags)
    found = next(filter(None, named), None) or exact.get(language)
    if found is None and language != "zh":
        found = next(
            (names_ for low, names_ in exact.items() if low.startswith(f"{language}_")), ""
        )
    return found or ""


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: _PLAIN[found[1]], text) if "\\" in text else text


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t")
