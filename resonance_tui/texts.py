"""The message catalogue: every sentence of screens, help and consent goes through `tr`.

The message id is the English sentence with named fields, as in gettext:

    tr("retry in {seconds} s", seconds=3)

`tr` translates when it is called. A table at module level marks its sentences with `mark` and
translates them where they are shown, so that the language may be chosen after the import. So does
whatever is also written into JSON or a database, where it stays English.
The texts of a table's own type (`Action` of the screens), the docstrings of commands and the help
of their options are message ids, too.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations
from typing import Any

_ENGLISH = NullTranslations()
_catalogue: NullTranslations = _ENGLISH
_only_english: ContextVar[bool] = ContextVar("_only_english", default=False)


def use(catalogue: NullTranslations) -> NullTranslations:
    """Translate with `catalogue` from now on; returns the one used before."""
    global _catalogue
    before, _catalogue = _catalogue, catalogue
    return before


@contextmanager
def in_english() -> Generator[None]:
    """Speak English within, in this thread or task alone."""
    token = _only_english.set(True)
    try:
        yield
    finally:
        _only_english.reset(token)


def _spoken() -> NullTranslations:
    return _ENGLISH if _only_english.get() else _catalogue


def language() -> str:
    """The name of the language in use, as in `zh_TW`."""
    return _spoken().info().get("language", "en")


def tr(message: str, /, **fields: Any) -> str:
    """The sentence in the person's language, its named fields filled in.

    Braces in a message without fields stay as they are.
    """
    if isinstance(message, Marked):
        own = {name: _shown(value) for name, value in message.fields.items()}
        message, fields = message.message, own | fields
    translated = _spoken().gettext(message) if message else ""
    return translated.format(**fields) if fields else translated


def tr_n(one: str, many: str, count: int, /, **fields: Any) -> str:
    """The form of the sentence that fits `count`, which is also the field of that name."""
    return _spoken().ngettext(one, many, count).format(count=count, **fields)


def mark(message: str, /, **fields: Any) -> str:
    """The message in English: names it for the catalogue where `tr` is called later.

    Fields are filled in at once, in English. Of those, `tr` translates what is marked itself, and
    a tuple of such, which is a list with commas; names that people chose stay as they are.
    """
    return Marked(message, fields)


def joined(*parts: str, by: str = " ") -> str:
    """One text of those that are not empty; `tr` translates each of them."""
    fields = {f"part{index}": part for index, part in enumerate(filter(None, parts))}
    if len(fields) < 2:
        return next(iter(fields.values()), "")
    return Marked(by.join(f"{{{name}}}" for name in fields), fields)


class Marked(str):
    """An English sentence that still knows its message and its fields."""

    message: str
    fields: Mapping[str, Any]

    def __new__(cls, message: str, fields: Mapping[str, Any]) -> Marked:
        english = {name: _english(value) for name, value in fields.items()}
        filled = super().__new__(cls, message.format(**english) if fields else message)
        filled.message, filled.fields = message, fields
        return filled

    def __reduce__(self) -> tuple[type[Marked], tuple[str, Mapping[str, Any]]]:
        return Marked, (self.message, self.fields)


def _english(value: Any) -> Any:
    return ", ".join(_strings(value)) if isinstance(value, tuple) else value


def _shown(value: Any) -> Any:
    if isinstance(value, tuple):
        return tr(", ").join(map(tr, _strings(value)))
    return tr(value) if isinstance(value, Marked) else value


def _strings(values: Any) -> tuple[str, ...]:
    return values
