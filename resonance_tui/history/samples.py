"""Pure: what one recorded second is, what a session is, and how seconds join to sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from resonance_tui.history.session_schema import SLOT_S

SESSION_GAP_S = 900  # a pause longer than this ends a session
LATE_S = 5  # what is said or sent so long after the last second of a session belongs to it, too


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of one room, as one recorder saw it.

    `viewers == sum(counts) + unsure + away`.
    """

    channel: str
    t: int  # epoch seconds, UTC
    viewers: int
    counts: tuple[int, ...]  # seven, in the order of `Emotion`
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
    title: str = ""  # what the recorder's user named it, or somebody afterwards
    note: str = ""

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


class Slot(NamedTuple):
    """What was recorded within one quarter of an hour."""

    first: int  # epoch seconds
    last: int
    seconds: int
    peak: int


def in_sessions(
    slots: Iterable[Slot], titles: Sequence[tuple[int, str]] = (), gap_s: int = SESSION_GAP_S
) -> list[SessionSpan]:
    """Sessions, oldest first. `slots` in order of time; `titles` of recorders' runs with the first
    second of each, in order, too: a session has those that began within it.

    Raises ValueError for pauses shorter than a slot, which slots do not tell of.
    """
    if gap_s < SLOT_S:
        raise ValueError(gap_s)
    joined: list[Slot] = []
    for slot in slots:
        if joined and slot.first - joined[-1].last <= gap_s:
            joined[-1] = _join(joined[-1], slot)
        else:
            joined.append(slot)
    return [SessionSpan(*slot, title=_titles(slot, titles)) for slot in joined]


def with_words(
    span: SessionSpan, said: Iterable[tuple[int, str | None, str | None]]
) -> SessionSpan:
    """The session as somebody named it afterwards. `said`: a second of a session, its title and a
    note, in order of time; None is nothing said."""
    for at, title, note in said:
        if span.start <= at <= span.end:
            span = replace(
                span,
                title=span.title if title is None else title,
                note=span.note if note is None else note,
            )
    return span


def _join(one: Slot, next: Slot) -> Slot:
    return Slot(one.first, next.last, one.seconds + next.seconds, max(one.peak, next.peak))


def _titles(slot: Slot, titles: Sequence[tuple[int, str]]) -> str:
    own = (title for started, title in titles if slot.first <= started <= slot.last)
    return ", ".join(dict.fromkeys(own))
