"""Click's complaints about a command line, in the words of this program: what is wrong, and what
to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

import click

from resonance_tui.commands.quantities import FilePath, Several, Span
from resonance_tui.secret import describe, shown
from resonance_tui.texts import mark

Words = tuple[str, str]  # message and hint, as of a Problem

_VALUE = re.compile(r"(?:Value )?(['\"]?)(.*?)\1 is (?:not |nothing)", re.DOTALL)
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
_WHOLE, _NUMBER = mark("A whole number"), mark("A number")
_MOST = 60  # characters of what was typed that are repeated


def in_our_words(error: click.ClickException) -> Words:
    """Message and hint for what click found wrong."""
    if isinstance(error, click.MissingParameter):
        return _missing(error)
    if isinstance(error, click.BadParameter):
        return _bad_value(error)
    if isinstance(error, click.NoSuchOption):
        return _no_such_option(error)
    if isinstance(error, click.BadOptionUsage):
        return _bad_use(error)
    if isinstance(error, click.UsageError) and (extra := _EXTRA.search(error.message)):
        return mark(
            "{error} takes no {extra} there.",
            error=_command(error),
            extra=describe(extra[1], _MOST),
        ), _usage(error)
    return error.format_message(), _see_help(error)


def _missing(error: click.MissingParameter) -> Words:
    parameter = error.param
    if parameter is None:
        return error.format_message(), _see_help(error)
    is_argument = parameter.param_type_name == "argument"
    name = _name(error) if not is_argument else parameter.human_readable_name.upper()
    choices = parameter.type
    hint = _one_of(choices.choices) if isinstance(choices, click.Choice) else _usage(error)
    return mark("{name} is missing.", name=name), hint


def _bad_value(error: click.BadParameter) -> Words:
    """Of what click says, the value is kept, and its type becomes a hint."""
    type_ = error.param.type if error.param is not None else None
    needs = _needs(type_) or _choices_in(error.message)
    found = _VALUE.match(error.message)
    name = _name(error)
    if not needs or found is None:
        return f"{name}: {shown(error.message)}", _see_help(error)
    return mark("{name} cannot be {found}.", name=name, found=describe(found[2], _MOST)), needs


def _no_such_option(error: click.NoSuchOption) -> Words:
    said = mark(
        "{error} has no option {option_name}.",
        error=_command(error),
        option_name=shown(error.option_name, _MOST),
    )
    near = ", ".join(sorted(error.possibilities or ()))
    return said, mark("Is it {near}?", near=near) if near else _see_help(error)


def _bad_use(error: click.BadOptionUsage) -> Words:
    name = shown(error.option_name, _MOST)
    if "does not take" in error.message:
        return mark("{name} takes no value.", name=name), mark("Write {name} alone.", name=name)
    option = next((each for each in _parameters(error) if error.option_name in each.opts), None)
    needs = _needs(option.type) if option is not None else ""
    return mark("{name} needs a value behind it.", name=name), needs or _see_help(error)


def _needs(type_: object) -> str:
    """What a value of this type is; "" where the type does not tell."""
    if isinstance(type_, Span | FilePath | Several):
        return type_.needs
    if isinstance(type_, click.Choice):
        return _one_of(cast("click.Choice[str]", type_).choices)
    if isinstance(type_, click.IntRange | click.FloatRange):
        kind = _WHOLE if isinstance(type_, click.IntRange) else _NUMBER
        return _range(kind, type_.min, type_.max)
    if type_ is click.INT:
        return _range(_WHOLE, None, None)
    return _range(_NUMBER, None, None) if type_ is click.FLOAT else ""


def _range(kind: str, low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return mark("{kind} from {low:g} to {high:g}.", kind=kind, low=low, high=high)
    if low is not None:
        return mark("{kind} from {low:g}.", kind=kind, low=low)
    if high is not None:
        return mark("{kind} to {high:g}.", kind=kind, high=high)
    return mark("{kind}.", kind=kind)


def _choices_in(message: str) -> str:
    """A choice whose table is read late is no `click.Choice`, but words its complaint as one."""
    _, _, names = message.partition(" is not one of ")
    return mark("One of {what}.", what=names.replace(chr(39), "").rstrip(".")) if names else ""


def _one_of(choices: Iterable[object]) -> str:
    return mark("One of {what}.", what=", ".join(map(str, choices)))


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return mark("A value")
    if error.param.param_type_name == "argument":
        return error.param.human_readable_name.upper()
    return max(error.param.opts, key=len)


def _parameters(error: click.UsageError) -> list[click.Parameter]:
    return error.ctx.command.params if error.ctx is not None else []


def _command(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx is not None else "resonance-tui"


def _usage(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    usage = error.ctx.get_usage().partition(":")[2]
    return mark("Write: {usage}", usage=" ".join(usage.split()))


def _see_help(error: click.ClickException) -> str:
    command = _command(error) if isinstance(error, click.UsageError) else "resonance-tui"
    return mark("`{command} --help` says what there is.", command=command)
