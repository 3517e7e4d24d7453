"""What messages carry: a viewer's report, counts of a room, its settings, results; pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from resonance_tui.emotions import Emotion

LATE_S = 4.0  # that a report may be late, where somebody's line or machine stalls

MANUAL = 1  # report flag: stated with a key, not read from a face
SIMULATED = 2  # report flag: no person behind it
FILM = 4  # report flag: read from a film, which may show anybody
PRIVATE = 16  # report flag: the code is a randomised answer, counted apart from what is a fact
REPORT_LIFETIME_S = 15  # a broker keeps a report, unless heartbeats are slow
FORMER_LIFETIME_S = 30  # by clients of before, who do not say how long they are connected
MOST_UP_S = 120  # a report says no more
FORGET_ME = 32  # report flag: its sender asks the host to delete what was recorded
ANSWERS_CALLS = 8  # report flag: its sender repeats it when somebody calls the roll

SHARDS = 64  # parts of a room, by the viewers' ids; fixed in this version of the protocol

Counts = tuple[int, ...]  # nine, in the order of `Emotion`
NO_COUNTS: Counts = (0,) * len(Emotion)

INVITE_PREFIX = "invite-"  # an invite's login on the broker is this and the invite's id


class RoomCounts(NamedTuple):
    """How many viewers of a room are in each state.

    Messages carry nine counts in the order of `Emotion`, in which `away` stands before `unsure`;
    database and sheets have nine columns in the order of the fields here.
    """

    emotions: tuple[int, ...]  # seven, in the order of `Emotion`
    unsure: int
    away: int

    @classmethod
    def from_nine(cls, nine: Sequence[int]) -> RoomCounts:
        """From counts in the order of `Emotion`."""
        return cls(tuple(nine[: Emotion.AWAY]), nine[Emotion.UNSURE], nine[Emotion.AWAY])

    @classmethod
    def from_columns(cls, columns: Sequence[int]) -> RoomCounts:
        """From the columns of a stored row. Raises ValueError unless there are nine."""
        *emotions, unsure, away = columns
        if len(columns) != len(Emotion):
            raise ValueError(f"{len(columns)} counts instead of {len(Emotion)}")
        return cls(tuple(emotions), unsure, away)

    @property
    def nine(self) -> Counts:
        """In the order of `Emotion`."""
        return (*self.emotions, self.away, self.unsure)


@dataclass(frozen=True, slots=True)
class Report:
    """One viewer's state. Of two reports the one with the higher `(boot, seq)` holds."""

    boot: int  # u32, epoch seconds of the process start, never falling between starts
    seq: int  # u32, counts up within one boot
    code: Emotion
    confidence: int  # per cent, 0-100
    flags: int = 0  # MANUAL | SIMULATED | FILM | ANSWERS_CALLS | FORGET_ME | PRIVATE
    # The sender has been connected to this broker for more than `up_s` - 1 seconds; 0: it does not
    # say, as clients of before.
    up_s: int = 0
    team: int = 0  # 1-8: a place in the host's list of teams; 0: in none

    @property
    def order(self) -> tuple[int, int]:
        return self.boot, self.seq

    @property
    def is_manual(self) -> bool:
        return bool(self.flags & MANUAL)

    @property
    def is_simulated(self) -> bool:
        return bool(self.flags & SIMULATED)

    @property
    def is_film(self) -> bool:
        return bool(self.flags & FILM)

    @property
    def asks_to_be_forgotten(self) -> bool:
        return bool(self.flags & FORGET_ME)

    @property
    def is_private(self) -> bool:
        return bool(self.flags & PRIVATE)

    @property
    def answers_calls(self) -> bool:
        return bool(self.flags & ANSWERS_CALLS)


@dataclass(frozen=True, slots=True)
class Partial:
    """What one aggregator counted. Of two of the same one the higher `(boot, seq)` holds."""

    boot: int
    seq: int
    shards: Mapping[int, Counts]  # all that it counts, empty ones too


CAN_PRIVATE = "private"  # private reports are counted apart
CAN_QUESTIONS = "questions"
# What clients of this version may use where the room's host says so: see `RoomSettings.abilities`.
REACTIONS, TEAMS = "reactions", "teams"
ABILITIES = frozenset({REACTIONS, "roll-call", "sweep", TEAMS, CAN_PRIVATE, CAN_QUESTIONS})


def report_lifetime_s(heartbeat_s: float) -> int:
    """For so long a broker keeps a report."""
    return round(max(REPORT_LIFETIME_S, 1.5 * heartbeat_s))


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What a host sets for a room. Times in the unit that the name ends in.

    `abilities`: what the host's own programs understand, so that whoever is here may use it. The
    words are this protocol's, and those of later ones; none in a room without a host, or whose
    host is of a version before. `totals`: the broker lets viewers read totals alone.
    """

    shards: int = SHARDS
    tick_ms: int = 250
    heartbeat_s: int = 10
    ttl_s: int = 30
    mesh_max: int = 200  # up to so many viewers, all subscribe to all reports
    abilities: frozenset[str] = frozenset()
    totals: bool = False
    late_s: float = LATE_S  # that a report may be late; the receiver's own, not the host's

    def age_s(self, report: Report, left_s: float | None) -> float | None:
        """How old a report is that a broker kept and forgets after `left_s` more; None: not
        known."""
        if left_s is None:
            return None
        lifetime_s = report_lifetime_s(self.heartbeat_s)
        if not report.up_s:
            lifetime_s = max(FORMER_LIFETIME_S, lifetime_s)
        return float(max(0, lifetime_s - left_s))

    @property
    def patience_s(self) -> float:
        """After so many seconds of silence a viewer is gone: a heartbeat and `late_s`, or sooner
        by `ttl_s`, but never before 1.4 heartbeats."""
        return min(self.heartbeat_s + self.late_s, max(float(self.ttl_s), 1.4 * self.heartbeat_s))

    @property
    def stale_after_s(self) -> float:
        """After so many seconds of silence a viewer looks stale: the heartbeat is overdue."""
        late_s = min(LATE_S, self.patience_s - self.heartbeat_s)
        return self.heartbeat_s + 0.4 * late_s

    @property
    def counts_hold_s(self) -> float:
        """For so long what an aggregator counted is believed: `ttl_s`, but never less than 2.5
        heartbeats."""
        return max(float(self.ttl_s), 2.5 * self.heartbeat_s)


class EnrollmentResult(StrEnum):
    """The outcome of an enrolment request."""

    WELCOME = "welcome"
    USED = "used"
    FULL = "full"  # a room link that has let in as many as it was made for
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NAME_TAKEN = "name-taken"
    REVOKED = "revoked"
    REMOVED = "removed"  # the account that this name had
    LOCKED = "locked"  # the room lets nobody new in
    WAIT = "wait"  # too many at once: ask again later
    BROKEN = "broken"  # the request itself is not as it should be


class Party(StrEnum):
    """A kind of participant. The first four are roles of accounts."""

    VIEWER = "viewer"
    AGGREGATOR = "aggregator"
    LOGGER = "logger"
    HOST = "host"
    BRIDGE = "bridge"  # of one of several brokers
    GUEST = "guest"  # who holds an invite
