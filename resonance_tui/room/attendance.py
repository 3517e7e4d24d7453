"""Who is in a room as its host sees it: how often they report, and what looks like a forgery.

Pure: times are arguments, in epoch seconds of this machine. Silence is measured without the time
in which nobody could be heard: see `Attendance.still_s`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from resonance_tui.protocol.events import (
    Event,
    LeaveEvent,
    NicknameEvent,
    ReportEvent,
    RoomEvent,
    SweepEvent,
)
from resonance_tui.protocol.rules import NO_RULES, RoomRules
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.room.doubts import CONFIRM_S, RETURN_S, Doubts
from resonance_tui.room.namesakes import looks
from resonance_tui.room.sweeping import Sweeps

MOST_VIEWERS = 20_000  # followed at a time
WINDOW_S = 60.0  # over which reports are counted
MOST_COUNTED = 200  # reports in the window: more is a flood, whatever the number
SUSPECT_S = 600.0  # how long a mark stays
CLOCK_SLACK_S = 600.0  # clocks are wrong by minutes
MOST_NAMES = 3  # nicknames of one id that are remembered


@dataclass(frozen=True, slots=True)
class Attendee:
    """One viewer in a host's list."""

    viewer_id: str
    nickname: str  # as sent, whatever the rules say; "" when anonymous
    since: float  # when it came: as it says itself, or when it was first heard; epoch seconds
    reports_a_minute: float
    is_simulated: bool = False
    is_manual: bool = False
    is_film: bool = False
    asks_to_be_forgotten: bool = False
    is_unconfirmed: bool = False  # the broker remembers it, and nobody has heard it yet
    is_host: bool = False  # wears the host's badge
    is_muted: bool = False
    is_removed: bool = False
    is_name_hidden: bool = False
    is_locked_out: bool = False  # came after the room was locked
    doubts: tuple[str, ...] = ()  # what looks like a forgery, one short phrase each

    @property
    def marks(self) -> tuple[str, ...]:
        """Single words, in English: also for JSON."""
        flags = (
            ("unconfirmed", self.is_unconfirmed),
            ("host", self.is_host),
            ("simulated", self.is_simulated),
            ("key", self.is_manual),
            ("film", self.is_film),
            ("asks-to-be-forgotten", self.asks_to_be_forgotten),
            ("muted", self.is_muted),
            ("removed", self.is_removed),
            ("name-hidden", self.is_name_hidden),
            ("locked-out", self.is_locked_out),
        )
        return tuple(word for word, is_set in flags if is_set)


@dataclass(slots=True)
class _Seen:
    first_at: float
    heard_at: float  # room's seconds
    reports: deque[float] = field(default_factory=lambda: deque[float](maxlen=MOST_COUNTED))
    newest: Report | None = None
    last: Report | None = None  # as `newest`, and it outlives a departure
    # `newest` was kept by a broker, perhaps for long: until when it is waited for, room's seconds.
    rumour_until: float | None = None
    nickname: str = ""
    former_names: list[str] = field(default_factory=list[str])
    two_writers_at: float = -SUSPECT_S


