"""What the screens need to start: a channel, a broker's list, a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import uint8
    from numpy.typing import NDArray

    from resonance_tui.emotions import Emotion
    from resonance_tui.messaging.discovery import ChannelInfo
    from resonance_tui.room.timeline import TimelinePoint
    from resonance_tui.session import SessionEvent, SessionView


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

    def say(self, code: Emotion | None) -> None: ...

    def answer(self, yes: bool) -> None:
        """To `view.question`."""
        ...


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

    def open_session(self, channel: str, nickname: str) -> SessionLike:
        """A session that has not been started. Raises ResonanceError."""
        ...
