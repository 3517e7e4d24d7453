"""Screens for terminals that lack colours or signs: everything drawn passes through here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as ScreenColor
from textual.driver import Driver
from textual.filter import LineFilter

from resonance_tui import palette
from resonance_tui.terminal import Colours

BRIGHT = 70  # of 255: a ground that is lighter marks something, and is drawn in reverse instead

_NUMBERS = {Color.parse(name).triplet: number for name, number in palette.SIXTEEN.items()}
_SIGNS = {
    **dict(zip("▁▂▃▄▅▆▇█▀▔░▒▓", '_.:-=+*#"".:#', strict=True)),
    **dict(zip("·•…–—−‘’“”‖", "-*~---''\"\"=", strict=True)),
    **dict(zip("←→↑↓▶▸►▾▼▴▲◂◀»«", "<>^v>>>vv^^<<><", strict=True)),
    **dict(zip("○●◌◎◉■▪□◆◇★☆✦✓✔✕✗✘×⚠", "o*:O@###**+++vvxxxx!", strict=True)),
    **dict(zip("☺☹≈◊≥≤≠°±♥", ")(~*><!o~H", strict=True)),
}
_BESIDE, _HEAVY, _UPRIGHT = "─┄┈╌╴╶╼╾", "━┅┉╍═╸╺", "│┃┆┇┊┋║╎╏╵╷╹╻╽╿"


class FewerColours(LineFilter):
    """Draws with the colours that there are; the emotions' stay different from each other."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._reduce = _REDUCED[colours]

    def apply(self, segments: list[Segment], background: ScreenColor) -> list[Segment]:
        reduce = self._reduce
        return [
            Segment(text, style and reduce(style), control) for text, style, control in segments
        ]


@lru_cache(2048)
def _none(style: Style) -> Style:
    ground = style.bgcolor.get_truecolor() if style.bgcolor is not None else (0, 0, 0)
    is_marked = max(ground) > BRIGHT
    return style.without_color + Style(reverse=True) if is_marked else style.without_color


@lru_cache(2048)
def _sixteen(style: Style) -> Style:
    return style + Style.from_color(_one_of_16(style.color), _one_of_16(style.bgcolor))


def _one_of_16(color: Color | None) -> Color | None:
    if color is None:
        return None
    number = _NUMBERS.get(color.triplet)
    return color.downgrade(ColorSystem.STANDARD) if number is None else Color.from_ansi(number)


@lru_cache(2048)
def _of_256(style: Style) -> Style:
    found = [
        color and color.downgrade(ColorSystem.EIGHT_BIT) for color in (style.color, style.bgcolor)
    ]
    return style + Style.from_color(*found)


_REDUCED: dict[Colours, Callable[[Style], Style]] = {
    Colours.NONE: _none,
    Colours.SIXTEEN: _sixteen,
    Colours.TWO_HUNDRED_FIFTY_SIX: _of_256,
}


class _Plain(dict[int, str | int]):
    """A table for `str.translate`: each sign that is no letter becomes one of ASCII."""

    def __missing__(self, code: int) -> str | int:
        self[code] = found = _plain_sign(chr(code))
        return found


def _plain_sign(sign: str) -> str | int:
    code = ord(sign)
    if sign in _SIGNS:
        return _SIGNS[sign]
    if 0x2500 <= code < 0x2580:  # lines
        found = "-" if sign in _BESIDE else "=" if sign in _HEAVY else "+"
        return "|" if sign in _UPRIGHT else found
    if 0x2800 <= code < 0x2900:  # Braille: by the number of dots
        return " .:-=+*##"[(code - 0x2800).bit_count()]
    return "?" if 0x2000 <= code < 0x2C00 or 0x1F000 <= code < 0x1FB00 else code


_PLAIN = _Plain()


def plain(data: str) -> str:
    """`data` with one sign of ASCII for each that is no letter; letters of any script stay."""
    return data if data.isascii() else data.translate(_PLAIN)


class PlainDriver:
    """A driver that writes everything `plain` while `is_plain`."""

    is_plain: bool


def plainly(driver: type[Driver], *, is_plain: bool = True) -> type[Driver]:
    """A driver like `driver` that is a PlainDriver, too."""

    class Plain(PlainDriver, driver):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.is_plain = is_plain
            super().__init__(*args, **options)

        def write(self, data: str) -> None:
            super().write(plain(data) if self.is_plain else data)

    return Plain
