"""The language that a person is spoken to in: `--lang`, then the settings, then the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from gettext import NullTranslations
from typing import Any, TypeVar

import click

from resonance_tui.catalogues import CatalogueBroken, available, nearest, read
from resonance_tui.errors import InputError
from resonance_tui.secret import describe
from resonance_tui.texts import mark, use

AUTO, ENGLISH = "auto", "en"
OPTION = "--lang"
VARIABLE = "RESONANCE_SCREEN_LANG"  # of the setting; here already, so that help is in it, too
# As gettext reads them: the first that is set, and the first language of it that there is.
LOCALES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_FEW_SIGNS = ("linux", "vt", "ansi", "dumb", "cons25", "sun")  # fonts with letters alone

Command = TypeVar("Command", bound=Callable[..., Any])
Warn = Callable[[str], object]


def speak(
    args: Sequence[str], warn: Warn, environ: Mapping[str, str] = os.environ
) -> NullTranslations | None:
    """Use what command line and environment ask for, before anything is said.

    `warn` is told of a catalogue that cannot be read. A name that means nothing is left to the
    parser, or to the settings, which know how to complain. Returns the catalogue, None: English.
    """
    asked = _asked(args) or environ.get(VARIABLE, "")
    if asked in ("", AUTO):
        name = "" if _draws_few_signs(environ) else _of_environment(environ)
    else:
        name = nearest(asked, available())
    return _use(name, warn)


def speak_as_set(setting: str, args: Sequence[str], warn: Warn) -> None:
    """Use what the settings ask for, unless the command line did. Raises InputError for a language
    that there is not."""
    if setting != AUTO and not _asked(args):
        _use(checked("screen.lang", setting), warn)


def checked(origin: str, language: str) -> str:
    """The name of the language's catalogue. Raises InputError where there is none."""
    names = available()
    if found := nearest(language, names):
        return found
    raise InputError(
        mark(
            "{origin}: there is no language {what} here.",
            origin=origin,
            what=describe(language, 20),
        ),
        mark("One of {names}.", names=", ".join((AUTO, ENGLISH, *names))),
    )


def lang_option(command: Command) -> Command:
    """`--lang`, which `speak` has heeded before the command line is parsed."""
    return click.option(
        OPTION,
        metavar="LANG",
        expose_value=False,
        callback=_check,
        help=mark("Language of screens and help, as zh_TW (default: what LANG says)."),
    )(command)


def _check(_: click.Context, __: click.Parameter, language: str | None) -> None:
    if language is not None and language != AUTO:
        checked(OPTION, language)


def _use(name: str, warn: Warn) -> NullTranslations | None:
    if name in ("", ENGLISH):
        use(NullTranslations())
        return None
    try:
        catalogue = read(available()[name])
    except CatalogueBroken as error:
        warn(f"the catalogue {name}.po is broken, this is English: {error}")
        return _use(ENGLISH, warn)
    if not _can_write(catalogue.gettext("happiness")):
        return _use(ENGLISH, warn)
    use(catalogue)
    return catalogue


def _asked(args: Sequence[str]) -> str:
    """What `--lang` says, before the command line is parsed: its errors are in that language."""
    for index, arg in enumerate(args):
        if arg == "--":
            break
        name, is_given, value = arg.partition("=")
        if name == OPTION:
            return value if is_given else next(iter(args[index + 1 : index + 2]), "")
    return ""


def _of_environment(environ: Mapping[str, str]) -> str:
    said = next(filter(None, map(environ.get, LOCALES)), "")
    names = available() if said else {}
    found = (nearest(each, names) for each in said.split(":") if each)
    return next(filter(None, found), "")


def _draws_few_signs(environ: Mapping[str, str]) -> bool:
    return environ.get("TERM", "").startswith(_FEW_SIGNS)


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
