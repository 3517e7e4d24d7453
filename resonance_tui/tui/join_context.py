"""What the screens need to start: a channel, a broker's list, a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import uint8
    from numpy.typing import NDArray

    from resonance_tui.emotions import Emotion
    from resonance_tui.messaging.link_status import LinkStatus
    from resonance_tui.messaging.wire_log import WireLog
    from resonance_tui.pipeline.sources import Source
    from resonance_tui.protocol.nearby import NearbyRoom
    from resonance_tui.protocol.rules import RoomRules
    from resonance_tui.reaction_kinds import Reaction
    from resonance_tui.room.attendance import Attendee
    from resonance_tui.room.timeline import TimelinePoint
    from resonance_tui.room_keys import LoggedAct
    from resonance_tui.session import SessionEvent, SessionView
    from resonance_tui.tui.alerts import AlertKind, Alerts


class SessionLike(Protocol):
    """One person in one room, as far as the live screen touches it."""

    @property
    def view(self) -> SessionView: ...

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None: ...

    def timeline(self) -> tuple[TimelinePoint, ...]: ...

    def preview(self) -> NDArray[uint8] | None: ...

    async def run(self) -> None: ...

    def set_camera(self, on: bool) -> None: ...

    def capture_baseline(self) -> bool: ...

    def set_source(self, source: Source) -> None: ...

    def set_sharing(self, on: bool) -> None: ...

    def set_nickname(self, nickname: str) -> None: ...

    def set_recording(self, on: bool) -> None: ...

    def mark(self, at: float, text: str) -> None:
        """`at`: epoch seconds."""
        ...

    def set_stream_delay(self, delay_s: float) -> None: ...

    def set_corrected(self, on: bool) -> None: ...

    def mute_locally(self, viewer_id: str, on: bool = True) -> None: ...

    def hide_nicknames(self, on: bool) -> None: ...

    def ask_to_be_forgotten(self, on: bool) -> None: ...
    def accept_host_key(self) -> None: ...

    def say(self, code: Emotion | None) -> None: ...

    def set_team(self, name: str) -> None:
        """One of the names in the room's rules; "": none."""
        ...

    def react(self, kind: Reaction) -> str:
        """Why it is not sent; "" where it is."""
        ...

    def answer_question(self, choice: int) -> str:
        """The host's; see `Session.answer_question`."""
        ...

    def answer(self, yes: bool) -> None:
        """To `view.question`."""
        ...


class DeskLike(Protocol):
    """A host's or co-host's connection to a room, as far as the host's screen touches it."""

    is_courtesy: bool | None
    trouble: str
    why_lost: str
    status: LinkStatus

    @property
    def channel(self) -> str: ...

    @property
    def rules(self) -> RoomRules: ...

    @property
    def keeps_reports(self) -> bool:
        """Whether the broker keeps reports from other viewers."""
        ...

    @property
    def sees_all(self) -> bool:
        """Whether this login reads who is there."""
        ...

    def acts(self) -> list[LoggedAct]: ...

    def attendees(self) -> list[Attendee]: ...

    async def act(self, name: str, value: str = "", *, whom: str | None = None) -> RoomRules:
        """`whom`: for the log, where that is not the value. Raises Problem."""
        ...

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ListedRoom:
    """One that the broker knows that was asked."""

    channel: str
    viewers: int
    is_sure: bool = True  # else perhaps more, or by what is remembered of people who have gone


@dataclass(frozen=True, slots=True)
class RecentRoom:
    """One that was joined before."""

    channel: str
    broker: str = ""  # safe to show; "" for this machine's own
    title: str = ""
    nickname: str = ""


RoomChoice: TypeAlias = "ListedRoom | RecentRoom | NearbyRoom"


class JoinContext(Protocol):
    """What was asked on the command line, and the way from there to a session."""

    @property
    def channel(self) -> str | None: ...

    @property
    def nickname(self) -> str: ...

    @property
    def broker_url(self) -> str:
        """Safe to show: carries no password."""
        ...

    @property
    def wire(self) -> WireLog:
        """What was sent and received last."""
        ...

    @property
    def told_to(self) -> str:
        """The broker that the room of the command line is at, safe to show; "" while no room is
        chosen and the settings name no broker."""
        ...

    @property
    def alerts(self) -> Alerts:
        """How a person wants to be told of what happens."""
        ...

    @property
    def needs_consent(self) -> bool: ...

    def needs_consent_for(self, source: Source) -> bool: ...

    @property
    def reads_all(self) -> bool:
        """Whether everybody in view is read."""
        ...

    def give_consent(self) -> None:
        """Remember the yes on this machine."""

    @property
    def theme(self) -> str:
        """The one that was chosen last; "" for our own."""
        ...

    def remember_theme(self, theme: str) -> None: ...

    def remember_alert(self, kind: AlertKind, on: bool) -> None: ...

    async def cameras(self) -> list[Source]:
        """What there is to choose from."""
        ...

    def use_camera(self, source: Source) -> None:
        """In rooms that are joined from now on."""

    @property
    def recent_rooms(self) -> tuple[RecentRoom, ...]: ...

    def suggest_nickname(self) -> str:
        """The one that was used last, or a random friendly handle."""
        ...

    def random_nickname(self) -> str: ...

    def nickname_in(self, channel: str) -> str:
        """The one that one has in that room; "" where none is known."""
        ...

    async def channels(self) -> list[ListedRoom]:
        """The channels the broker knows. Raises ResonanceError."""
        ...

    async def follow_nearby(self, changed: Callable[[list[NearbyRoom]], None]) -> None:
        """Until cancelled: `changed` takes the rooms that hosts announce on this network, whenever
        they change. Raises ResonanceError."""

    def is_trusted(self, room: NearbyRoom) -> bool:
        """Whether its fingerprint need not be asked about."""
        ...

    async def reach(self, choice: str | RoomChoice, say: Callable[[str], object]) -> str:
        """The channel of a choice, or of what was typed or pasted: a channel, a link, a whole
        command. Sessions of it are opened at its broker from now on. An invite is redeemed; `say`
        takes how that goes. Raises Problem."""
        ...

    def check_nickname(self, text: str) -> str:
        """The nickname as it will be used, "" for none. Raises InvalidNickname."""
        ...

    def open_desk(self, channel: str) -> DeskLike | None:
        """The host's connection, not started; None where this machine has no key for the room."""
        ...

    def open_session(self, channel: str, nickname: str) -> SessionLike:
        """A session that has not been started. Raises ResonanceError."""
        ...
