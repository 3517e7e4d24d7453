"""A session without a screen: events as lines, and a summary at the end."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from resonance_tui.commands.console import StatusLine, note, put, put_event, say
from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.engines.base import EngineState, untrained
from resonance_tui.errors import BrokerUnreachable
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.small_rooms import STEP
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.core import Session
from resonance_tui.session.events import (
    CorrectedCounts,
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    PrivateCounts,
    ReactionsUpdate,
    RoomUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
    faces_text,
)
from resonance_tui.session.json_events import (
    happening_json,
    link_json,
    reactions_json,
    room_json,
    self_json,
)
from resonance_tui.shutdown import for_seconds
from resonance_tui.texts import mark, tr

EVERY_S = 10.0
LEAST_TOLD = 0.5  # of an estimated count


class Printer:
    """Writes each event to stdout, as JSON or for a person; notices go to stderr.

    A person is told of the connection and of what happens at once, of the room and of their own
    state once in `every_s` seconds at most, where it differs from what was said last; JSON holds
    everything.

    `observes`: no face is read here, so camera, engine and own state are left out.
    `status`: where it is given and both streams are terminals, lines go above it, and the room,
    which it shows, has none.
    `on_failure` is called once when a stream takes no more (its reader has gone, its disk is
    full); `failure` is what it said, and nothing is printed from then on.
    """

    def __init__(
        self,
        session: Session,
        *,
        as_json: bool,
        observes: bool = False,
        every_s: float = EVERY_S,
        status: StatusLine | None = None,
        on_failure: Callable[[], object] = lambda: None,
    ) -> None:
        self._every_s, self._status = every_s, status
        self._is_on_terminal = status is not None and status.is_live and sys.stdout.isatty()
        self._said_at: dict[str, float] = {}  # monotonic seconds, by subject
        self._why = ""  # the newest attempt to connect failed with this
        self.was_connected = False
        self._session, self._as_json, self._observes = session, as_json, observes
        self._started = time.monotonic()
        self._feelings: defaultdict[str, float] = defaultdict(float)  # seconds, by what was read
        self._feeling: tuple[str, float] | None = None  # and since when (monotonic s)
        self._peak = 0  # of the figures that were facts
        self._is_known: bool | None = None  # the last figure; None: there was none
        self._was_known = False
        self._last: dict[str, str] = {}  # what was said last, by subject
        self._on_failure = on_failure
        self.failure: OSError | None = None
        session.add_listener(self.take)

    def take(self, event: SessionEvent) -> None:
        if self.failure is not None:
            return
        try:
            self._print(event)
        except OSError as error:
            self.failure = error
            self._on_failure()

    def _print(self, event: SessionEvent) -> None:
        if not self._observes:
            self._note_camera()
            self._note_engine()
            self._note_faces()
        match event:
            case SelfUpdate() if self._observes:
                pass
            case SelfUpdate():
                me = event.me
                is_known = me.state != "away" or not self._is_getting_ready()
                word = me.code.word if me.state == "ok" else me.state
                self._feel(word if is_known else None)
                data = self_json(event.t, me)
                if not self._session.view.engine.is_trained:
                    data["untrained"] = True
                if self._as_json or is_known:
                    self._print_line(data, self_text(me), "self")
            case RoomUpdate():
                self._learn(event.room)
                if self._as_json or self._session.view.outage is None:  # else nobody knows
                    self._print_line(room_json(event), room_text(event), "room")
            case LinkUpdate():
                self._print_link(event.t, event.status)
            case HappeningUpdate(kind="link_lost" | "link_back") if not self._as_json:
                pass  # a line of its own says more
            case HappeningUpdate():
                self._print_line(happening_json(event), f"event {tr(event.text)}", "event")
            case ReactionsUpdate():
                self._print_line(reactions_json(event), reactions_text(event.counts), "event")
            case NoticeUpdate():
                text, place = event.text, event.place
                self._note(f"{text.removesuffix('.')}: {place}" if place else text)

    def _is_getting_ready(self) -> bool:
        """Nothing can have been read yet: to see nobody means nothing."""
        view = self._session.view
        is_loading = view.engine.state is EngineState.LOADING
        return is_loading or view.camera.state is CameraState.OPENING

    def _feel(self, name: str | None) -> None:
        """From now on; None: not known. By time: how often one is told depends on what is read."""
        now = time.monotonic()
        if self._feeling is not None:
            before, since = self._feeling
            self._feelings[before] += now - since
        self._feeling = None if name is None else (name, now)

    def _learn(self, room: RoomSnapshot) -> None:
        """Once a figure is a fact, it is said without waiting."""
        was_known, self._is_known = self._is_known, not unknown_text(room)
        if self._session.view.outage is not None:
            return
        if self._is_known:
            self._peak, self._was_known = max(self._peak, room.people), True
        if self._is_known and was_known is False:
            self._said_at.pop("room", None)

    def summary(self) -> str:
        """What happened, in one line."""
        seconds = time.monotonic() - self._started
        channel = self._session.view.channel
        people = "1 viewer" if self._peak == 1 else f"{self._peak} viewers"
        is_open = self._is_known is False and not self._was_known
        most = "too short to know who is there" if is_open else f"at most {people} at once"
        room = f"{seconds:.0f} s in {channel}: {most}"
        if self._observes:
            return room
        self._feel(None)
        total = sum(self._feelings.values())
        longest = sorted(self._feelings.items(), key=lambda each: -each[1])
        feelings = ", ".join(f"{name} {spent / total:.0%}" for name, spent in longest[:4])
        return f"{room}; you: {feelings or 'nothing read'}"

    def never_connected(self) -> BrokerUnreachable:
        """What to end with where there was no connection from the beginning to the end."""
        place = self._session.view.broker_url
        return BrokerUnreachable(
            mark("There was no connection to {place}.", place=place), self._why
        )

    def _print_line(self, data: dict[str, Any], text: str, kind: str) -> None:
        if self._as_json:
            put_event(data)
        elif kind == "event" or self._is_due(kind, text):
            self._put(text, kind)

    def _print_link(self, t: float, status: LinkStatus) -> None:
        """For a person: what became of each attempt, and not that there is one."""
        self._why = status.detail or self._why
        self.was_connected |= status.state is LinkState.CONNECTED
        outage = self._session.view.outage
        text = link_text(status, is_first=outage is not None and outage.is_first)
        if self._as_json:
            put_event(link_json(t, status))
        elif status.state is not LinkState.CONNECTING and self._is_news("link", text):
            self._put(text, "link")

    def _put(self, text: str, kind: str) -> None:
        line = f"{time.strftime('%H:%M:%S')}  {text}"
        if self._status is None or not self._is_on_terminal:
            put(line)
        elif kind != "room":
            self._status.say(line)

    def _note(self, text: str) -> None:
        if self._status is None:
            note(text)
        else:
            self._status.say(f"note: {text}")

    def _is_due(self, kind: str, text: str) -> bool:
        now = time.monotonic()
        if now - self._said_at.get(kind, -math.inf) < self._every_s:
            return False
        if not self._is_news(kind, text):
            return False
        self._said_at[kind] = now
        return True

    def _note_camera(self) -> None:
        camera = self._session.view.camera
        text = f"{camera.source}: {camera.state.value} {camera.detail}".rstrip()
        if self._is_news("camera", text):
            self._note(text)

    def _note_faces(self) -> None:
        view = self._session.view
        if self._is_news("faces", text := faces_text(view.faces, view.reads)) and text:
            self._note(text)

    def _note_engine(self) -> None:
        engine = self._session.view.engine
        text = f"engine {engine.name}: {engine.state.value} {engine.detail}".rstrip()
        if self._is_news("engine", text):
            self._note(text)
        if engine.is_trained or engine.state is not EngineState.READY:
            return
        if self._is_news("untrained", engine.name):
            self._note(untrained(engine.name))

    def _is_news(self, subject: str, text: str) -> bool:
        is_news = text != self._last.get(subject)
        self._last[subject] = text
        return is_news


async def run(
    session: Session,
    *,
    as_json: bool,
    duration: float | None,
    observes: bool = False,
    every_s: float = EVERY_S,
    status: StatusLine | None = None,
) -> None:
    """Run the session, printing; the summary comes last whatever ends it.

    A stream that can no longer be written ends the session cleanly; its OSError is raised. Raises
    BrokerUnreachable where the session ends, also by Ctrl-C, without ever having been connected.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    printer = Printer(
        session,
        as_json=as_json,
        observes=observes,
        every_s=every_s,
        status=status,
        on_failure=lambda: loop.call_soon(task.cancel),  # it may have ended already; harmless
    )
    try:
        await for_seconds(session.run(), duration)
    except asyncio.CancelledError:
        if printer.failure is None or task.uncancel():  # cancelled from outside as well
            if not printer.was_connected:
                raise printer.never_connected() from None
            raise
    finally:
        if status is not None:
            status.close()
        say(printer.summary())
    if printer.failure is not None:
        raise printer.failure
    if not printer.was_connected:
        raise printer.never_connected()


