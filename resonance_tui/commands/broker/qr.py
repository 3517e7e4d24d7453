"""A link as a QR code in the terminal, drawn with half blocks: two modules in one cell."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from resonance_tui.extras import install_command, missing

QUIET = 2  # light modules around the code
_BLACK_ON_WHITE, _RESET = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
_BLOCKS = " ▄▀█"  # by upper module * 2 + lower module

Modules = Sequence[Sequence[bool]]  # rows from the top, True is dark


def modules_of(link: str) -> Modules:
    """The code's modules with the quiet zone around them. Needs the extra `host`.

    The link goes in upper case: where it has no `_`, two characters take 11 bits, not 16.
    """
    import segno

    code = segno.make_qr(link.upper(), error="l")  # a screen does not get dirty
    return [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET)]


def qr_lines(modules: Modules, *, is_coloured: bool) -> list[str]:
    """Lines of half blocks: black on white, or, without colours, for a dark terminal."""
    rows = [*modules, [False] * len(modules[0])] if len(modules) % 2 else [*modules]
    lines: list[str] = []
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        cells = [
            _BLOCKS[(a == is_coloured) * 2 + (b == is_coloured)]
            for a, b in zip(upper, lower, strict=True)
        ]
        text = "".join(cells)
        lines.append(f"{_BLACK_ON_WHITE}{text}{_RESET}" if is_coloured else text)
    return lines


def lines_for_terminal(link: str) -> tuple[list[str], str]:
    """The drawn code, or none and why in one sentence; neither where stdout is no terminal."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return [], ""
    if missing("segno"):
        return [], f"A QR code needs the extra 'host'. Install it: {install_command('host')}"
    if not _can_write(_BLOCKS):
        return [], "This terminal's encoding has no blocks to draw a QR code with."
    lines = qr_lines(modules := modules_of(link), is_coloured=not os.environ.get("NO_COLOR"))
    columns, rows = shutil.get_terminal_size()
    if len(modules[0]) > columns or len(lines) >= rows:
        needed = f"{len(modules[0])} columns and {len(lines) + 1} lines"
        return [], f"The QR code needs {needed}, this terminal has {columns} and {rows}."
    return lines, ""


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True
