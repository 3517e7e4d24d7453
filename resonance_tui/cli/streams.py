"""Standard streams that take any text, whatever their encoding."""

from __future__ import annotations

import codecs
import io
import os
import sys

# What our own texts are drawn with, for streams that lack it; other people's signs become "?".
_PLAIN = {
    **{"✓": "+", "✗": "x", "☺": ")", "☹": "(", "─": "-", "▲": "A", "○": "o", "≈": "~", "◊": "*"},
    **{"·": ".", "…": "...", "█": "#", "▀": '"', "▄": "_", "→": ">", "×": "x"},
    **{"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"'},
}


def open_streams() -> None:
    """The parent process may have closed one; files that we open must not get its number.

    A sign that stdout or stderr cannot hold (a pipe on Windows, a Latin-1 terminal) becomes a
    plain one, or "?", instead of ending the program. Data that other programs read does not come
    this way: it is written as bytes in UTF-8 (see `commands.history.output`), or is ASCII (JSON).
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="resonance-plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_PLAIN.get(sign, "?") for sign in lacking), error.end


codecs.register_error("resonance-plain", _plain)