def link_text(status: LinkStatus, *, is_first: bool) -> str:
    """`is_first`: there has been no connection yet, so none was lost."""
    is_lost = status.state is LinkState.LOST
    word = "not connected yet" if is_lost and is_first else status.state.value
    return f"link  {word}  {status.detail}".rstrip()


def self_text(me: SelfView) -> str:
    look = STYLES[me.code]
    sure = f"  {round(10 * me.confidence) * 10} %" if me.code.is_emotion else ""
    paused = "  (not shared)" if me.state == "paused" else ""
    return f"you   {look.glyph} {me.code.word}{sure}{paused}"


def room_text(event: RoomUpdate) -> str:
    room = event.room
    parts = [f"{Emotion(i).word} {count}" for i, count in enumerate(room.counts) if count]
    parts += [f"unsure {room.unsure}"] * bool(room.unsure) + [f"away {room.away}"] * bool(room.away)
    of = " (total)" if room.is_total else ""
    unknown = [text] if (text := unknown_text(room)) else []
    hidden = withheld_text(room)
    parts = [] if hidden else parts
    unknown += [hidden] if hidden else []
    here = [", ".join(parts)] if parts or unknown or room.private else [_nobody(room)]
    people = f"{room.viewers} {'viewer' if room.viewers == 1 else 'viewers'}{of}"
    words = "; ".join(filter(None, [*here, *unknown]))
    if not room.viewers and (unknown or room.private):
        text = f"room  {words or 'nobody reports openly'}"
    else:
        text = f"room  {people}: {words}"
    if room.least and not hidden:
        text += f" (in steps of {STEP})"
    if event.resonance is not None:
        text += f"; resonance {round(10 * event.resonance) * 10} %"
    if event.private is not None:
        text += f"; {private_text(event.private)}"
    return f"{text}; corrected: {corrected_text(event.corrected)}" if event.corrected else text