class Attendance:
    """Every message of a room in, a host's list out."""

    def __init__(self, settings: RoomSettings | None = None, most: int = MOST_VIEWERS) -> None:
        """`settings` hold until the room's own are heard."""
        self._settings, self._most = settings or RoomSettings(), most
        # Of the room's host; None: it announces nothing, or was not heard yet.
        self.abilities: frozenset[str] | None = None
        self.reads_totals = False  # by the host's settings viewers may read totals alone
        self._doubts = Doubts[str](self._settings.stale_after_s)
        self.still_s = 0.0  # so long, in all, nobody could be heard
        self._seen: dict[str, _Seen] = {}
        self._judged: dict[str, str] = {}  # nicknames of those who were muted or removed, by id
        self._sweeps = Sweeps()
        self._began: float | None = None  # when the first message came

    @property
    def confirm_s(self) -> float:
        """So long after a subscription everybody has reported."""
        return self._settings.heartbeat_s + CONFIRM_S

    def reconnected(self, now: float) -> None:
        """Everybody may have left unnoticed; all reports that the broker keeps arrive anew."""
        self._doubts.lose(self.present(now))
        self._doubts.end_at(self._room_s(now) + self._settings.heartbeat_s + RETURN_S)

    def _room_s(self, now: float) -> float:
        return now - self.still_s

    def take(self, event: Event, now: float) -> None:
        """A message as it arrives; every one, not only the newest of each topic."""
        self._began = now if self._began is None else self._began
        match event:
            case ReportEvent():
                self._report(event, now)
            case RoomEvent():
                self.abilities = event.settings.abilities if event.settings else None
                self._settings = event.settings or RoomSettings()
                self.reads_totals = self._settings.totals
                self._doubts.stale_after_s = self._settings.stale_after_s
            case NicknameEvent():
                self._name(event.viewer_id, event.nickname, now)
            case SweepEvent():
                self._sweeps.note(event, now)
            case LeaveEvent() if not self._sweeps.covers(event, now):
                self._leave(event.viewer_id)
            case _:
                return

    def _leave(self, viewer_id: str) -> None:
        self._doubts.settle(viewer_id)
        if (seen := self._seen.get(viewer_id)) is not None:
            seen.newest = None

    def _at(self, viewer_id: str, now: float) -> _Seen | None:
        seen = self._seen.get(viewer_id)
        if seen is None and len(self._seen) < self._most:
            seen = self._seen[viewer_id] = _Seen(now, self._room_s(now))
        return seen

    def _report(self, event: ReportEvent, now: float) -> None:
        report, seen = event.report, self._at(event.viewer_id, now)
        if seen is None:
            return
        if event.is_retained:
            self._recall(event, seen, now)
            return
        self._doubts.uptime.said(report.up_s, self._room_s(now))
        seen.heard_at, seen.rumour_until = self._room_s(now), None
        seen.reports.append(now)
        if seen.last is not None and _is_anothers(report, seen.last):
            seen.two_writers_at = now
            return
        self._doubts.settle(event.viewer_id)
        seen.newest = seen.last = report

    def _recall(self, event: ReportEvent, seen: _Seen, now: float) -> None:
        """Takes a report that the broker had kept; see `Doubts`."""
        report, at, is_doubted = event.report, self._room_s(now), event.viewer_id in self._doubts
        is_heard = self._is_here(seen, at) and seen.rumour_until is None and not is_doubted
        is_old = seen.last is not None and report.order <= seen.last.order
        if is_heard or (is_old and not is_doubted):
            return
        age_s = self._settings.age_s(report, event.left_s)
        made_at = None if age_s is None else at - age_s
        if made_at is not None and self._doubts.believes(age_s):
            self._doubts.add(event.viewer_id, made_at)
            seen.heard_at = seen.heard_at if is_old else made_at
            seen.rumour_until = None
        elif not is_doubted:
            until = at + self.confirm_s if made_at is None else made_at + self._settings.patience_s
            seen.heard_at, seen.rumour_until = at, until
        if not is_old:
            seen.reports.append(now)
            seen.newest = seen.last = report

    def _look_at_doubted(self, now: float) -> None:
        for viewer_id, _ in self._doubts.look(self._room_s(now)):
            self._leave(viewer_id)

    def _name(self, viewer_id: str, nickname: str, now: float) -> None:
        seen = self._at(viewer_id, now)
        if seen is None or seen.nickname == nickname:
            return
        if nickname and nickname in seen.former_names:
            seen.two_writers_at = now
        if seen.nickname:
            others = [each for each in seen.former_names if each != seen.nickname]
            seen.former_names = [*others, seen.nickname][-MOST_NAMES:]
        seen.nickname = nickname

    def has_two_writers(self, viewer_id: str, now: float) -> bool:
        """Whether more than one program was seen to write under that id lately."""
        seen = self._seen.get(viewer_id)
        return seen is not None and now - seen.two_writers_at < SUSPECT_S

    def clock_behind_s(self, now: float) -> float:
        """By how much this machine's clock is behind those of most viewers who are here: they
        began later than now. 0 where it is not."""
        here = [self._seen[each] for each in self.present(now)]
        ahead = sorted(seen.last.boot - now for seen in here if seen.last is not None)
        median = ahead[len(ahead) // 2] if ahead else 0.0
        return median if median > CLOCK_SLACK_S else 0.0

    def nickname(self, viewer_id: str) -> str:
        """As sent; "" where none is known."""
        seen = self._seen.get(viewer_id)
        return seen.nickname if seen else ""

    def know_names(self, nicknames: Mapping[str, str]) -> None:
        """What viewers were called when a host muted or removed them, by id."""
        self._judged.update(nicknames)

    def tick(self, now: float) -> None:
        """Forget who has been silent for long."""
        at = self._room_s(now)
        self._look_at_doubted(now)
        for viewer_id, seen in list(self._seen.items()):
            if at - seen.heard_at > max(SUSPECT_S, self._settings.patience_s):
                del self._seen[viewer_id]

    def present(self, now: float) -> tuple[str, ...]:
        """The ids of who is in the room, whatever the rules say."""
        self._look_at_doubted(now)
        at = self._room_s(now)
        return tuple(each for each, seen in self._seen.items() if self._is_here(seen, at))

    def has_overdue(self, now: float) -> bool:
        """Whether somebody's heartbeat is overdue: is it the line's silence?"""
        oldest = self._room_s(now) - self._settings.stale_after_s
        return any(self._seen[each].heard_at <= oldest for each in self.present(now))

    def around(self, now: float) -> tuple[str, ...]:
        """Those, and who was there a minute ago: a connection that is lost comes back."""
        at = self._room_s(now)
        return tuple(
            each
            for each, seen in self._seen.items()
            if seen.last is not None and at - seen.heard_at <= WINDOW_S
        )

    def _is_here(self, seen: _Seen, at: float) -> bool:
        """`at`: room's seconds."""
        until = seen.heard_at + self._settings.patience_s
        return seen.newest is not None and at < (seen.rumour_until or until)

    def attendees(self, now: float, rules: RoomRules = NO_RULES) -> list[Attendee]:
        """Who is in the room: named first, then by nickname and id. Muted ones are among them."""
        here = {each: self._seen[each] for each in self.present(now)}
        namesakes = _namesakes(seen.nickname for seen in here.values())
        former = self._names_out(rules)
        found = [
            self._attendee(each, seen, now, rules, namesakes, former) for each, seen in here.items()
        ]
        return sorted(found, key=lambda a: (not a.nickname, a.nickname.casefold(), a.viewer_id))

    def _names_out(self, rules: RoomRules) -> dict[str, str]:
        """By the looks of a nickname: what the host did to who had it, and its id."""
        out = {viewer_id: "removed" for viewer_id in rules.removed}
        out |= {viewer_id: "muted" for viewer_id in rules.muted}
        for viewer_id in out:
            if name := self.nickname(viewer_id):
                self._judged[viewer_id] = name
        return {
            looks(name): f"{viewer_id}, who is {what}"
            for viewer_id, what in out.items()
            if (name := self._judged.get(viewer_id))
        }

    def _attendee(
        self,
        viewer_id: str,
        seen: _Seen,
        now: float,
        rules: RoomRules,
        namesakes: set[str],
        former: Mapping[str, str],
    ) -> Attendee:
        report = seen.newest
        assert report is not None, "who is here has reported"
        is_plausible = 0 < report.boot <= now
        return Attendee(
            viewer_id,
            seen.nickname,
            float(report.boot) if is_plausible else seen.first_at,
            self._pace(seen, now),
            is_simulated=report.is_simulated,
            is_manual=report.is_manual,
            is_film=report.is_film,
            asks_to_be_forgotten=report.asks_to_be_forgotten,
            is_unconfirmed=seen.rumour_until is not None,
            is_host=viewer_id in rules.host_ids,
            is_muted=viewer_id in rules.muted,
            is_removed=viewer_id in rules.removed,
            is_name_hidden=rules.nicknames_off or viewer_id in rules.hidden_names,
            is_locked_out=_is_locked_out(viewer_id, rules),
            doubts=(*_doubts(seen, now, namesakes), *_returns(viewer_id, seen, rules, former)),
        )

    def _pace(self, seen: _Seen, now: float) -> float:
        """Reports a minute; the one that the broker had kept does not count for a short look."""
        began = seen.first_at if self._began is None else max(seen.first_at, self._began)
        counted = sum(now - at <= WINDOW_S for at in seen.reports)
        return counted * 60.0 / min(WINDOW_S, max(now - began, 5.0))


def _is_locked_out(viewer_id: str, rules: RoomRules) -> bool:
    return rules.is_locked and bool(rules.admitted) and viewer_id not in rules.admitted


def _is_anothers(report: Report, last: Report) -> bool:
    """Whether no program that wrote `last` goes on with `report`: one that is started again
    begins a later boot, and one that goes on counts up."""
    if report.boot != last.boot:
        return report.boot < last.boot
    return report.seq < last.seq or (report.seq == last.seq and report != last)


def _namesakes(nicknames: Iterable[str]) -> set[str]:
    """Nicknames, by their looks, that more than one viewer has."""
    once: set[str] = set()
    twice: set[str] = set()
    for nickname in filter(None, nicknames):
        alike = looks(nickname)
        (twice if alike in once else once).add(alike)
    return twice


def _returns(
    viewer_id: str, seen: _Seen, rules: RoomRules, former: Mapping[str, str]
) -> tuple[str, ...]:
    """`former`: by the looks of a nickname, who of that name is muted or removed."""
    is_out = viewer_id in rules.muted or viewer_id in rules.removed
    what = former.get(looks(seen.nickname)) if seen.nickname and not is_out else None
    return (f"has the nickname of {what}",) if what else ()


def _doubts(seen: _Seen, now: float, namesakes: set[str]) -> tuple[str, ...]:
    found: list[str] = []
    if now - seen.two_writers_at < SUSPECT_S:
        found.append("two programs write under this id")
    if seen.nickname and looks(seen.nickname) in namesakes:
        found.append("another viewer has the same nickname")
    former = [each for each in seen.former_names if each != seen.nickname]
    if former:
        found.append(f"was called {', '.join(former)}")
    return tuple(found)
