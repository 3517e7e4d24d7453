"""What one recorded second is, and what a session is: values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of one room, as one recorder saw it.

    `viewers == sum(counts) + unsure + away`.
    """

    channel: str
    t: int  # epoch seconds, UTC
    viewers: int
    counts: tuple[int, ...]  # seven, in the order of `Code`
    unsure: int
    away: int
    source: str = "local"  # who recorded it


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """A stretch of recording without a long pause. Both ends are recorded seconds."""

    start: int  # epoch seconds, UTC
    end: int
    rows: int  # seconds that were recorded between the two
    peak_viewers: int
    title: str = ""  # what the recorder's user named it

    @property
    def length_s(self) -> int:
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True)
class Gap:
    """Seconds that a recorder saw and could not keep."""

    start: int  # epoch seconds, UTC; the first and the last of them
    end: int
    seconds: int
    why: str
    source: str = "local"
