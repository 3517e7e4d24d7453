"""One person in one room, without a screen: `core.Session` runs it, `view` is what it shows."""

from resonance_tui.session.view import (
    CorrectedCounts,
    EngineState,
    EngineStatus,
    LinkEvent,
    NoticeEvent,
    RoomEvent,
    SelfEvent,
    SelfView,
    SessionEvent,
    SessionView,
    untrained,
)

__all__ = [
    "CorrectedCounts",
    "EngineState",
    "EngineStatus",
    "LinkEvent",
    "NoticeEvent",
    "RoomEvent",
    "SelfEvent",
    "SelfView",
    "SessionEvent",
    "SessionView",
    "untrained",
]
