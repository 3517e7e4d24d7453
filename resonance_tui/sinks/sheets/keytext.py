"""Parses a JSON key of Google's in the encodings that editors, shells and secret stores give it.

With a byte order mark, in quotation marks, in base64, with raw line breaks, or escaped twice.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from resonance_tui.json_types import is_object

MOST_BYTES = 64 * 1024
_QUOTES = ("'", '"')
_URL_SAFE = str.maketrans("-_", "+/")


def read_key(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` encodes; None when it encodes none, for example when it is the
    path of a file. Opens nothing."""
    if len(text) > MOST_BYTES:
        return None
    for candidate in _candidates(text):
        found = _parsed(candidate)
        if isinstance(found, str):  # in quotation marks and escaped, as JSON and shells write it
            found = _parsed(found)
        if is_object(found):
            return {name: _with_line_breaks(value) for name, value in found.items()}
    return None


def unquoted(text: str) -> str:
    """The text without a byte order mark, surrounding blanks, and one pair of quotation marks."""
    text = text.strip("\ufeff \t\r\n")
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        return text[1:-1].strip()
    return text


def _candidates(text: str) -> Iterator[str]:
    bare = unquoted(text)
    yield text.strip("\ufeff \t\r\n")
    yield bare
    yield bare.replace('\\"', '"').replace("\\\\n", "\\n")
    plain = _from_base64(bare)
    if plain is not None:
        yield unquoted(plain)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, strict=False)  # real line breaks inside the key's text
    except (ValueError, RecursionError):
        return None


def _from_base64(text: str) -> str | None:
    packed = "".join(text.split()).translate(_URL_SAFE).rstrip("=")
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
        return data.decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None


def _with_line_breaks(value: Any) -> Any:
    """The PEM text with real line breaks. No field of a key holds a backslash, so that "\\n" was
    one."""
    if is_object(value):
        return {name: _with_line_breaks(each) for name, each in value.items()}
    if not isinstance(value, str) or "-----BEGIN" not in value:
        return value
    return value.replace("\\r", "").replace("\\n", "\n").replace("\r", "")
