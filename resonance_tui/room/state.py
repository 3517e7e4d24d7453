"""The viewers of a room and their emotions: reports in, snapshots out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.values import Counts, Report, RoomCounts
from resonance_tui.room.conduct import FREE, Conduct
from resonance_tui.room.doubts import Doubts
from resonance_tui.room.namesakes import Namesakes, told_apart
from resonance_tui.room.rumours import Rumours
from resonance_tui.room.teams import counted


@dataclass(frozen=True, slots=True)
class ViewerRow:
    """One line of the roster."""

    viewer_id: str
    nickname: str  # "" when anonymous; safe to draw, and told apart from others like it
    code: Emotion
    confidence: int  # per cent
    is_manual: bool
    is_simulated: bool
    is_stale: bool  # missed a heartbeat; gone once its time to live has passed
    is_host: bool = False  # by the room's rules, not by its own word
    is_film: bool = False  # what it reports is read from a film
    is_private: bool = False  # `code` is a randomised answer: says nothing of this viewer


@dataclass(frozen=True, slots=True)
class RoomSnapshot:
    """The room at one moment. `viewers == sum(counts) + unsure + away`, without `private` ones; but
    under a rule that shows less than is known."""

    viewers: int
    counts: tuple[int, ...]  # seven, in the order of `Emotion`
    unsure: int
    away: int
    rows: tuple[ViewerRow, ...]  # ordered: named first, then by nickname, then by id
    changed: frozenset[str]  # viewer ids whose row differs from the snapshot before
    gone: frozenset[str]  # viewer ids that left or went silent since the snapshot before
    is_total: bool = False  # counted by aggregators: `rows` holds only the own one
    confirming: int = 0  # viewers that the broker remembers and nobody has heard: not in the counts
    is_counting: bool = False  # the counts are not complete yet
    # Beside the counts, as in an `Aside`; empty where there is nothing of the kind. What is private
    # is noise until `private_counts` has made counts of it.
    private: Counts = ()
    answers: Answers | None = None
    reactions: Counts = ()  # heard since this program came
    teams: Mapping[int, Counts] = field(default_factory=dict[int, Counts])
    least: int = 0  # under the host's rule for small rooms: `counts` are in steps; 0: exact
    missing: int = 0  # viewers, until there may be counts: there are none
    is_blind: bool = False  # there are none before one has reacted oneself
    reads_totals: bool = False  # single reports may not be read here
    is_uncounted: bool = False  # and nobody counts them at the moment

    @property
    def is_withheld(self) -> bool:
        """Whether nothing may be shown but how many are there."""
        return self.is_blind or self.missing > 0

    @property
    def people(self) -> int:
        """Everybody in the room, those too whose reports are private."""
        return self.viewers + sum(self.private)


EMPTY_ROOM = RoomSnapshot(0, (0,) * 7, 0, 0, (), frozenset(), frozenset())

_REMEMBER_TTLS = 20  # how long, in times to live, a departed viewer's last order is kept


@dataclass(slots=True)
class _Viewer:
    report: Report
    heard_at: float  # monotonic seconds
    nickname: str
    is_counted: bool
    changed_at: float  # monotonic seconds
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Departed:
    order: tuple[int, int]  # (boot, seq) of the last report
    at: float  # monotonic seconds


def _roster_order(item: tuple[str, ViewerRow]) -> tuple[bool, str, str]:
    viewer_id, row = item
    return (not row.nickname, row.nickname.casefold(), viewer_id)


class RoomState:
    """Reports and names in, snapshots out; the same whatever the order they came in.

    Times are the receiver's own monotonic seconds: a sender's clock decides nothing. A viewer
    who left or fell silent stays remembered for a while by its `(boot, seq)` alone, so that an
    old report, delivered late or again, does not bring it back. Who is not counted by the
    room's conduct stays known, so that lifting that shows it again at once. Who is known from a
    rumour alone is not present: see `Rumours`.
    """

    def __init__(
        self, *, ttl: float = 14.0, stale_after: float = 11.6, max_viewers: int = 5000
    ) -> None:
        self._ttl = ttl
        self._max_viewers = max_viewers
        self._present: dict[str, _Viewer] = {}  # least recently heard first
        self._departed: dict[str, _Departed] = {}  # the one who went first comes first
        self._nicknames: dict[str, str] = {}  # of viewers who are not, or not yet, present
        self.doubts = Doubts[str](stale_after)
        self._is_in_order, self._latest = True, -math.inf  # `_present`; monotonic seconds
        self.rumours = Rumours(max_viewers)
        self._conduct = FREE
        self._namesakes = Namesakes()
        self._tally = [0] * len(Emotion)  # of those who are counted
        self._private = [0] * len(Emotion)  # the same, of those whose reports are private
        self._rows: dict[str, ViewerRow] = {}  # of the last snapshot, in its order
        self._touched: set[str] = set()  # rows to look at again
        self._is_sorted = True
        self._last = EMPTY_ROOM

    def be_patient(self, *, ttl: float, stale_after: float) -> None:
        """For how many seconds a silent viewer stays, and after how many it looks stale."""
        self._ttl, self.doubts.stale_after_s = ttl, stale_after

    def obey(self, conduct: Conduct) -> None:
        """What holds in the room from now on. Costs a look at every viewer."""
        if conduct == self._conduct:
            return
        self._conduct, self._namesakes = conduct, Namesakes()
        self._tally, self._private = [0] * len(Emotion), [0] * len(Emotion)
        for viewer_id, viewer in self._present.items():
            viewer.is_counted = conduct.counts(viewer_id)
            self._count(viewer.report, viewer.is_counted)
            self._list_name(viewer_id, viewer)
        self._touched.update(self._present)
        self._is_sorted = False

    def _count(self, report: Report, by: int) -> None:
        (self._private if report.is_private else self._tally)[report.code] += by

    @property
    def doubted(self) -> int:
        """How many of those who are counted may be gone."""
        return sum(self._present[each].is_counted for each in self.doubts)

    @property
    def has_stale(self) -> bool:
        """Whether somebody's heartbeat is overdue; as of the last `tick`."""
        first = next(iter(self._present.values()), None)  # the least recently heard
        return first is not None and first.is_stale

    def doubt(self) -> None:
        """Disconnected: every viewer may leave unnoticed from now on."""
        self.doubts.lose(self._present)
        self.rumours.lose()

    def doubt_until(self, then: float) -> None:
        """Reconnected: viewers that nothing confirms before `then` are dropped."""
        self.doubts.end_at(then)

    def recall(self, viewer_id: str, report: Report, now: float, age_s: float | None) -> bool:
        """Takes a report that the broker has kept for `age_s`, None where that is not known. Its
        sender is in the room unless it is too old, and in doubt until a live report says more, or
        `uptime`. False for one that says nothing new."""
        if age_s is None:
            return self._rumour(viewer_id, report, now)
        made_at = now - age_s
        if not self.doubts.believes(age_s):
            ends = made_at + self._ttl
            return now < ends and self._rumour(viewer_id, report, now, until=ends)
        is_known = viewer_id in self._present and viewer_id not in self.doubts
        is_news = self._take(viewer_id, report, made_at)
        if viewer_id in self._present and not is_known:
            self.doubts.add(viewer_id, made_at)
        return is_news

    def _rumour(self, viewer_id: str, report: Report, now: float, until: float = math.inf) -> bool:
        viewer, departed = self._present.get(viewer_id), self._departed.get(viewer_id)
        if viewer is not None and viewer_id not in self.doubts:
            return False  # heard live, which says more
        is_old = departed is not None and report.order <= departed.order
        may_wait = viewer is None and not is_old
        return self.rumours.hear(viewer_id, report, now, may_wait=may_wait, until=until)

    def report(self, viewer_id: str, report: Report, now: float) -> bool:
        """Takes a live report in. False for one that is not newer, or when the room is full."""
        if not self.rumours.confirms(viewer_id, report):
            return False
        self.doubts.uptime.said(report.up_s, now)
        viewer = self._present.get(viewer_id)
        if viewer is not None and report.order >= viewer.report.order:
            self.doubts.settle(viewer_id)
        return self._take(viewer_id, report, now)

    def _take(self, viewer_id: str, report: Report, now: float) -> bool:
        """`now`: when it was made, which may be some seconds ago."""
        viewer = self._present.get(viewer_id)
        self._is_in_order &= not self._present or now >= self._latest
        self._latest = max(self._latest, now)
        if viewer is None:
            return self._enter(viewer_id, report, now)
        if report.order <= viewer.report.order:
            return False
        is_same_kind = report.is_private == viewer.report.is_private
        if is_same_kind and report.code is not viewer.report.code:
            report = self._slowed(viewer, report, now)
        self._count(viewer.report, -viewer.is_counted)
        self._count(report, viewer.is_counted)
        self._present[viewer_id] = self._present.pop(
            viewer_id
        )  # the most recently heard: to the end
        viewer.report, viewer.heard_at, viewer.is_stale = report, now, False
        self._touched.add(viewer_id)
        return True

    def _slowed(self, viewer: _Viewer, report: Report, now: float) -> Report:
        """In slow mode a change that comes too soon waits for the next heartbeat."""
        if now - viewer.changed_at < self._conduct.patience_s:
            return replace(report, code=viewer.report.code, confidence=viewer.report.confidence)
        viewer.changed_at = now
        return report

    def _enter(self, viewer_id: str, report: Report, now: float) -> bool:
        departed = self._departed.get(viewer_id)
        if departed and report.order <= departed.order:
            return False
        if len(self._present) >= self._max_viewers:
            return False
        self._departed.pop(viewer_id, None)
        is_counted, nickname = self._conduct.counts(viewer_id), self._nicknames.pop(viewer_id, "")
        viewer = self._present[viewer_id] = _Viewer(report, now, nickname, is_counted, now)
        self._count(report, is_counted)
        self._list_name(viewer_id, viewer)
        self._touched.add(viewer_id)
        self._is_sorted = False
        return True

    def name(self, viewer_id: str, nickname: str, now: float) -> None:
        """Remembers a nickname that is safe to draw; "" forgets it."""
        viewer = self._present.get(viewer_id)
        if viewer is None:
            self._keep_nickname(viewer_id, nickname)
        elif viewer.nickname != nickname:
            self._unlist_name(viewer_id, viewer)
            viewer.nickname = nickname
            self._list_name(viewer_id, viewer)
            self._touched.add(viewer_id)
            self._is_sorted = False

    def _list_name(self, viewer_id: str, viewer: _Viewer) -> None:
        if viewer.nickname and viewer.is_counted and self._conduct.shows_name(viewer_id):
            self._touched |= self._namesakes.add(viewer_id, viewer.nickname)

    def _unlist_name(self, viewer_id: str, viewer: _Viewer) -> None:
        if viewer.nickname:
            self._touched |= self._namesakes.remove(viewer_id)

    def _keep_nickname(self, viewer_id: str, nickname: str) -> None:
        self._nicknames.pop(viewer_id, None)
        if nickname:
            self._nicknames[viewer_id] = nickname
        if len(self._nicknames) > self._max_viewers:
            del self._nicknames[next(iter(self._nicknames))]

    def leave(self, viewer_id: str, now: float, *, is_swept: bool = False) -> None:
        """Takes a viewer out. Coming back takes a newer report. `is_swept`: others cleared its
        report, which says nothing of who was heard lately."""
        self.rumours.forget(viewer_id)
        if not is_swept:
            self._drop(viewer_id, now)

    def _drop(self, viewer_id: str, now: float) -> None:
        viewer = self._present.pop(viewer_id, None)
        if viewer is None:
            return
        self.doubts.settle(viewer_id)
        self._count(viewer.report, -viewer.is_counted)
        self._unlist_name(viewer_id, viewer)
        self._touched.add(viewer_id)
        self._is_sorted = False
        self._keep_nickname(viewer_id, viewer.nickname)
        self._departed[viewer_id] = _Departed(viewer.report.order, now)
        if len(self._departed) > self._max_viewers:
            del self._departed[next(iter(self._departed))]

    def tick(self, now: float) -> RoomSnapshot:
        """The room as of now. Costs little more than the rows that changed."""
        self._expire(now)
        changed = frozenset(each for each in self._touched if self._refresh(each))
        gone = frozenset(
            each for each in self._touched if each in self._rows and not self._is_shown(each)
        )
        for viewer_id in gone:
            del self._rows[viewer_id]
        self._touched.clear()
        if not self._is_sorted:
            self._rows = dict(sorted(self._rows.items(), key=_roster_order))
            self._is_sorted = True
        self._last = self._snapshot(changed, gone)
        return self._last

    def _expire(self, now: float) -> None:
        self._look_at_doubted(now)
        self.rumours.look(now)
        if not self._is_in_order:
            self._present = dict(sorted(self._present.items(), key=lambda each: each[1].heard_at))
            self._is_in_order = True
        for viewer_id, viewer in list(self._overdue(now)):
            if now - viewer.heard_at >= self._ttl:
                self._drop(viewer_id, now)
            elif not viewer.is_stale:
                viewer.is_stale = True
                self._touched.add(viewer_id)
        while self._departed:
            viewer_id, departed = next(iter(self._departed.items()))
            if now - departed.at < _REMEMBER_TTLS * self._ttl:
                break
            del self._departed[viewer_id]

    def _look_at_doubted(self, now: float) -> None:
        for viewer_id, made_at in self.doubts.look(now):
            report = self._present[viewer_id].report
            self._drop(viewer_id, now)
            if made_at is not None:
                ends = made_at + self._ttl
                self.rumours.hear(viewer_id, report, now, may_wait=True, until=ends)
        if self.rumours.is_answered(now):
            for viewer_id in list(self.doubts):
                if self._present[viewer_id].report.answers_calls:
                    self._drop(viewer_id, now)

    def _overdue(self, now: float) -> Iterator[tuple[str, _Viewer]]:
        """Viewers silent for a while: they come first, so most ticks look at one."""
        for viewer_id, viewer in self._present.items():
            if now - viewer.heard_at < self.doubts.stale_after_s:
                return
            yield viewer_id, viewer

    def _is_shown(self, viewer_id: str) -> bool:
        viewer = self._present.get(viewer_id)
        return viewer is not None and viewer.is_counted

    def _refresh(self, viewer_id: str) -> bool:
        """Draws one row anew; whether it differs from the last snapshot's."""
        viewer = self._present.get(viewer_id)
        if viewer is None or not viewer.is_counted:
            return False
        row = self._row(viewer_id, viewer)
        if self._rows.get(viewer_id) == row:
            return False
        self._rows[viewer_id] = row
        return True

    def _row(self, viewer_id: str, viewer: _Viewer) -> ViewerRow:
        report = viewer.report
        return ViewerRow(
            viewer_id,
            self._shown_name(viewer_id, viewer),
            report.code,
            report.confidence,
            report.is_manual,
            report.is_simulated,
            viewer.is_stale,
            viewer_id in self._conduct.hosts,
            report.is_film,
            report.is_private,
        )

    def _shown_name(self, viewer_id: str, viewer: _Viewer) -> str:
        if not viewer.nickname or not self._conduct.shows_name(viewer_id):
            return ""
        is_one_of_many = self._namesakes.has_others(viewer_id)
        return told_apart(viewer_id, viewer.nickname) if is_one_of_many else viewer.nickname

    def _snapshot(self, changed: frozenset[str], gone: frozenset[str]) -> RoomSnapshot:
        rows = tuple(self._rows.values()) if changed or gone else self._last.rows
        emotions, unsure, away = RoomCounts.from_nine(self._tally)
        return RoomSnapshot(
            viewers=sum(self._tally),
            counts=emotions,
            unsure=unsure,
            away=away,
            rows=rows,
            changed=changed,
            gone=gone,
            confirming=sum(map(self._conduct.counts, self.rumours.waiting())),
            teams=self._teams() if self._conduct.teams else {},
            private=tuple(self._private) if any(self._private) else (),
        )

    def _teams(self) -> Mapping[int, Counts]:
        """A look at every viewer. A randomised answer is in no team: it says nothing of one."""
        members = (
            (each.report.team, each.report.code)
            for each in self._present.values()
            if each.is_counted and not each.report.is_private
        )
        return counted(members, self._conduct.teams)
