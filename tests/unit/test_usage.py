"""A command line that cannot be meant: one line that says what is wrong, one that says what to do,
exit code 2, and no traceback, whatever was typed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.test_cli import all_verbs, complaint

from resonance_tui.cli import cli
from resonance_tui.commands import COMMANDS
from resonance_tui.commands.groups import load_command
from resonance_tui.commands.quantities import LONGEST_S, Number, Span
from resonance_tui.spans import seconds_of

ROWS = {row.path: load_command(row) for row in COMMANDS}
LEAVES = {path: verb for path, verb in ROWS.items() if not isinstance(verb, click.Group)}
BAD = ["", " ", "-", "-1", "nan", "inf", "-inf", "1e999", "9" * 5000, "abc", "x" * 5000, "1.5.2"]
BAD += ["a\x00b", "a\x1b[2J", "a\udcffb", "½", "0x10", "1_0", "%s{0}", "'", "a\nb"]


def typed(path: str) -> list[str]:
    """As it is typed: `history show` is `history`."""
    return ["history"] if path == "history show" else path.split()


def said(capsys: pytest.CaptureFixture[str], args: list[str]) -> str:
    """The complaint about a command line, which has the form that all have."""
    words = complaint(capsys, args)
    assert words.startswith("error: "), words
    first, *more = words.rstrip("\n").split("\n")
    assert len(first) < 300 and all(line.startswith("       ") for line in more), words
    assert more, words
    return words


def options() -> Iterator[tuple[str, click.Option]]:
    for path, verb in LEAVES.items():
        for option in verb.params:
            if isinstance(option, click.Option):
                yield path, option


VALUED = [(path, option) for path, option in options() if not option.is_flag]
IDS = [f"{path} {option.opts[-1]}" for path, option in VALUED]


@pytest.mark.parametrize("path", LEAVES)
def test_a_missing_argument_is_named(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    if any(each.required for each in LEAVES[path].params):
        assert " is missing." in said(capsys, typed(path))


@pytest.mark.parametrize(("path", "option"), VALUED, ids=IDS)
def test_an_option_without_a_value_is_named(
    path: str, option: click.Option, capsys: pytest.CaptureFixture[str]
) -> None:
    words = said(capsys, [*typed(path), option.opts[-1]])
    assert f"{option.opts[-1]} needs a value" in words


@pytest.mark.parametrize(("path", "option"), VALUED, ids=IDS)
def test_a_value_of_the_wrong_type_is_named_with_what_is_wanted(
    path: str, option: click.Option, capsys: pytest.CaptureFixture[str]
) -> None:
    for bad in BAD:
        try:
            option.type.convert(bad, option, None)
        except click.BadParameter:
            words = said(capsys, [*typed(path), f"{option.opts[-1]}={bad}", *_arguments(path)])
            assert f"{option.opts[-1]} cannot be" in words
            assert "One of " in words or "A number" in words or "A " in words


def _arguments(path: str) -> list[str]:
    needed = [each for each in LEAVES[path].params if isinstance(each, click.Argument)]
    return ["bash" if path == "completion" else "word" for each in needed if each.required]


@pytest.mark.parametrize("verb", all_verbs(cli), ids=" ".join)
def test_an_option_that_is_not_there_is_named(
    verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no option --bogus" in said(capsys, [*verb, "--bogus"])


@pytest.mark.parametrize("path", LEAVES)
def test_words_too_many_are_named(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    if all(each.nargs == 1 for each in LEAVES[path].params):
        needed = ["--as", "mae_dfer"] if path == "models import" else []
        words = said(capsys, [*typed(path), *needed, *["bash"] * 5])
        assert "takes no " in words and "Write: resonance-tui" in words


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["cats-live"], "resonance-tui join cats-live"),
        (["jion", "cats"], "Is it resonance-tui join?"),
        (["models", "inf"], "Is it resonance-tui models info?"),
        (["Hello World!"], "resonance-tui --help"),
        (["mqtt://host/cats"], "resonance-tui join LINK"),
        (["join", "--durtion", "3"], "Is it --duration?"),
        (["join", "--json=3"], "Write --json alone."),
        (["join", "cats", "--duration"], "A length of time from 0.1 s to 366 d"),
        (["broker", "--port", "99999"], "A whole number from 1 to 65535."),
        (["completion", "tcsh"], "One of bash, zsh, fish."),
    ],
    ids=str,
)
def test_what_to_do_instead_is_said(
    args: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hint in said(capsys, args)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1m", 60), ("1.5m", 90), ("2h", 7200), ("1h30m", 5400), ("0.5", 0.5),
     (" 1 H ", 3600), ("7d", 604800)],
)  # fmt: skip
def test_a_length_of_time_as_people_write_it(text: str, seconds: float) -> None:
    assert seconds_of(text, "s") == seconds


@given(st.text(), st.sampled_from(["", "s"]))
def test_any_text_is_a_length_of_time_or_none(text: str, unit: str) -> None:
    try:
        assert 0 <= seconds_of(text, unit) < math.inf
    except ValueError:
        assert not text.strip().isascii() or not text.strip().isdigit() or not unit or len(text) > 9


@given(
    st.text() | st.floats().map(str), st.sampled_from([Span(0.1), Span(0.5, 600), Number(1, 60)])
)
def test_a_quantity_is_in_its_range_or_refused(text: str, type_: click.ParamType) -> None:
    try:
        value = type_.convert(text, None, None)
    except click.BadParameter:
        return
    assert 0.1 <= value <= LONGEST_S
