"""Links as they come out of a chat, a mail or a terminal: wrapped, quoted, with a full stop."""

from __future__ import annotations

import re
import unicodedata

from resonance_tui.errors import InputError
from resonance_tui.protocol.former_links import parse_former
from resonance_tui.protocol.link_code import code_length

MOST_CHARACTERS = 8192  # of a text in which a link is looked for
_START = re.compile(r"\s*".join("resonance://"), re.IGNORECASE)
_PART = re.compile(r"[a-z0-9.:/+_?&=%\[\]-]*")
_CODED = re.compile(r"resonance://[a-z0-9.:+_-]+/[a-z0-9_-]{1,64}/(?=([a-z2-7]{2}))")
_QUOTE_SIGN = re.compile(r"\n\s*(?:>\s*)+")  # what a mail puts before each line
_DASHES = str.maketrans({"—": "--", "–": "--", "‑": "-"})  # what a phone makes of them
_ENDS = ".,:;!?&="


def visible(text: str) -> str:
    """Without characters that show nothing: zero-width ones, marks of direction, soft hyphens."""
    return "".join(each for each in text if unicodedata.category(each) != "Cf")


def holds_link(text: str) -> bool:
    """Whether a link begins somewhere in it."""
    return _START.search(_unquoted(text)) is not None


def repair(text: str) -> str:
    """The link in a pasted text as it was printed, in lower case; without a link in it, the text
    without the white space around it. A link that was changed is not made good."""
    plain = _unquoted(text)
    start = _START.search(plain)
    if start is None:
        return plain.strip()
    rest = plain[start.start() :].replace("\\", "").translate(_DASHES).lower()
    joined, breaks = _without_spaces(rest)
    coded = _CODED.match(joined)
    length = code_length(coded[1]) if coded else None
    if coded is None or length is None:
        return _former(joined, breaks)
    return _to_its_end(joined, coded.end() + length, breaks)


def _unquoted(text: str) -> str:
    return _QUOTE_SIGN.sub("\n", visible(text[:MOST_CHARACTERS]))


def _without_spaces(text: str) -> tuple[str, set[int]]:
    """The text up to what is part of no link, and where there was white space in it."""
    joined, breaks = "", set[int]()
    for piece in text.split():
        part = _part_of_link(piece)
        joined += part
        breaks.add(len(joined))
        if part != piece:
            break
    return joined, breaks


def _part_of_link(word: str) -> str:
    """The word up to a sign that stands in no link. All of it where more of one follows: then the
    sign was mistyped, and what stands before it is another link."""
    found = _PART.match(word)
    part = found[0] if found else ""
    rest = word[len(part) + 1 :]
    is_code = len(rest.rstrip(_ENDS)) == code_length(rest)
    return word if is_code or ("/" in rest and "resonance:" not in rest) else part


def _to_its_end(joined: str, end: int, breaks: set[int]) -> str:
    """Where more of the same word follows, something was typed too much: that stays."""
    is_word = joined[end : end + 1].isalnum() and end not in breaks
    return joined if is_word else joined[:end]


def _former(joined: str, breaks: set[int]) -> str:
    """A former link, of which nothing says how long it is: one with a query is as long as it can
    be, one without ends with its line, unless more of a link follows."""
    ends = sorted(breaks, reverse=True)
    if "?" not in joined and "/" in joined.partition("://")[2]:
        ends = [end for end in reversed(ends) if not set(joined[end:]) & {"/", "?"}]
    whole = (joined[:end].rstrip(signs) for end in ends for signs in (_ENDS, _ENDS + "_]"))
    return next(filter(_is_former, whole), joined.rstrip(_ENDS))


def _is_former(text: str) -> bool:
    try:
        parse_former(text)
    except InputError:
        return False
    return True
