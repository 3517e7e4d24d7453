"""Texts that may hold a secret, and how a message speaks of them without telling it.

A setting that may hold a password or a key is a `Secret` from the moment it is read. Any other
text from outside may hold one by mistake: a message quotes it with `describe` or `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

MASK = "********"
HIDDEN = "[hidden: may hold a key or a password]"

# Every piece that is long enough to be of use and was cut out of a key or of an address with a
# login shows one of these signs. A password that stands alone shows none.
_SIGNS = re.compile(
    r"private[ _]?key|client_secret|refresh_token|-----|invite="
    r"|[?&](?:[\w-]*[_-])?(?:token|(?:api)?key|secret|passw\w*|pwd|auth|sig|signature)="
    r"|(?-i:\b(?:GOCSPX-|ya29\.|AIza)[\w-]{8})"  # what Google's secrets begin with
    r"|(?-i:(?<![A-Za-z0-9+_=-])(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])(?=[\w+=-]*\d)"
    r"[A-Za-z0-9+_=-]{48,})"  # base64, and tokens; sheets have ids of 44
    r"|resonance:/+[^/\s]+/[^/\s]+/"  # a link with a code, and below the code or a piece of it
    r"|(?-i:(?<![A-Za-z0-9])(?:(?=[a-z0-9]*[2-7])(?=[a-z0-9]*[g-z])[a-z0-9]{20,}"
    r"|(?=[A-Z0-9]*[2-7])(?=[A-Z0-9]*[G-Z])[A-Z0-9]{20,})|[a-z]{25}|[A-Z]{25})"
    r"|://\S*@|(?<![^\s:/])[^\s:/]+:(?![\\/\s])[^@]*@"  # a login
    r"|(?::?//|:/|[^\W\d]:)[^\s/?#:]*:(?!\d{1,5}(?:[/?#,\s]|$))(?![0-9a-f:.]+\])",  # half of one
    re.IGNORECASE | re.DOTALL,
)
# What no name of a file is likely to hold and a URL with a slip of the pen does.
_BROKEN_URL = re.compile(r"@|//|:(?![\\/]|\d{1,5}(?:\D|$))|:/(?!.*\.\w{1,5}$)|[?&]\w*=")
_NEXT = re.compile(r",(?=\s*\w+://)")
_ADDRESS = re.compile(
    r"\s*([a-z][a-z0-9+.-]{0,9})://(?:([^/?#\s]*)@)?([\w.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?"
    r"/?([/?#][^@]*)?\s*|\s*([\w.-]+(?::\d{1,5})?)\s*",
    re.IGNORECASE,
)
_MOST = 4096  # characters: longer texts are not quoted
SHORTEST = 6  # characters of a secret that is masked: shorter ones are common words


class Secret:
    """A text that no message, log line or traceback shows: only `reveal()` tells it.

    Equal to another Secret, or a text, of the same content; false when empty.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret = "") -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """The text itself; it must not get into a message or log."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == (other.reveal() if isinstance(other, Secret) else other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return MASK if self._text else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"


def may_hold_secret(text: str) -> bool:
    """Whether it looks like a key, a login or a piece of either."""
    return len(text) > _MOST or bool(_SIGNS.search(text))


def shown(text: object, limit: int = 200) -> str:
    """`text` for a message, cut to `limit` characters; HIDDEN where it may hold a secret."""
    words = str(text)
    if isinstance(text, Secret) or may_hold_secret(words):
        return HIDDEN
    return words if len(words) <= limit else words[: limit - 1] + "…"


def describe(text: object, limit: int = 80) -> str:
    """A value that was not understood, in quotation marks; HIDDEN where it may hold a secret."""
    words = shown(text, limit)
    return words if words is HIDDEN else repr(words)


def shown_address(text: str) -> str:
    """A URL, or several with commas between them, without login and path; MASK for what is no
    plain address: where its login ends cannot be known."""
    return ",".join(map(_one_address, _NEXT.split(text)))


def _one_address(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return MASK
    scheme, login, host, port, more, bare = found.groups()
    if bare:
        return MASK if may_hold_secret(bare) else bare
    said = f"{scheme}://{f'{MASK}@' if login else ''}{host}{port or ''}"
    return said + ("/..." if more else "")


def shown_source(text: str) -> str:
    """A camera's setting: a URL without login and path, else a number, word or path; HIDDEN for
    what may be a URL with a slip of the pen."""
    if "://" in text:
        return shown_address(text)
    return HIDDEN if _BROKEN_URL.search(text) else shown(text)


def shown_path(text: str) -> str:
    """A path where a key itself may stand by mistake: only what cannot be one; else HIDDEN."""
    try:
        is_path = text.endswith(".json") or Path(text).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        is_path = False
    return shown(text) if is_path else HIDDEN


def pieces(text: str) -> list[str]:
    """The text itself and what would tell the secret in it: passwords of URLs, as they stand and
    decoded, and lines of keys."""
    passwords = re.findall(r"://[^/:@\s]*:?([^,\s]*)@", text)
    lines = [each for each in re.split(r"[\"'\s\\,]+", text) if may_hold_secret(each)]
    return [text, *passwords, *map(unquote, passwords), *lines]


def masked(text: str, known: Iterable[str]) -> str:
    """`text` with every one of the `known` secrets masked, also as `repr` writes them."""
    spellings = {words for each in known for words in (each, each.strip(), repr(each)[1:-1])}
    for words in sorted(spellings, key=len, reverse=True):
        if len(words) >= SHORTEST:
            text = text.replace(words, MASK)
    return text
