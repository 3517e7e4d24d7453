"""Viewers whose nicknames look the same, and how to tell them apart."""

from __future__ import annotations

import unicodedata
from base64 import b32encode
from functools import lru_cache
from hashlib import blake2b

from resonance_tui.protocol.sanitize import NICKNAME_LIMIT
from resonance_tui.widths import cut

MARK = "·"  # between a nickname and its ending
ENDING = 4  # characters

# Letters of other scripts, and digits, that look like a Latin letter; after case folding.
_LOOKS_LIKE = str.maketrans(
    "авеклмнорстухіјѕԁԛԝһ" + "αβγικνορτυχ" + "01|!i5",
    "abeklmhopctyxijsdqwh" + "abyiknoptux" + "ollils",
)


@lru_cache(maxsize=4096)
def looks(nickname: str) -> str:
    """The same for two nicknames that are easily taken for each other. An ending such as ours is
    not looked at: it would pass for that of another."""
    name = nickname.partition(MARK)[0] or nickname
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(each for each in folded if each.isalnum())
    return (letters or folded).translate(_LOOKS_LIKE).translate(_LOOKS_LIKE)


@lru_cache(maxsize=4096)
def ending_of(viewer_id: str) -> str:
    """Four base32 characters that follow from the id, the same for everyone."""
    return b32encode(blake2b(viewer_id.encode(), digest_size=5).digest()).decode().lower()[:ENDING]


def told_apart(viewer_id: str, nickname: str) -> str:
    """The nickname with its ending, no wider than a nickname may be."""
    room = NICKNAME_LIMIT - len(MARK) - ENDING
    return f"{cut(nickname, room, most=room)}{MARK}{ending_of(viewer_id)}"


class Namesakes:
    """Who shares a nickname, by its looks."""

    def __init__(self) -> None:
        self._by_looks: dict[str, set[str]] = {}
        self._looks: dict[str, str] = {}  # by viewer

    def add(self, viewer_id: str, nickname: str) -> set[str]:
        """Those whose shown name changes by it, without this one. Not for one that is in."""
        group = self._by_looks.setdefault(looks(nickname), set())
        others = set(group) if len(group) == 1 else set[str]()
        group.add(viewer_id)
        self._looks[viewer_id] = looks(nickname)
        return others

    def remove(self, viewer_id: str) -> set[str]:
        """Those whose shown name changes by it, without this one; nothing for one not in."""
        name = self._looks.pop(viewer_id, None)
        if name is None:
            return set()
        group = self._by_looks[name]
        group.discard(viewer_id)
        if not group:
            del self._by_looks[name]
        return set(group) if len(group) == 1 else set()

    def has_others(self, viewer_id: str) -> bool:
        name = self._looks.get(viewer_id)
        return name is not None and len(self._by_looks[name]) > 1
