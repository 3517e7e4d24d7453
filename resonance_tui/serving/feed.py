"""Pure: a session's events as messages of a stream, and what a newcomer has to be told.

Never the own reading. Nicknames are in one of two spellings of each message; who reads chooses.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from resonance_tui.listeners import Listeners
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.session.events import (
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    ReactionsUpdate,
    RoomUpdate,
    SelfUpdate,
    SessionEvent,
)
from resonance_tui.session.json_events import (
    happening_json,
    link_json,
    notice_json,
    reactions_json,
    room_json,
)
from resonance_tui.texts import mark

KEPT = 200  # happenings and notices, for whoever comes back after a short while
SHOWN = 20  # of them in the state
ID_DIGITS = 18  # of a message's number; Python refuses to read thousands of them
SILENT_S = 5.0  # a session tells of its room once a second; one that does not has ended
# In place of nicknames.
UNNAMED = {"joined": mark("{people} came"), "left": mark("{people} left")}


@dataclass(frozen=True, slots=True)
class Message:
    """One event in both spellings, as JSON and as a frame of the stream."""

    number: int  # counts up from 1 in one run
    named: dict[str, Any]
    nameless: dict[str, Any]
    named_frame: bytes
    nameless_frame: bytes

    def data(self, *, names: bool) -> dict[str, Any]:
        return self.named if names else self.nameless

    def frame(self, *, names: bool) -> bytes:
        return self.named_frame if names else self.nameless_frame


class Feed:
    """The newest of a room, and the last of what happened in it.

    `boot` tells this run from others: ids of messages begin with it.
    """

    def __init__(self, channel: str, boot: str) -> None:
        self.channel = channel
        self._boot, self._number = boot, 0
        self._link: Message | None = None
        self._room: Message | None = None
        self._lines: deque[Message] = deque(maxlen=KEPT)
        self._heard_at: float | None = None
        self._tell: Listeners[[Message]] = Listeners()

    def add_listener(self, listener: Callable[[Message], object]) -> None:
        """It is called with each message and must not block."""
        self._tell.add(listener)

    def enter(self, channel: str) -> None:
        """Another room from now on: nothing of the one before is told any more."""
        self.channel = channel
        self._link = self._room = self._heard_at = None
        self._lines.clear()

    def take(self, event: SessionEvent, now: float) -> None:
        """`now`: monotonic seconds."""
        self._heard_at = now
        match event:
            case SelfUpdate():
                pass
            case RoomUpdate():
                self._room = self._told(room_json(event))
            case LinkUpdate():
                self._link = self._told(link_json(event.t, event.status))
            case NoticeUpdate():
                if event.text:
                    self._lines.append(self._told(notice_json(event)))
            case ReactionsUpdate():
                self._told(reactions_json(event))  # of the moment: who comes later missed it
            case HappeningUpdate():
                whole = happening_json(event)
                self._lines.append(self._told(whole, happening_json(without_names(event))))

    def expire(self, t: float, now: float) -> None:
        """Say that the connection is closed once the session has fallen silent. `t`: epoch s."""
        if self._heard_at is not None and now - self._heard_at > SILENT_S:
            self._heard_at = self._room = None
            self._link = self._told(link_json(t, LinkStatus(LinkState.CLOSED)))

    def missed(self, last_id: str) -> list[Message]:
        """What somebody has to be told who comes: how it stands, and, where the `last_id` that they
        heard is of this run, what happened since. Oldest first."""
        since = self._since(last_id)
        lines = [line for line in self._lines if line.number > since]
        newest = [each for each in (self._link, self._room) if each is not None]
        return sorted([*newest, *lines], key=lambda message: message.number)

    def _since(self, last_id: str) -> int:
        """The number in an id of this run; the newest one for anything else."""
        boot, _, digits = last_id.rpartition("-")
        is_ours = boot == self._boot and digits.isdecimal() and len(digits) <= ID_DIGITS
        return int(digits) if is_ours else self._number

    def state(self, t: float, *, names: bool) -> dict[str, Any]:
        """Everything at once, as one object. `t`: epoch seconds."""
        link, room = self._link, self._room
        lines = [line.data(names=names) for line in self._lines]
        return {
            "type": "state",
            "t": round(t, 3),
            "channel": self.channel,
            "link": link.named if link else link_json(t, LinkStatus(LinkState.CONNECTING)),
            "room": room.named if room else None,
            "events": [line for line in lines if line["type"] == "event"][-SHOWN:],
        }

    def _told(self, named: dict[str, Any], nameless: dict[str, Any] | None = None) -> Message:
        self._number += 1
        frame = self._frame(named)
        message = Message(
            self._number,
            named,
            nameless or named,
            frame,
            frame if nameless is None else self._frame(nameless),
        )
        self._tell(message)
        return message

    def _frame(self, data: dict[str, Any]) -> bytes:
        text = json.dumps(data, separators=(",", ":"))
        return f"id: {self._boot}-{self._number}\ndata: {text}\n\n".encode()


def without_names(event: HappeningUpdate) -> HappeningUpdate:
    """The same for a place where nobody is named: how many came or left."""
    if not event.names:
        return event
    text = UNNAMED.get(event.kind, "").format(people=event.people)
    return replace(event, names=(), text=text)
