"""Which recording is replayed, and what is needed to do so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from resonance_tui.commands.history.show import check_session, unknown_channel
from resonance_tui.errors import InputError
from resonance_tui.history import layer_store
from resonance_tui.history.about import about
from resonance_tui.history.layers import new_name
from resonance_tui.history.prompt_file import Prompt
from resonance_tui.history.recording import from_table
from resonance_tui.history.replay_clock import ReplayClock
from resonance_tui.history.replayed_room import ReplayedRoom
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import keep_video_start, parse_offset, video_start
from resonance_tui.texts import mark


@dataclass(frozen=True, slots=True)
class ReplayedSession:
    """A recorded session, and when its video began (epoch s), where that is known."""

    database: Path
    channel: str
    span: SessionSpan
    video: float | None = None
    delay_s: float = 0.0  # how much later its room saw the stream
    prompts: tuple[Prompt, ...] = ()  # to be shown at times of the video

    @property
    def begins(self) -> float | None:
        """When the room saw the video's first picture (epoch s), where that is known."""
        return None if self.video is None else self.video + self.delay_s


def find(database: Path, channel: str, number: int | None) -> ReplayedSession:
    """The Nth last session of a channel; the last for None. Raises InputError and StoreError."""
    with Store(database, read_only=True) as store:
        known = store.channels()
        if channel not in known:
            raise unknown_channel(channel, known)
        sessions = store.sessions(channel)
        span = sessions[-check_session(channel, sessions, number)]
        place = channel, span.start, span.end
        video, late = video_start(store, *place), about(store, *place).delay_s
        return ReplayedSession(database, channel, span, video, late or 0.0)


def with_offset(replayed: ReplayedSession, offset: str | None) -> ReplayedSession:
    """Its video began so much later than the recording, and that is kept with the session; "none"
    forgets it, None leaves it. Raises InvalidTime, InputError and StoreError."""
    if offset is None:
        return replayed
    start = None if offset == "none" else parse_offset(offset, replayed.span)
    with Store(replayed.database) as store:
        keep_video_start(store, replayed.channel, replayed.span, start)
    return replace(replayed, video=start)


def prepare(replayed: ReplayedSession, *, is_new: bool) -> tuple[str, ReplayedRoom, ReplayClock]:
    """The name of the own layer, the room to replay, and the clock, standing where the room
    saw the video begin. `is_new`: the own layer is a new one; else the newest one is carried on."""
    channel, span = replayed.channel, replayed.span
    with Store(replayed.database, read_only=True) as store:
        track = from_table(store.table(channel, span.start, span.end))
        layers = layer_store.layers(store, channel, span)
        known = None if is_new else layer_store.own_name(store, channel, span)
    if not len(track):  # forgotten meanwhile
        raise InputError(
            mark("Nothing is recorded any more of that session of {channel}.", channel=channel)
        )
    name = known or new_name()
    begins = span.start if replayed.begins is None else replayed.begins
    first = min(begins, span.start)
    clock = ReplayClock(first, span.end + 1.0, begins)
    return name, ReplayedRoom(track, layers, name), clock
