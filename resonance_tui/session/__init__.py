"""One person in one room, without a screen: `core.Session` runs it, `view` is what it shows."""

from resonance_tui.session.events import (
    CorrectedCounts,
    EngineState,
    EngineStatus,
    LinkUpdate,
    NoticeUpdate,
    RoomUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
    SessionView,
    untrained,
)

__all__ = [
    "CorrectedCounts",
    "EngineState",
    "EngineStatus",
    "LinkUpdate",
    "NoticeUpdate",
    "RoomUpdate",
    "SelfUpdate",
    "SelfView",
    "SessionEvent",
    "SessionView",
    "untrained",
]
