"""Pure: for how long there has been no connection, and why; from one state of the link to the next.

A link that tries again goes from lost to connecting and back; the outage goes on meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.messaging.link_status import LinkState, LinkStatus


@dataclass(frozen=True, slots=True)
class Outage:
    """A time without a connection. Times are monotonic seconds."""

    since: float
    is_first: bool  # there has been no connection yet, so nothing was lost
    why: str = ""  # the newest attempt failed with this; "" while none has failed
    retry_at: float | None = None  # None while an attempt is under way


def outage_after(before: Outage | None, status: LinkStatus, now: float) -> Outage | None:
    """The outage once the link is in `status`; None while it is connected. One that was closed was
    not lost."""
    if status.state is LinkState.CONNECTED:
        return None
    if status.state is LinkState.CLOSED:
        return before
    outage = before or Outage(now, is_first=False)
    if status.state is LinkState.LOST:
        return replace(outage, why=status.detail, retry_at=status.retry_at)
    return replace(outage, retry_at=None)


def age_text(seconds: float) -> str:
    """ "0:40", "12:05", "1:02:05": as clocks write it, in every language."""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