def reactions_text(counts: Sequence[int]) -> str:
    """ "reactions applause 3, heart 1": what a second brought."""
    said = (f"{kind.word} {counts[kind]}" for kind in Reaction if counts[kind])
    return f"reactions {', '.join(said)}"


def unknown_text(room: RoomSnapshot) -> str:
    """Why the number of viewers is no fact yet; "" where it is one."""
    if room.is_uncounted:
        return "no totals come, and nothing else may be read here"
    if room.is_counting:
        return "counting ..."
    return f"confirming {room.confirming} ..." if room.confirming else ""


def withheld_text(room: RoomSnapshot) -> str:
    """Why the host's rules keep the counts back; "" where they do not."""
    if room.is_blind:
        return "the room shows itself once you have reacted"
    return f"{room.missing} more for counts" if room.missing else ""


def is_seen(room: RoomSnapshot) -> bool:
    """Whether the counts are a fact, and may be seen."""
    return not (unknown_text(room) or room.is_withheld)


def _nobody(room: RoomSnapshot) -> str:
    return f"nothing that {STEP} viewers share" if room.viewers else "nobody here"


def private_text(private: PrivateCounts) -> str:
    """Those whose reports are private: the estimate with half its band, or why there is none."""
    people = f"{private.viewers} private"
    if not private.counts:
        return f"{people}: {private.lacking}"
    rows = zip(Emotion, private.counts, private.low, private.high, strict=True)
    parts = [
        f"{state.word} {count:.0f} ±{(high - low) / 2:.0f}"
        for state, count, low, high in rows
        if count >= LEAST_TOLD
    ]
    return f"{people}, about: {', '.join(parts)}"


def corrected_text(corrected: CorrectedCounts) -> str:
    """The counts once corrected, to the nearest viewer, or why they cannot be."""
    rounded = [round(count) for count in corrected.counts]
    parts = [f"{Emotion(i).word} {count}" for i, count in enumerate(rounded) if count]
    return corrected.lacking or ", ".join(parts)
