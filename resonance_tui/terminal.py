"""Pure: what the terminal can draw, by its name, its environment and the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from resonance_tui.errors import InputError
from resonance_tui.secret import describe
from resonance_tui.texts import mark

Value = TypeVar("Value")

# Named after terminals without colours. Some terminals of today are called so by mistake.
_COLOURLESS = re.compile(r"dumb|unknown|vt\d+(-.*)?|.*-(m|mono)")
# Their fonts have 256 or 512 signs: letters and simple lines, but no faces and no Braille.
_FEW_SIGNS = re.compile(r"dumb|unknown|vt\d+(-.*)?|linux(-.*)?|ansi|cons25|sun")
# All that bear these names have them; over ssh no COLORTERM says so.
_TRUECOLOUR = re.compile(
    r".*-(direct|kitty|ghostty)|(alacritty|contour|foot|ghostty|ms-terminal|rio|wezterm)(-.*)?"
)


class Colours(IntEnum):
    """How many there are; each name is a value of `screen.colors`."""

    NONE = 0
    SIXTEEN = 4  # bits
    TWO_HUNDRED_FIFTY_SIX = 8
    TRUECOLOR = 24


COLOURS = {
    "none": Colours.NONE,
    "16": Colours.SIXTEEN,
    "256": Colours.TWO_HUNDRED_FIFTY_SIX,
    "truecolor": Colours.TRUECOLOR,
}
CHARACTERS = {"full": False, "plain": True}


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is drawn: how many colours, and whether with plain (ASCII) signs alone. `is_guess`: of
    the signs no setting and no name says anything; the terminal can be asked."""

    colours: Colours = Colours.TRUECOLOR
    is_plain: bool = False
    is_guess: bool = field(default=False, compare=False)


def terminal(
    environ: Mapping[str, str],
    *,
    colours: str = "auto",
    characters: str = "auto",
    encoding: str = "utf-8",
) -> Terminal:
    """What there is to draw with: TERM decides, unless a setting says otherwise.

    `encoding`: of the stream that is drawn to. Raises InputError for a setting that is unknown.
    """
    chosen_colours = _chosen("screen.colors", colours, COLOURS)
    is_plain = _chosen("screen.characters", characters, CHARACTERS)
    name = environ.get("TERM", "")
    if chosen_colours is None:
        chosen_colours = _colours_of(name, environ)
    is_guess = is_plain is None
    if is_plain is None:
        has_all = encoding.lower().startswith("utf")
        is_plain = not has_all or bool(_FEW_SIGNS.fullmatch(name))
    return Terminal(chosen_colours, is_plain, is_guess=is_guess and not is_plain)


def wants_colour(environ: Mapping[str, str]) -> bool:
    """Whether lines of a command may be coloured, as far as the environment says."""
    is_unwanted = bool(environ.get("NO_COLOR"))
    return not is_unwanted and _colours_of(environ.get("TERM", ""), environ) is not Colours.NONE


def _chosen(key: str, value: str, known: Mapping[str, Value]) -> Value | None:
    if value == "auto":
        return None
    if value not in known:
        said = mark("{value} is nothing that {key} can be.", value=describe(value, 20), key=key)
        raise InputError(said, mark("{key}: auto, {known}", key=key, known=", ".join(known)))
    return known[value]


def _colours_of(name: str, environ: Mapping[str, str]) -> Colours:
    if _COLOURLESS.fullmatch(name):
        return Colours.NONE
    # GNU screen hands on the COLORTERM of the terminal outside, and takes the codes that it
    # promises for "dim" and "blink". The Linux console shows sixteen, whatever it is told.
    is_inherited = "STY" in environ or name.startswith("linux")
    says_truecolor = environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    if (says_truecolor and not is_inherited) or _TRUECOLOUR.fullmatch(name):
        return Colours.TRUECOLOR
    if not name and environ.get("OS") == "Windows_NT":  # its terminals have no name
        return Colours.TRUECOLOR
    return Colours.TWO_HUNDRED_FIFTY_SIX if "256color" in name else Colours.SIXTEEN
