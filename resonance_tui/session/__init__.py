"""One person in one room, without a screen: `core.Session` runs it, `events` is what it shows."""

from resonance_tui.engines.base import EngineState, EngineStatus, untrained
from resonance_tui.session.events import (
    CorrectedCounts,
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    PrivateCounts,
    RoomUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
    SessionView,
)

__all__ = [
    "CorrectedCounts",
    "EngineState",
    "EngineStatus",
    "HappeningUpdate",
    "LinkUpdate",
    "NoticeUpdate",
    "PrivateCounts",
    "RoomUpdate",
    "SelfUpdate",
    "SelfView",
    "SessionEvent",
    "SessionView",
    "untrained",
]
