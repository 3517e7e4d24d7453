"""Numbers, lengths of time, paths and lists of words in a command line."""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.spans import EXAMPLES, UNITS, seconds_of
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_URL = re.compile(r"\W*[a-z][a-z0-9+.-]+:/+\S", re.IGNORECASE)
LONGEST_S = 366 * UNITS["d"]


class Span(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """Seconds from `low` to `high`: 90, 90s, 5m, 1h30m. `unit`: of a number without one."""

    name = "span"

    def __init__(self, low: float, high: float = LONGEST_S, *, unit: str = "s") -> None:
        self._low, self._high, self._unit = low, high, unit

    @property
    def needs(self) -> str:
        """What a value has to be."""
        top = f"{self._high:g} s" if self._high < UNITS["d"] else f"{self._high / UNITS['d']:g} d"
        return mark(
            "A length of time from {low:g} s to {top}: {examples}.",
            low=self._low,
            top=top,
            examples=EXAMPLES,
        )

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            seconds = seconds_of(str(value), self._unit)
        except ValueError:
            seconds = math.nan
        if not self._low <= seconds <= self._high:
            self.fail(f"{str(value)!r} is not a length of time.", param, ctx)
        return seconds


class Number(click.FloatRange):
    """A range of numbers: "nan", which compares with nothing, is outside."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if isinstance(number, float) and not math.isfinite(number):
            self.fail(f"{str(value)!r} is not in the range.", param, ctx)
        return number


class FilePath(click.Path):
    """A path; one that no system can have is refused like any other wrong value."""

    needs = mark("A path.")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            path = super().convert(value, param, ctx)
            _check_form(Path(os.fsdecode(path)))
            return path
        except (ValueError, RuntimeError):  # a NUL in it; the home of nobody
            self.fail(f"{str(value)!r} is not a path.", param, ctx)


class Several(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]
    """One or more of some words, with commas between them: a frozenset. A shell completes the last
    one."""

    name = "words"

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words

    @property
    def needs(self) -> str:
        """What a value has to be."""
        return mark(
            "A list of {words}: one or more, with commas between them.",
            words=", ".join(self._words),
        )

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> frozenset[str]:
        found = frozenset(part.strip() for part in str(value).split(","))
        if not found <= set(self._words):
            self.fail(f"{str(value)!r} is not one or more of them.", param, ctx)
        return found

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before, comma, last = incomplete.rpartition(",")
        left = [word for word in self._words if word not in before.split(",")]
        return [CompletionItem(before + comma + word) for word in left if word.startswith(last)]


def _check_form(path: Path) -> None:
    """Raises ValueError or RuntimeError for what can be the path of nothing, and for a URL, which
    would become folders."""
    if _URL.match(os.fspath(path)):
        raise ValueError(path)
    try:
        os.lstat(path.expanduser())
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ValueError(path) from error
