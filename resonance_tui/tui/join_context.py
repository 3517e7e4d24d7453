"""What the screens need to start: a channel, a broker's list, a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import uint8
    from numpy.typing import NDArray

    from resonance_tui.emotions import Emotion
    from resonance_tui.messaging.connection import LinkStatus
    from resonance_tui.messaging.discovery import ChannelInfo
    from resonance_tui.protocol.rules import RoomRules
    from resonance_tui.room.attendance import Attendee
    from resonance_tui.room.timeline import TimelinePoint
    from resonance_tui.room_keys import LoggedAct
    from resonance_tui.session import SessionEvent, SessionView
    from resonance_tui.tui.alerts import Alerts


class SessionLike(Protocol):
    """One person in one room, as far as the live screen touches it."""

    @property
    def view(self) -> SessionView: ...

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None: ...

    def timeline(self) -> tuple[TimelinePoint, ...]: ...

    def preview(self) -> NDArray[uint8] | None: ...

    async def run(self) -> None: ...

    def set_camera(self, on: bool) -> None: ...

    def set_sharing(self, on: bool) -> None: ...

    def set_corrected(self, on: bool) -> None: ...

    def mute_locally(self, viewer_id: str, on: bool = True) -> None: ...

    def hide_nicknames(self, on: bool) -> None: ...

    def accept_host_key(self) -> None: ...

    def say(self, code: Emotion | None) -> None: ...


class DeskLike(Protocol):
    """A host's or co-host's connection to a room, as far as the host's screen touches it."""

    is_courtesy: bool | None
    trouble: str
    status: LinkStatus

    @property
    def channel(self) -> str: ...

    @property
    def rules(self) -> RoomRules: ...

    def acts(self) -> list[LoggedAct]: ...

    def attendees(self) -> list[Attendee]: ...

    async def act(self, name: str, value: str = "") -> RoomRules:
        """Raises Problem."""
        ...

    async def run(self) -> None: ...


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
    def alerts(self) -> Alerts:
        """How a person wants to be told of what happens."""
        ...

    @property
    def needs_consent(self) -> bool: ...

    @property
    def recent_channels(self) -> tuple[str, ...]: ...

    def give_consent(self) -> None:
        """Remember the yes on this machine."""

    def suggest_nickname(self) -> str:
        """A random friendly handle."""
        ...

    async def channels(self) -> list[ChannelInfo]:
        """The channels the broker knows. Raises ResonanceError."""
        ...

    def check_channel(self, text: str) -> str:
        """The channel as it will be used. Raises InvalidChannel."""
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
