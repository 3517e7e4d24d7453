"""Text whose width terminals disagree about never moves what follows it.

Screens are laid out by Rich's idea of widths. A terminal that has another one of some sign would
draw everything behind it on that line one or more cells off. So before such a text the cursor is
remembered, its cells are cleared, the text is drawn, and the cursor goes where Rich says that the
text ends, whatever the terminal made of it.
"""

from __future__ import annotations

import re

from rich.cells import cell_len
from textual.driver import Driver

# Beyond these every sign counts as disputed: Latin, Greek, Cyrillic, Hebrew and Arabic letters,
# punctuation, arrows, mathematics, boxes, Braille, kana, Chinese characters, Hangul, full width.
_AGREED = (
    "\x00-\u02ff\u0370-\u0482\u048a-\u052f\u05d0-\u05ea\u0620-\u064a\u1e00-\u1fff"
    "\u2010-\u2027\u2190-\u22ff\u2500-\u25fc\u2800-\u28ff\u3041-\u3096\u30a1-\u30fa"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60"
)
_DISPUTED = re.compile(f"[^{_AGREED}]")
# From the first word with such a sign to the last one, and the blanks that end a text behind it.
_STRETCH = re.compile(rf"(?:\S*[^{_AGREED}](?:.*[^{_AGREED}])?\S*)(?:\x20+\Z)?", re.DOTALL)
_PIECES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: styles, cursor movements
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC and other strings
    r"|[ -/]*[0-~])"
    r"|[^\x00-\x1f\x7f]+"  # text
)
_REMEMBER, _RETURN = "\x1b7", "\x1b8"


def placed(data: str) -> str:
    """`data` for a terminal, with the words that hold a disputed sign tied to their place, in each
    text between two escape sequences: what follows them there is drawn whole, too."""
    return _PIECES.sub(_tied, data) if _DISPUTED.search(data) else data


def _tied(piece: re.Match[str]) -> str:
    text = piece[0]
    return text if text[0] == "\x1b" else _STRETCH.sub(_at_its_place, text)


def _at_its_place(stretch: re.Match[str]) -> str:
    text = stretch[0]
    width = cell_len(text)
    if not width:
        return text
    blank = f"{_REMEMBER}{' ' * width}{_RETURN}"
    return f"{blank}{text.rstrip(' ')}{_RETURN}\x1b[{width}C"


def placing(driver: type[Driver]) -> type[Driver]:
    """A driver like `driver` that writes everything `placed`."""

    class Placing(driver):  # type: ignore[misc, valid-type]
        def write(self, data: str) -> None:
            super().write(placed(data))

    return Placing
