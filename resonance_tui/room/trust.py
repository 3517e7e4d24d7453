"""How far the key that a room shows is believed. Screens need no more of `authority`."""

from __future__ import annotations

from enum import StrEnum


class Trust(StrEnum):
    """Why the room's key is believed, or is not."""

    UNKNOWN = "unknown"  # there is none, or nothing speaks for it
    FIRST_USE = "first use"  # it was the first one, where the host alone can show one
    REMEMBERED = "remembered"
    LINK = "link"  # the link names it, or the certificate that the link names
    CHANGED = "changed"  # the room shows another one than is believed; the person decides
