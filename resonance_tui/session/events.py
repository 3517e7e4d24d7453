"""What a session shows and tells: frozen values, safe to hand to any thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineStatus, Flaw
from resonance_tui.messaging.link_status import LinkStatus
from resonance_tui.pipeline.baseline import BaselineState
from resonance_tui.pipeline.seats import MOST_SEATS
from resonance_tui.pipeline.sources import CameraStatus
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.rules import RoomRules
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot
from resonance_tui.room.together import Evening
from resonance_tui.room.trust import Trust
from resonance_tui.session.outage import Outage
from resonance_tui.session.private_voice import PrivacyView
from resonance_tui.texts import tr

SelfState = Literal["ok", "unsure", "away", "paused"]
HappeningKind = Literal[
    "joined",
    "left",
    "laugh",
    "gasp",
    "link_lost",
    "link_back",
    "host",
    "recording_on",
    "recording_off",
]


@dataclass(frozen=True, slots=True)
class SelfView:
    """What this viewer reports, and how it came about."""

    state: SelfState = "away"
    code: Emotion = Emotion.AWAY
    confidence: float = 0.0  # 0-1
    probabilities: tuple[float, ...] = ()  # seven, smoothed; stays on this machine
    latency_ms: dict[str, float] = field(default_factory=dict)  # per stage, newest clip
    is_manual: bool = False  # said by key
    is_simulated: bool = False  # there is no person behind it


@dataclass(frozen=True, slots=True)
class CorrectedCounts:
    """What the room probably shows once the mistakes known of `engine` are taken out."""

    engine: str
    counts: tuple[float, ...] = ()  # seven, in the order of `Emotion`; empty where there are none
    low: tuple[float, ...] = ()  # ends of the 95 % band
    high: tuple[float, ...] = ()
    lacking: str = ""  # why there are none


@dataclass(frozen=True, slots=True)
class PrivateCounts:
    """What those in the room probably feel whose reports are private: the noise taken out."""

    viewers: int
    epsilon: float
    counts: tuple[float, ...] = ()  # nine, right on average, so some may be below 0; or none
    low: tuple[float, ...] = ()  # ends of the 95 % band
    high: tuple[float, ...] = ()
    lacking: str = ""  # why there are none


@dataclass(frozen=True, slots=True)
class OwnChoice:
    """What this viewer answered; stays on this machine where answers are private."""

    question: int  # its id
    choice: int  # from 1; 0: taken back


@dataclass(frozen=True, slots=True)
class HappeningUpdate:
    """Something happened that people in the room would mention."""

    t: float  # epoch seconds
    kind: HappeningKind
    text: str  # one short line in English that the catalogue can translate
    names: tuple[str, ...] = ()  # of those who came or left
    people: int = 0  # who came, left, laugh or gasp; 0 where it is not about people


class Standing(StrEnum):
    """Whether the own report counts in the room."""

    COUNTED = "counted"
    MUTED = "muted"  # by the host
    LOCKED_OUT = "locked-out"  # came after the room was locked


@dataclass(frozen=True, slots=True)
class HostView:
    """What screens need of the host's word, as of one moment."""

    rules: RoomRules | None = None  # None: there are none
    trust: Trust = Trust.UNKNOWN
    key: bytes | None = None  # the room's own, as far as it is believed; 32 bytes
    shown_key: bytes | None = None  # another one that the room shows
    ended_at: int = 0  # epoch seconds: when the rules that nothing has followed expired
    standing: Standing = Standing.COUNTED
    muted_here: frozenset[str] = frozenset()  # by this viewer, for itself alone
    hides_nicknames: bool = False  # the same


