"""A room as two streams of the Lab Streaming Layer: what happens, and how many show what.

LSL knows no login: who reaches its sockets reads them. So by default only programs on this machine
do. liblsl's own settings keep others from finding a stream, not from connecting: it listens on
every network whatever they say. Its sockets are therefore bound to the loopback device.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from resonance_tui.emotions import WORDS
from resonance_tui.errors import ResonanceError
from resonance_tui.extras import require
from resonance_tui.session.events import HappeningUpdate, RoomUpdate, SessionEvent

if TYPE_CHECKING:
    import pylsl

    from resonance_tui.room.state import RoomSnapshot

COUNTS = ("viewers", *WORDS, "unsure", "away")
MARKERS = "resonance"  # names of the streams; the channel follows
NUMBERS = "resonance-counts"
REPEAT_S = 10.0  # counts that stay the same: who begins to record later hears them, too
_QUIET = "[log]\nlevel = -2\n"  # errors alone
_HERE = "[multicast]\nResolveScope = machine\n"
_LOOPBACK = b"lo\0"


class LslOutlet:
    """Two streams at an irregular rate, from the loop's thread:

    `resonance-CHANNEL`, type Markers, text: the kind of a happening (`laugh`, `gasp`, `joined`,
    ...) or `leading:EMOTION` when another emotion leads (`leading:none` when nobody is read).
    `resonance-counts-CHANNEL`, type Emotions, int32: COUNTS whenever they change, and every
    REPEAT_S while there is a connection.

    No name of a person is in either. `origin` is where the room is, such as its broker: recorders
    take streams of one machine, name and origin for the same one, and go on with it when the
    program starts anew. `is_local`: this machine alone may read them. Raises ExtraMissing, and
    ResonanceError where that cannot be kept so.
    """

    def __init__(self, channel: str, *, is_local: bool = True, origin: str = "") -> None:
        require("lsl", "The Lab Streaming Layer")
        import pylsl

        pylsl.set_config_content(_QUIET + (_HERE if is_local else ""))
        before = _sockets()
        self._clock = pylsl.local_clock
        self._markers: pylsl.StreamOutlet | None = pylsl.StreamOutlet(_marker_info(channel, origin))
        self._numbers: pylsl.StreamOutlet | None = pylsl.StreamOutlet(_number_info(channel, origin))
        self._counts: tuple[int, ...] = ()
        self._told_at = 0.0  # the counts, on LSL's clock
        self._leading = ""
        self._is_live = True
        if is_local:
            try:
                _bind_to_loopback(_sockets() - before)
            except OSError as error:
                self.close()
                raise ResonanceError(
                    "LSL listens on every network here, and that cannot be switched off.",
                    "Allow other machines to read the streams, or leave LSL out.",
                ) from error

    def take(self, event: SessionEvent) -> None:
        """One event of the session, as its listener."""
        if isinstance(event, HappeningUpdate):
            self._is_live = event.kind != "link_lost" and (
                self._is_live or event.kind == "link_back"
            )
            self._mark(event.kind, event.t)
        elif isinstance(event, RoomUpdate) and _is_known(event.room):
            self._take_room(event.room, event.t)

    def close(self) -> None:
        """End both streams."""
        self._markers = self._numbers = None

    def _take_room(self, room: RoomSnapshot, t: float) -> None:
        counts = (room.viewers, *room.counts, room.unsure, room.away)
        if counts == self._counts and not self._is_due():
            return
        self._counts, self._told_at = counts, self._clock()
        if self._numbers is not None:
            self._numbers.push_sample(list(counts), self._at(t))
        leading = WORDS[room.counts.index(max(room.counts))] if any(room.counts) else "none"
        if leading != self._leading:
            self._leading = leading
            self._mark(f"leading:{leading}", t)

    def _is_due(self) -> bool:
        """An unchanged room is told again; during an outage nobody knows whether it is."""
        return self._is_live and self._clock() - self._told_at >= REPEAT_S

    def _mark(self, text: str, t: float) -> None:
        if self._markers is not None:
            self._markers.push_sample([text], self._at(t))

    def _at(self, t: float) -> float:
        """An epoch second on LSL's clock, which only goes forward."""
        return self._clock() - max(time.time() - t, 0.0)


def _marker_info(channel: str, origin: str) -> pylsl.StreamInfo:
    import pylsl

    name = f"{MARKERS}-{channel}"
    return pylsl.StreamInfo(
        *(name, "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, _source(name, origin))
    )


def _number_info(channel: str, origin: str) -> pylsl.StreamInfo:
    import pylsl

    name = f"{NUMBERS}-{channel}"
    info = pylsl.StreamInfo(
        *(name, "Emotions", len(COUNTS), pylsl.IRREGULAR_RATE, pylsl.cf_int32),
        _source(name, origin),
    )
    channels = info.desc().append_child("channels")
    for label in COUNTS:
        each = channels.append_child("channel")
        each.append_child_value("label", label)
        each.append_child_value("unit", "viewers")
    return info


def _source(name: str, origin: str) -> str:
    """The same at every start, and no other machine's nor another room's of that name."""
    where = hashlib.sha256(f"{socket.gethostname()}\n{origin}".encode()).hexdigest()
    return f"resonance-tui:{name}:{where[:12]}"


def _is_known(room: RoomSnapshot) -> bool:
    return not (room.is_counting or room.is_withheld)


def _sockets() -> set[int]:
    """The open sockets of this process, by file descriptor; none where the system does not say."""
    found: set[int] = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                    found.add(int(name))
    return found


def _bind_to_loopback(opened: set[int]) -> None:
    """Keep what other machines send from these sockets. Raises OSError where that cannot be."""
    if sys.platform != "linux" or not opened:
        raise OSError("no way to bind a socket to a device")
    for number in opened:
        with socket.socket(fileno=os.dup(number)) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _LOOPBACK)
