"""What a simulated crowd sent, and what the room counts of it: the difference is loss."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from resonance_tui.emotions import WORDS
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.simulation.observer import RoomView


@dataclass(frozen=True, slots=True)
class Standing:
    """The crowd and its room at one moment."""

    alive: int  # simulated viewers in the room
    sent: int  # reports
    lost: int  # connections that broke
    turned_away: int  # connections that were refused or timed out
    room: RoomView
    mismatch: int  # viewers of the crowd that the room counts otherwise than they last sent
    link: LinkState = LinkState.CONNECTED  # of the observer; else the room is not known

    @property
    def is_complete(self) -> bool:
        """Everything that was sent has come round."""
        heard_all = self.room.source != "mesh" or self.room.heard >= self.sent
        return heard_all and not self.mismatch

    def as_event(self, kind: str) -> dict[str, Any]:
        """For scripts, as of now."""
        emotions, unsure, away = RoomCounts.from_nine(self.room.counts)
        return {
            "type": kind,
            "t": round(time.time(), 3),
            "alive": self.alive,
            "sent": self.sent,
            "heard": self.room.heard,
            "lost_connections": self.lost,
            "turned_away": self.turned_away,
            "room": {
                "source": self.room.source,
                "viewers": self.room.viewers,
                "counts": dict(zip(WORDS, emotions, strict=True)),
                "unsure": unsure,
                "away": away,
                "private": sum(self.room.private),
            },
            "mismatch": self.mismatch,
            "link": self.link.value,
        }

    def as_text(self) -> str:
        """For a person, in one line."""
        heard = f", {self.room.heard} heard" if self.room.source == "mesh" else ""
        broken = f", {self.lost} connections lost" if self.lost else ""
        broken += f", {self.turned_away} turned away" if self.turned_away else ""
        return (
            f"{self.alive} viewers alive, {self.sent} reports sent{heard}; "
            f"{self._room_text()}{broken}"
        )

    def _room_text(self) -> str:
        if self.link is not LinkState.CONNECTED:
            return "what the room counts is not known"
        room = f"the room ({self.room.source}) counts {self.room.people}"
        if private := sum(self.room.private):
            room = f"{room}, {private} of them privately"
        return f"{room}, {self.mismatch} of ours not as they are"


def count_mismatch(ours: list[int], counted: tuple[int, ...]) -> int:
    """How many of ours the room cannot have counted; others in the room may hide some."""
    return sum(max(0, mine - there) for mine, there in zip(ours, counted, strict=True))
