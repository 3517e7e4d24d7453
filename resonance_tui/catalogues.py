"""Catalogues of translations: one `.po` file a language, read as it is.

A file is read at every start, so it is only cut into its entries, and a text loses its escapes
when it is first shown. Nothing in a file can break the program: what does not fit its English
sentence is shown in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from gettext import NullTranslations, c2py
from pathlib import Path
from string import Formatter

FOLDER = Path(__file__).parent / "languages"
MOST_BYTES = 4_000_000
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
        text = "\n" + text.replace('"\n"', "")  # texts that go on in the next line
        self._one: dict[str, str] = {}
        self._many: dict[str, tuple[str, list[str]]] = {}
        lost = 0
        before, *entries = text.split('\nmsgid "')
        for entry in entries:
            if not _ends_fuzzy(before):
                lost += not self._take(entry)
            before = entry
        if lost or not self._one.keys() | self._many.keys() - {""}:
            raise CatalogueBroken(f"{lost} entries cannot be read")
        lines = (line.partition(": ") for line in self._one.pop("", "").split("\\n"))
        head = {name: value for name, _, value in lines}
        self._language = head.get("Language", "en")
        self._rule = head.get("Plural-Forms", "").partition("plural=")[2].strip(" ;") or "n != 1"
        self._form: Callable[[int], int] | None = None
        self._shown: dict[str, str] = {}

    def _take(self, entry: str) -> bool:
        """Keep what stands behind `msgid "`; whether it can be read."""
        id, is_one, rest = entry.partition('"\nmsgstr "')
        if is_one:
            text, ends, _ = rest.partition("\n")
            if not (text.endswith('"') and ends):
                return False
            self._one[id] = text[:-1]
            return "\n" not in id
        id, is_many, rest = entry.partition('"\nmsgid_plural "')
        many, *forms = rest.split("\n")
        found = [form.partition('] "')[2][:-1] for form in forms if form.startswith("msgstr[")]
        self._many[id] = many[:-1], found
        return bool(is_many and found) and "\n" not in id

    @property
    def entries(self) -> dict[str, tuple[str, ...]]:
        """Every translation by its id: one form, or one a plural form; "" where it is missing."""
        found = {_plain(id): (_plain(text),) for id, text in self._one.items()}
        many = {_plain(id): tuple(map(_plain, forms)) for id, (_, forms) in self._many.items()}
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
        _, forms = self._many.get(_escaped(msgid1), ("", []))
        index = self._index(n)
        found = _plain(forms[index]) if 0 <= index < len(forms) else ""
        english = msgid1 if n == 1 else msgid2
        return found if found and (fits(msgid1, found) or fits(msgid2, found)) else english

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


def _ends_fuzzy(entry: str) -> bool:
    """Whether the comments behind it, which are those of the next one, call that one fuzzy."""
    if "fuzzy" not in entry:
        return False
    return any(line.startswith("#,") and "fuzzy" in line for line in entry.split("\n"))


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    parts = (part.replace('\\"', '"').replace("\\n", "\n") for part in text.split("\\\\"))
    return "\\".join(part.replace("\\t", "\t") for part in parts)


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t")