@dataclass(frozen=True, slots=True)
class SessionView:
    """Everything a screen needs, as of one moment."""

    channel: str
    nickname: str
    viewer_id: str
    broker_url: str  # without a password
    link: LinkStatus
    camera: CameraStatus
    engine: EngineStatus
    me: SelfView = field(default_factory=SelfView)
    faces: int = 0  # in view, read or not
    reads: int = 1  # how many of them are read at most, each as a viewer of its own
    room: RoomSnapshot = EMPTY_ROOM  # during an outage: as it was before
    outage: Outage | None = None  # None while connected
    silent_s: int = 0  # connected, and the broker has not answered for so long; 0: it answers
    happenings: tuple[HappeningUpdate, ...] = ()  # the newest comes last
    together: str = ""  # how you and the room differ, one line; stays on this machine
    evening: Evening | None = None  # what the visit adds up to so far; stays on this machine
    team: str = ""  # that one is in, as the host calls it
    resonance: float | None = None  # how much the room moves together, 0-1; None: not known
    corrected: CorrectedCounts | None = None  # None unless switched on
    private: PrivateCounts | None = None  # None where nobody's report is private
    privacy: PrivacyView | None = None  # of the own reports; None while they are not private
    too_far: bool = False  # the own face is in view, too far from the camera to be read
    baseline: BaselineState = BaselineState.UNUSED  # of the own face; stays on this machine
    flaw: Flaw = Flaw.NONE  # why the own face is unsure; stays on this machine
    is_sharing: bool = True
    is_recording: bool = False
    asks_to_be_forgotten: bool = False  # until the host says that it is done
    choice: OwnChoice | None = None  # None: no question of the host's was answered
    question: str | None = None  # for the person; the answer goes to `Session.answer`
    notice: str = ""  # one line that the person should see (a local broker was started, ...)
    host: HostView = field(default_factory=HostView)

    @property
    def rules(self) -> RoomRules | None:
        """That hold in the room; None where there are none."""
        return self.host.rules

    @property
    def trust(self) -> Trust:
        """Why the room's key is believed, or is not."""
        return self.host.trust


@dataclass(frozen=True, slots=True)
class SelfUpdate:
    """A new reading of the own face (several a second), or a second has passed."""

    t: float  # epoch seconds
    me: SelfView


@dataclass(frozen=True, slots=True)
class RoomUpdate:
    """The room changed, or a second has passed."""

    t: float
    room: RoomSnapshot
    resonance: float | None = None
    corrected: CorrectedCounts | None = None
    team_names: tuple[str, ...] = ()  # of the host's list: that of team 1 comes first
    private: PrivateCounts | None = None
    question: Question | None = None  # that `room.answers` are about; it may be over


@dataclass(frozen=True, slots=True)
class LinkUpdate:
    """The connection changed."""

    t: float
    status: LinkStatus


@dataclass(frozen=True, slots=True)
class NoticeUpdate:
    """Something that the person should know."""

    t: float
    text: str
    place: str = ""  # the address that it is about, for who looks at no screen


@dataclass(frozen=True, slots=True)
class ReactionsUpdate:
    """What the room sent with keys in a second that is over; never who."""

    t: int  # epoch seconds: the second
    counts: tuple[int, ...]  # eight, in the order of `Reaction`; not all are 0


SessionEvent = (
    SelfUpdate | RoomUpdate | LinkUpdate | NoticeUpdate | HappeningUpdate | ReactionsUpdate
)


def faces_text(faces: int, reads: int) -> str:
    """How many faces are in view and how many of them are read; "" where there is only one.

    Detectors look for no more than there are seats."""
    if faces < 2:
        return ""
    if faces == MOST_SEATS and reads == 1:
        return tr("{faces} faces or more; the nearest is read", faces=faces)
    if faces == MOST_SEATS:
        return tr("{faces} faces or more; {reads} are read", faces=faces, reads=reads)
    if reads == 1:
        return tr("{faces} faces; the nearest is read", faces=faces)
    if faces <= reads:
        return tr("{faces} faces, each is read", faces=faces)
    return tr("{faces} faces; {reads} are read", faces=faces, reads=reads)
