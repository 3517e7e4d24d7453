"""Decoded messages."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.asides import Aside, AsidePartial
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import SignedRules
from resonance_tui.protocol.values import Counts, Partial, Report, RoomSettings


@dataclass(frozen=True, slots=True)
class ReportEvent:
    channel: str
    viewer_id: str
    report: Report
    is_retained: bool = False  # the broker kept it: whether its sender is still there is not known
    left_s: float | None = None  # of a kept one: after so many more the broker forgets it


@dataclass(frozen=True, slots=True)
class NicknameEvent:
    channel: str
    viewer_id: str
    nickname: str  # safe to draw; "" when taken back


@dataclass(frozen=True, slots=True)
class AnswerEvent:
    """What a viewer says to a host's question."""

    channel: str
    viewer_id: str
    answer: Answer | None  # None: its sender has cleared it, and it stays counted
    is_retained: bool = False
    left_s: float | None = None  # of a kept one: after so many more the broker forgets it


@dataclass(frozen=True, slots=True)
class LeaveEvent:
    channel: str
    viewer_id: str
    is_swept: bool = False  # others cleared what nobody had renewed: no word of the viewer's own


@dataclass(frozen=True, slots=True)
class RoomEvent:
    channel: str
    settings: RoomSettings | None  # None when the host closed the room
    host: str = ""  # the id of the host that announced it, where it gave one


@dataclass(frozen=True, slots=True)
class RollCallEvent:
    """Somebody who has just come asks everybody for their report."""

    channel: str
    viewer_id: str  # who asks


@dataclass(frozen=True, slots=True)
class TotalEvent:
    """The room as its aggregator counts it."""

    channel: str
    viewers: int
    counts: Counts
    boot: int = 0
    seq: int = 0
    edges: int = 1  # brokers over which the room is spread
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class TotalOverEvent:
    """The last aggregator of the room has gone."""

    channel: str


@dataclass(frozen=True, slots=True)
class AgentEvent:
    """An aggregator is present, or (`boot` None) has gone."""

    channel: str
    agent_id: str
    boot: int | None
    edge: str = ""  # of several brokers, the one whose viewers it counts
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class PartialEvent:
    """What one aggregator counted."""

    channel: str
    agent_id: str
    partial: Partial
    edge: str = ""


@dataclass(frozen=True, slots=True)
class AsidePartialEvent:
    """What one aggregator counted beside its partial."""

    channel: str
    agent_id: str
    partial: AsidePartial
    edge: str = ""


@dataclass(frozen=True, slots=True)
class AsideTotalEvent:
    """What is counted in the whole room beside its total; nothing when it was taken back."""

    channel: str
    aside: Aside
    boot: int = 0
    seq: int = 0
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class Unrenewed:
    """A viewer whose report a broker still has, as it was last heard of."""

    viewer_id: str
    boot: int
    seq: int


@dataclass(frozen=True, slots=True)
class SweepEvent:
    """Somebody is about to clear what these viewers left behind, unless they report."""

    channel: str
    agent_id: str  # who sweeps
    unrenewed: tuple[Unrenewed, ...]


@dataclass(frozen=True, slots=True)
class EdgeEvent:
    """The bridge of one of several brokers came up or went down."""

    edge: str
    is_up: bool


@dataclass(frozen=True, slots=True)
class EnrollmentRequest:
    """The holder of an invite asks for an account."""

    invite_id: str
    name: str
    digest: str  # of the password, as the broker keeps it


@dataclass(frozen=True, slots=True)
class EnrollmentAnswer:
    """The host's answer to an enrolment request."""

    invite_id: str
    name: str  # whose request it answers; several people may hold one invite
    result: str  # an `EnrollmentResult`, or a value of a newer host


@dataclass(frozen=True, slots=True)
class HostKeyEvent:
    """The room's own key, as somebody shows it; nothing of it is verified."""

    channel: str
    key: bytes | None  # 32, the public half; None when it was taken back
    spki: bytes = b""  # the public key of the broker's certificate; empty without one
    voucher: bytes = b""  # its signature


@dataclass(frozen=True, slots=True)
class RulesEvent:
    """Rules of the room, as somebody shows them; nothing of them is verified."""

    channel: str
    viewer_id: str  # on whose topic
    signed: SignedRules | None  # None when they were taken back


Event = (
    ReportEvent
    | NicknameEvent
    | AnswerEvent
    | LeaveEvent
    | RollCallEvent
    | RoomEvent
    | TotalEvent
    | TotalOverEvent
    | AgentEvent
    | PartialEvent
    | AsidePartialEvent
    | AsideTotalEvent
    | SweepEvent
    | EdgeEvent
    | EnrollmentRequest
    | EnrollmentAnswer
    | HostKeyEvent
    | RulesEvent
)
