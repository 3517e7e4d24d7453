"""Clearing what viewers left behind at a broker where nothing expires: whom, when, and how a
clearing is told from a viewer's own leaving; pure. Times are monotonic seconds."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from resonance_tui.protocol.events import (
    AsideTotalEvent,
    Event,
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    SweepEvent,
    TotalEvent,
    TotalOverEvent,
    Unrenewed,
)
from resonance_tui.protocol.frames import SWEEP_MOST, encode_sweep
from resonance_tui.protocol.messages import ASIDE_TOTAL, NICKNAME, REPORT, SWEEP, TOTAL
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import shard_of
from resonance_tui.protocol.values import RoomSettings

COVERS_S = 5.0  # after a sweep, what clears a viewer it names is not the viewer's own word
ANSWER_S = 1.5  # for those it names to report, before anything is cleared
JITTER_S = 4.0  # at most; so that of several who could sweep one does
LOSSES_MOST = 2
UNHEARD_MOST = 3
DEAF_S = 2.5  # without a look: silence may be ours, or the broker's, and proves nothing
MOST_FOLLOWED = 200_000


def sweeps_after_s(settings: RoomSettings) -> float:
    """Seconds of silence. Never before two heartbeats are missed: programs that do not know sweeps
    take a clearing for a leaving."""
    return max(float(settings.ttl_s), 2.5 * settings.heartbeat_s)


class Sweeps:
    """Which viewers were named in a sweep just now."""

    def __init__(self) -> None:
        self._named: dict[
            tuple[str, str], float
        ] = {}  # channel and viewer: until when; oldest first

    def note(self, sweep: SweepEvent, now: float) -> None:
        for each in sweep.unrenewed:
            self._named.pop((sweep.channel, each.viewer_id), None)
            self._named[sweep.channel, each.viewer_id] = now + COVERS_S
        while self._named and (
            next(iter(self._named.values())) <= now or len(self._named) > MOST_FOLLOWED
        ):
            del self._named[next(iter(self._named))]

    def covers(self, leave: LeaveEvent, now: float) -> bool:
        """Whether this was a clearing by others."""
        return now < self._named.get((leave.channel, leave.viewer_id), -math.inf)


@dataclass(slots=True)
class _Followed:
    boot: int = 0
    seq: int = 0
    has_report: bool = False  # that the broker keeps; else it keeps a nickname alone


class Sweeper:
    """Follows one room, and says what to send so that nothing stays of who has gone.

    A viewer is swept after `sweeps_after_s` without a live report, all of which this was listening.
    First a sweep names it, and whoever reports then is not cleared; nor is what somebody else
    clears first. Where clearings have no effect, for want of rights, it gives up.
    """

    def __init__(self, channel: str, agent_id: str, dice: random.Random | None = None) -> None:
        self.agent_id = agent_id
        self.has_given_up = False
        self._channel = channel
        self._dice = dice or random.Random()
        self._patience_s = sweeps_after_s(RoomSettings())
        self._followed: dict[str, _Followed] = {}
        self._silent_since: dict[str, float] = {}  # of the same; longest first
        self._named: dict[str, float] = {}  # in our last sweeps: when
        self._cleared: dict[str, float] = {}  # by us, when; until the clearing is heard
        self._sweep_at: float | None = None  # drawn when the first one is due
        self._looked_at = -math.inf
        self._losses = 0  # of connections, amid a sweep
        self._unheard = 0  # times that clearings were never heard
        self._has_cleared = False  # one was: we have the right to
        self._total_due: float | None = None  # when one that nobody renews is cleared
        self._has_aside = False  # beside it

    def take(self, event: Event, now: float) -> None:
        match event:
            case ReportEvent():
                self._report(event, now)
            case NicknameEvent(nickname=""):
                if not self._has_report(event.viewer_id):
                    self._drop(event.viewer_id)
            case NicknameEvent():
                self._follow(event.viewer_id, now)
            case LeaveEvent():
                self._has_cleared |= event.viewer_id in self._cleared
                self._drop(event.viewer_id)
            case SweepEvent() if event.agent_id != self.agent_id:
                for each in event.unrenewed:
                    self._postpone(each.viewer_id, now)
            case TotalEvent():
                jitter_s = self._dice.uniform(0.0, JITTER_S)
                self._total_due = now + self._patience_s + jitter_s
            case AsideTotalEvent():
                self._has_aside = bool(event.aside)
            case TotalOverEvent():
                self._total_due = None
            case RoomEvent():
                self._patience_s = sweeps_after_s(event.settings or RoomSettings())
            case _:
                return

    def lost(self) -> None:
        """The connection has gone. One that a broker ends when we clear is not made to do so for
        ever."""
        self._losses += bool(self._named or self._cleared)
        self.has_given_up = self.has_given_up or self._losses >= LOSSES_MOST
        self.forget()

    def forget(self) -> None:
        """Reports no longer come."""
        self._total_due = None
        self._followed.clear()
        self._silent_since.clear()
        self._named.clear()
        self._cleared.clear()
        self._sweep_at = None

    def watch(self, shards: frozenset[int]) -> None:
        """Reports of other shards no longer come."""
        for viewer_id in [each for each in self._followed if shard_of(each) not in shards]:
            self._drop(viewer_id)

    def _has_report(self, viewer_id: str) -> bool:
        known = self._followed.get(viewer_id)
        return known is not None and known.has_report

    def _report(self, event: ReportEvent, now: float) -> None:
        known = self._follow(event.viewer_id, now)
        if known is None:
            return
        report = event.report
        known.boot, known.seq, known.has_report = report.boot, report.seq, True
        if not event.is_retained:
            self._postpone(event.viewer_id, now)

    def _follow(self, viewer_id: str, now: float) -> _Followed | None:
        known = self._followed.get(viewer_id)
        if known is None and len(self._followed) < MOST_FOLLOWED:
            known = self._followed[viewer_id] = _Followed()
            self._silent_since[viewer_id] = now
        return known

    def _postpone(self, viewer_id: str, now: float) -> None:
        self._named.pop(viewer_id, None)
        self._cleared.pop(viewer_id, None)
        if self._silent_since.pop(viewer_id, None) is not None:
            self._silent_since[viewer_id] = now

    def _drop(self, viewer_id: str) -> None:
        for each in (self._followed, self._silent_since, self._named, self._cleared):
            each.pop(viewer_id, None)

    def step(self, now: float) -> list[Outgoing]:
        """What to send now; to be asked at least every second, after all that arrived was taken."""
        deaf_s, self._looked_at = now - self._looked_at, now
        if deaf_s > DEAF_S:
            self._listen_anew(now)
        self._drop_unheard(now)
        self.has_given_up = self.has_given_up or self._unheard >= UNHEARD_MOST
        if self.has_given_up:
            return []
        return self._end_of_total(now) or self._clearings(now) or self._sweep(now)

    def _drop_unheard(self, now: float) -> None:
        """A single one may be unheard because its viewer is muted here, for messages that anybody
        may have sent: it says nothing of our rights where others had an effect."""
        unheard = [each for each, at in self._cleared.items() if now - at > COVERS_S]
        self._unheard += bool(unheard) and not self._has_cleared
        for viewer_id in unheard:
            self._drop(viewer_id)

    def _end_of_total(self, now: float) -> list[Outgoing]:
        """Once; who may not has done no harm."""
        if self._total_due is None or now < self._total_due:
            return []
        self._total_due = None
        total = TOTAL.clearing(self._channel)
        return [total, ASIDE_TOTAL.clearing(self._channel)] if self._has_aside else [total]

    def _listen_anew(self, now: float) -> None:
        if self._total_due is not None:
            self._total_due = now + self._patience_s
        self._silent_since = dict.fromkeys(self._silent_since, now)
        self._named.clear()
        self._cleared.clear()
        self._sweep_at = None

    def _clearings(self, now: float) -> list[Outgoing]:
        """For those who were named and did not answer."""
        messages: list[Outgoing] = []
        for viewer_id in [each for each, at in self._named.items() if now - at >= ANSWER_S]:
            del self._named[viewer_id]
            self._cleared[viewer_id] = now
            messages.append(NICKNAME.clearing(self._channel, viewer_id))
            if self._followed[viewer_id].has_report:
                messages.append(REPORT.clearing(self._channel, viewer_id))
        return messages

    def _sweep(self, now: float) -> list[Outgoing]:
        due = self._due(now)
        if not due:
            self._sweep_at = None
            return []
        if self._sweep_at is None:
            self._sweep_at = now + self._dice.uniform(0.0, JITTER_S)
        if now < self._sweep_at or self._named:
            return []
        self._named = dict.fromkeys(due, now)
        left = {each: self._followed[each] for each in due}
        unrenewed = [Unrenewed(each, known.boot, known.seq) for each, known in left.items()]
        return [SWEEP.outgoing(encode_sweep(unrenewed), self._channel, self.agent_id)]

    def _due(self, now: float) -> list[str]:
        due: list[str] = []
        for viewer_id, since in self._silent_since.items():
            if now - since < self._patience_s or len(due) == SWEEP_MOST:
                break
            if viewer_id not in self._cleared:
                due.append(viewer_id)
        return due
