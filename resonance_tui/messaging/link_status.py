"""Where a connection to the broker is in its life. Values only: screens load no network code."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LinkState(StrEnum):
    """Where the connection to the broker is in its life."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkStatus:
    state: LinkState
    detail: str = ""  # one line for a person: why it was lost, or what to know
    retry_at: float | None = None  # monotonic seconds of the next attempt while LOST
