"""Reports that a broker keeps although their senders may be gone: heard, and not believed yet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from resonance_tui.protocol.values import Report

ANSWER_S = 4.0  # after a roll call everybody who answers them has been heard


@dataclass(slots=True)
class _Rumour:
    order: tuple[int, int]  # (boot, seq)
    answers_calls: bool
    is_waiting: bool  # for a live report that confirms it
    until: float  # monotonic seconds; inf where its age is not known


class Rumours:
    """What a broker without expiry remembers of viewers, until a live report says more.

    All of them wait until the same moment, `confirm_s` after the subscription that brought them:
    by then every living viewer has repeated its report. What comes later is not waited for. Times
    are monotonic seconds. At most `most` are kept.
    """

    def __init__(self, most: int = 5000) -> None:
        self.confirm_s = 11.0
        self._most = most
        self._kept: dict[str, _Rumour] = {}
        self._began_at: float | None = None
        self._called_at = math.inf

    def waiting(self) -> Iterator[str]:
        """Viewers who are perhaps in the room."""
        return (viewer_id for viewer_id, each in self._kept.items() if each.is_waiting)

    def lose(self) -> None:
        """Disconnected: the broker tells everything again."""
        self._kept.clear()
        self._began_at, self._called_at = None, math.inf

    def begin(self, now: float) -> None:
        """Subscribed: what the broker remembers is arriving."""
        self._began_at, self._called_at = now, math.inf

    def called(self, now: float) -> None:
        """Everybody was asked for their report."""
        self._called_at = min(self._called_at, now)

    def is_answered(self, now: float) -> bool:
        """Whether who answers roll calls, and is there, has been heard."""
        return now - self._called_at >= ANSWER_S

    def hear(
        self,
        viewer_id: str,
        report: Report,
        now: float,
        *,
        may_wait: bool,
        until: float = math.inf,
    ) -> bool:
        """Keeps what the broker remembers; whether it is new. `may_wait`: its viewer is not known
        to be present, or gone. `until`: then it is gone in any case."""
        if self._began_at is None:
            self._began_at = now
        order, known = (report.boot, report.seq), self._kept.get(viewer_id)
        if now - self._began_at >= self.confirm_s or (known and order <= known.order):
            return False
        if known is None and len(self._kept) >= self._most:
            return False
        self._kept[viewer_id] = _Rumour(order, report.answers_calls, may_wait, until)
        return True

    def confirms(self, viewer_id: str, report: Report) -> bool:
        """Takes a live report: whether it is as new as what is waited for."""
        known = self._kept.get(viewer_id)
        if known is not None and known.is_waiting and (report.boot, report.seq) < known.order:
            return False
        self._kept.pop(viewer_id, None)
        return True

    def forget(self, viewer_id: str) -> None:
        """The broker remembers this viewer no longer."""
        self._kept.pop(viewer_id, None)

    def look(self, now: float) -> None:
        """No longer waits for those whose time is over; to be called every second at least."""
        is_over = self._began_at is not None and now - self._began_at >= self.confirm_s
        is_answered = self.is_answered(now)
        for each in self._kept.values():
            is_silent = is_answered and each.answers_calls
            each.is_waiting &= not (is_over or is_silent or now >= each.until)
