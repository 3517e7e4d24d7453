"""The room as one viewer knows it: all reports in a small room, the total in a large one."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.events import (
    AnswerEvent,
    AsideTotalEvent,
    Event,
    HostKeyEvent,
    LeaveEvent,
    NicknameEvent,
    ReactionEvent,
    ReportEvent,
    RollCallEvent,
    RoomEvent,
    RulesEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.questions import answers_to
from resonance_tui.protocol.traits import BrokerTraits, settings_at
from resonance_tui.protocol.values import REACTIONS, RoomCounts, RoomSettings
from resonance_tui.room.authority import Authority
from resonance_tui.room.ballot import Ballot, age_of
from resonance_tui.room.conduct import FREE, Conduct
from resonance_tui.room.doubts import CONFIRM_S, RETURN_S
from resonance_tui.room.reaction_counts import ReactionCounts
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot, RoomState, ViewerRow
from resonance_tui.room.subscription_mode import Mode, ModeSelector
from resonance_tui.room.teams import TEAM_LEAST, visible
from resonance_tui.session.counting import MARGIN_S, Counting, Hearing
from resonance_tui.session.curtain import Curtain

FILL_S = 2.0  # at most: the last total is shown until all reports are in
SETTLE_S = 0.5  # after the first connection: for retained messages
QUIET_S = 0.2  # without another retained report: all of them have arrived
VOUCHED_S = 0.6  # after them, somebody who is there has reported in all but small rooms
CALL_MOST = 50  # viewers who are asked for at once: each answer goes to all of them


@dataclass(frozen=True, slots=True)
class RoomTiming:
    """What room settings mean for one viewer; all in seconds."""

    heartbeat_s: float
    stale_after_s: float  # without a report, a viewer looks stale
    ttl_s: float  # and is gone
    total_stale_after_s: float
    total_repeat_s: float  # an unchanged one is repeated within it


def timing_of(settings: RoomSettings) -> RoomTiming:
    beat = float(settings.heartbeat_s)
    tick = settings.tick_ms / 1e3
    stale_s, patience_s = settings.stale_after_s, settings.patience_s
    return RoomTiming(beat, stale_s, patience_s, beat + 3 * tick, beat / 4 + tick)


class RoomModel:
    """Messages in, snapshots out. Times are seconds of a `RoomClock`.

    `settings` hold until the host's arrive. `authority` takes what concerns the room's key and
    rules; its owner asks it what holds, and has that obeyed.
    """

    def __init__(self, settings: RoomSettings | None = None) -> None:
        self.authority: Authority | None = None
        self.conduct = FREE
        self.reactions = ReactionCounts()
        self._traits: BrokerTraits | None = None
        self._counting = Counting()
        self._settings = settings or RoomSettings()
        self.is_announced = False  # what its host says has been heard
        self._switch = ModeSelector()
        self._room = RoomState()
        self._curtain = Curtain()
        self._ballot = Ballot()
        self._shown = EMPTY_ROOM  # everything that is known, whatever of it may be shown
        self._fills_until = -math.inf
        self._holds_total = False  # what is counted now was in a total before
        self._is_connected = False
        self._hears_total = False  # a live one came on this connection
        self._missing = math.inf  # viewers shown when the connection was lost; 0: none awaited
        self._doubts_until = math.inf
        self._return_s: float | None = None  # None: by the room's pace
        self._recalled_at = -math.inf  # the newest report that the broker had kept
        self._calls_again = False  # nobody was called since the reports were subscribed to
        self._hearing = Hearing()
        self._adjust()

    @property
    def pace(self) -> RoomTiming:
        return timing_of(settings_at(self._traits, self._settings))

    @property
    def subscribes_all(self) -> bool:
        """Whether single reports are wanted; as of the last `look`."""
        return self._switch.mode is Mode.MESH

    @property
    def awaits_somebody(self) -> bool:
        """Whether a viewer's heartbeat is overdue, as of the last `look`: is it the line's
        silence?"""
        return self._switch.mode is Mode.MESH and self._room.has_stale

    def offers(self, ability: str) -> bool:
        """Whether the room's host says that this may be used here: a word of `ABILITIES`."""
        return ability in self._settings.abilities

    def expect_return(self, within_s: float) -> None:
        """All viewers notice a lost broker at once and are back that soon after it."""
        self._return_s = within_s

    def connected(self, is_connected: bool, now: float) -> None:
        """Take the state of the connection; call it before each `look`."""
        if is_connected and not self._is_connected:
            is_first = self._missing == math.inf
            patience_s = self._return_s or self.pace.heartbeat_s + RETURN_S
            self._doubts_until = now + (SETTLE_S if is_first else patience_s)
            self._room.doubt_until(math.inf if is_first else self._doubts_until)
            self._subscribed(now)
            self._holds_total = False
        elif self._is_connected and not is_connected:
            self._missing = max(self._missing, self._shown.people)
            self._room.doubt()
            self._hears_total = False
        self._is_connected = is_connected

    def _subscribed(self, now: float) -> None:
        self._room.rumours.begin(now)
        self._counting.begin(now)
        self._hearing.begin(now)
        self._calls_again = True

    def calls_roll(self, now: float) -> bool:
        """Whether to ask everybody for their report now, after a `look`; True counts as asked.

        Once for each subscription, where that tells sooner than a heartbeat who is there.
        """
        traits, room = self._traits, self._shown
        if traits is None or not self._is_connected or not self._calls_again:
            return False
        if not self.subscribes_all:
            return False
        if self._holds_total and self._switch.viewers > CALL_MOST:
            return False  # all of a large room would call at once
        brings_nothing = traits.brings_retained is False and room.is_counting
        wait_s = VOUCHED_S if traits.expires else QUIET_S
        if not brings_nothing and now - self._recalled_at < wait_s:
            return False
        unsure_of = room.confirming + self._room.doubted
        is_due = brings_nothing or 0 < unsure_of <= CALL_MOST
        self._calls_again &= not is_due
        return is_due

    def is_fact(self, now: float) -> bool:
        """Whether the snapshot of the last `look` may be recorded.

        While somebody may be there of whom only the broker knows, be it a viewer or who counts
        them, or counts are not complete: no.
        Disconnected: no. Reconnected: once as many viewers are confirmed as were shown before, or
        after the time in which they would have reconnected.
        """
        is_all_there = self._confirmed >= self._missing
        if self._is_connected and (is_all_there or now >= self._doubts_until):
            self._missing = 0
        room = self._shown
        is_heard = self._hears_total if room.is_total else not self._room.doubted
        is_complete = is_heard and not (room.confirming or room.is_counting)
        return self._is_connected and not self._missing and is_complete

    @property
    def _confirmed(self) -> int:
        """Viewers shown that a report has confirmed since the reconnection."""
        shown = self._shown.people
        return shown if self._shown.is_total else shown - self._room.doubted

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on."""
        if conduct != self.conduct:
            self.conduct = conduct
            self._room.obey(conduct)
            self._ballot.obey(conduct)

    def know(self, traits: BrokerTraits | None, now: float) -> None:
        """Take what is known of the broker; call it before events are taken."""
        if traits != self._traits:
            self._traits = traits
            self._adjust()
        self._counting.know(traits)

    def take(self, event: Event, now: float) -> None:
        match event:
            case ReportEvent():
                self._take_report(event, now)
            case ReactionEvent():
                self._take_reaction(event, now)
            case RollCallEvent():  # our own came back: everybody has heard it
                self._room.rumours.called(now)
            case NicknameEvent():
                self._room.name(event.viewer_id, event.nickname, now)
            case LeaveEvent():
                self._room.leave(event.viewer_id, now, is_swept=event.is_swept)
            case RoomEvent():
                self._settings = event.settings or RoomSettings()
                self.is_announced = True
                self._adjust()
            case TotalEvent():
                order, is_spread = (event.boot, event.seq), event.edges > 1
                is_rumour = self._is_rumour(event)
                self._hears_total |= not event.is_retained
                self._switch.observe(
                    *(order, event.counts, now),
                    is_spread=is_spread,
                    is_rumour=is_rumour,
                    viewers=event.viewers,
                    least=event.least,
                )
            case AnswerEvent(answer=answer) if answer is not None:
                age_s = age_of(event.left_s) if event.is_retained else 0.0
                self._ballot.take(event.viewer_id, answer, time.time(), age_s=age_s)
            case AsideTotalEvent():
                if not self._is_rumour(event):
                    self._switch.observe_aside((event.boot, event.seq), event.aside, now)
                self._take_reaction_total(event)
            case TotalOverEvent():
                self._switch.end()
            case HostKeyEvent() | RulesEvent():
                if self.authority is not None:
                    self.authority.take(event, now)
            case _:  # between aggregators
                return

    def _take_reaction(self, event: ReactionEvent, now: float) -> None:
        is_counted = self.conduct.counts(event.viewer_id)
        if is_counted and self.offers(REACTIONS) and self.subscribes_all:
            said = event.viewer_id, event.boot, event.counts, now, event.newest
            self.reactions.take(*said)

    def _take_reaction_total(self, event: AsideTotalEvent) -> None:
        is_live = self._hears_total and not event.is_retained
        if event.aside.reactions:
            is_news = is_live and not self.subscribes_all
            self.reactions.take_total(event.boot, event.aside.reactions, is_news=is_news)

    def _is_rumour(self, event: TotalEvent | AsideTotalEvent) -> bool:
        return event.is_retained and self._traits is not None and not self._traits.expires

    def _take_report(self, event: ReportEvent, now: float) -> None:
        viewer_id, report = event.viewer_id, event.report
        self._hearing.heard(viewer_id)
        if not event.is_retained:
            self._room.report(viewer_id, report, now)
        elif self._room.recall(viewer_id, report, now, self._settings.age_s(report, event.left_s)):
            self._recalled_at = now

    def _adjust(self) -> None:
        pace = self.pace
        self._switch.mesh_max = self._settings.mesh_max
        self._switch.stale_after = pace.total_stale_after_s
        self._switch.rumour_after = 3 * pace.total_repeat_s
        self._room.rumours.confirm_s = pace.heartbeat_s + CONFIRM_S
        self._room.be_patient(ttl=pace.ttl_s, stale_after=pace.stale_after_s)

    def look(self, now: float, own: ViewerRow | None) -> RoomSnapshot:
        """The room as of now, as far as its host's rules let one see it. `own`: this viewer's row,
        for rooms that list no other."""
        before = self._switch.mode
        self._switch.reads_totals = self._reads_totals(now)
        if self._switch.select(now) is not before:
            self._change_over(now)
        room = self._room.tick(now)
        is_mesh = self._switch.mode is Mode.MESH
        is_counting = is_mesh and self._counting.goes_on(now, self.pace.heartbeat_s)
        is_filling = now < self._fills_until or (is_counting and self._holds_total)
        is_less = room.people < self._switch.viewers + sum(self._switch.aside(now).private)
        if self._switch.mode is Mode.TOTAL or (is_filling and is_less):
            room = self._of_total(now, own)
        else:
            room = replace(room, answers=self._ballot.answers)
        reactions = self.reactions.total if any(self.reactions.total) else ()
        is_uncounted = self._switch.is_without_total(now)
        room = replace(
            room,
            is_counting=is_counting or is_uncounted,
            reactions=reactions,
            reads_totals=self._switch.reads_totals,
            is_uncounted=is_uncounted,
        )
        self._shown = _after(self._shown, room)
        return _without_small_teams(self._curtain.show(self._shown, own, self.conduct, now))

    def _reads_totals(self, now: float) -> bool:
        """Whether single reports may not be read here: so the host says, or the broker, or they
        do not come although many are there."""
        is_denied = self._traits is not None and self._traits.denies_reports
        is_live = self._hears_total and self._switch.is_told(now) and self.subscribes_all
        there = self._switch.viewers if is_live else 0
        wait_s = 2 * self.pace.heartbeat_s + MARGIN_S
        return self._settings.totals or is_denied or self._hearing.is_kept_out(there, wait_s, now)

    def react(self, now: float, *, is_reaction: bool, is_sharing: bool) -> None:
        """What one does oneself, for a room that is seen only by who has reacted."""
        self._curtain.react(now, is_reaction=is_reaction, is_sharing=is_sharing)

    @property
    def known(self) -> tuple[ViewerRow, ...]:
        """The viewers that are listed, whether they may be shown or not."""
        return self._shown.rows

    def _answers_of(self, total: Answers | None) -> Answers | None:
        """Those to the question that the host asks; what answers another one says nothing."""
        question = self._ballot.question
        return None if question is None else Answers(question.id, answers_to(question, total))

    def _change_over(self, now: float) -> None:
        """Reports that were heard before are no longer renewed, or long outdated."""
        uptime, self._room = self._room.doubts.uptime, RoomState()
        self._room.doubts.uptime = uptime
        self._room.obey(self.conduct)
        self._adjust()
        self._subscribed(now)
        is_mesh = self._switch.mode is Mode.MESH and not self._switch.is_rumour
        self._holds_total = is_mesh
        self._fills_until = now + FILL_S if is_mesh else -math.inf

    def _of_total(self, now: float, own: ViewerRow | None) -> RoomSnapshot:
        aside = self._switch.aside(now)
        rows = (own,) if own is not None else ()
        counts, viewers, confirming = self._switch.counts, self._switch.viewers, 0
        if self._switch.is_without_total(now):
            here = [row.code for row in rows]
            counts, viewers = tuple(map(here.count, Emotion)), len(here)
        elif self._switch.is_rumour:
            here = [row.code for row in rows]
            confirming = max(0, viewers - len(here))
            counts, viewers = tuple(map(here.count, Emotion)), len(here)
        emotions, unsure, away = RoomCounts.from_nine(counts)
        is_new = rows != self._shown.rows
        ids = {row.viewer_id for row in rows}
        return RoomSnapshot(
            viewers=viewers,
            counts=emotions,
            unsure=unsure,
            away=away,
            rows=rows if is_new else self._shown.rows,
            changed=frozenset(ids if is_new else ()),
            gone=frozenset(row.viewer_id for row in self._shown.rows) - ids,
            is_total=True,
            confirming=confirming,
            least=0 if self._switch.is_rumour else self._switch.least,
            private=aside.private,
            answers=self._answers_of(aside.answers),
            teams=aside.teams,
        )


def _without_small_teams(room: RoomSnapshot) -> RoomSnapshot:
    if not room.teams:
        return room
    nine = RoomCounts(room.counts, room.unsure, room.away).nine
    return replace(room, teams=visible(room.teams, nine, room.least or TEAM_LEAST))


def _after(before: RoomSnapshot, now: RoomSnapshot) -> RoomSnapshot:
    """`now`, with what changed since a snapshot from another source."""
    if before.is_total == now.is_total:
        return now
    here = frozenset(row.viewer_id for row in now.rows)
    gone = frozenset(row.viewer_id for row in before.rows) - here
    return replace(now, changed=here, gone=gone)
