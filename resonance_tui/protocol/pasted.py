"""Links as they come out of a chat, a mail or a terminal: wrapped, quoted, with a full stop."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from resonance_tui.errors import InputError
from resonance_tui.protocol.former_links import parse_former
from resonance_tui.protocol.link_code import code_length, decode

MOST_CHARACTERS = 8192  # of a text in which a link is looked for
_START = re.compile(r"\s*".join("resonance://"), re.IGNORECASE)
_ESCAPED = re.compile(r"resonance%(?:25)*3a", re.IGNORECASE)
_PART = re.compile(r"[a-z0-9.:/+_?&=%\[\]-]*")
_CODED = re.compile(r"resonance://[a-z0-9.:+_-]+/[a-z0-9_-]{1,64}/(?=([a-z2-7]{2}))")
_QUOTE_SIGN = re.compile(r"\n\s*(?:[>|]\s*)+")  # what a mail or a chat puts before each line
_LINE_GOES_ON = re.compile(r"[\\`^]\s*\n|\\")  # as shells write that
_MAIL_GOES_ON = re.compile(r"=[ \t\r]*\n")  # quoted-printable
# What word processors and phones make of hyphens; of these two nobody knows how many they were.
_DASHES = [
    str.maketrans({"–": dash, "—": long_dash})
    for dash, long_dash in (("-", "--"), ("--", "--"), ("-", "-"))
]
LIKE = str.maketrans(
    {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)}  # full width
    | dict.fromkeys("\u2010\u2011\u2012\u2043\u2212\ufe63", "-")
    | {"ı": "i", "İ": "i"}  # of a Turkish keyboard
)
_BLANKS = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # of other categories than Cf
_WORD_SIGNS = {"Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No", "Pd"}
_ENDS = ".,:;!?&="


def visible(text: str) -> str:
    """Without characters that show nothing: zero-width ones, marks of direction, soft hyphens."""
    return "".join(
        each for each in text if each not in _BLANKS and unicodedata.category(each) != "Cf"
    )


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
    rest = _in_one_line(plain[start.start() :].lower())
    readings = [_first_link(rest.translate(dashes)) for dashes in _DASHES]
    return next(filter(_is_checked, readings), readings[0])


def _in_one_line(text: str) -> str:
    """Without what says that a line goes on, and without a mail's spelling of signs."""
    text = _LINE_GOES_ON.sub("", text).replace("&amp;", "&")
    if "=3d" in text or "?" not in text:
        text = _MAIL_GOES_ON.sub("", text).replace("=3d", "=")
    return text


def _first_link(text: str) -> str:
    joined, breaks, tail = _without_spaces(text)
    coded = _CODED.match(joined)
    length = code_length(coded[1]) if coded else None
    if coded is None or length is None:
        link = _former(joined, breaks)
    else:
        link = _to_its_end(joined, coded.end() + length, breaks)
    return joined + tail if _goes_on(tail) and not _is_checked(link) else link


def _goes_on(tail: str) -> bool:
    """Whether the word was left out in part, or is spelled with signs that no link has: then what
    stands before them may be another link."""
    return tail[:1] == "…" or unicodedata.category(tail[:1] or " ") in _WORD_SIGNS


def _is_checked(link: str) -> bool:
    """Whether a check sum says that this is all of it."""
    hosts, *names = link.removeprefix("resonance://").split("/")
    if len(names) != 2:
        return "invite=" in link and _is_former(link)
    try:
        decode(f"{hosts}/{names[0]}", names[1])
    except ValueError:
        return False
    return True


def _unquoted(text: str) -> str:
    plain = visible(text[:MOST_CHARACTERS]).translate(LIKE)
    for _ in range(2):  # a link within a link to another page
        plain = unquote(plain) if _ESCAPED.search(plain) else plain
    return _QUOTE_SIGN.sub("\n", plain)


def _without_spaces(text: str) -> tuple[str, set[int], str]:
    """The text up to what is part of no link, where there was white space in it, and the rest of
    its last word."""
    joined, breaks, tail = "", set[int](), ""
    for piece in text.split():
        part = _part_of_link(piece)
        joined += part
        breaks.add(len(joined))
        tail = piece[len(part) :]
        if tail:
            break
    return joined, breaks, tail


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
