"""The replay: a recorded room runs again beside its video, and who watches reacts to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from math import ceil, floor
from typing import TYPE_CHECKING, Protocol

from textual.app import ComposeResult

from resonance_tui.charting.ticks import clock, day, position
from resonance_tui.emotions import Emotion
from resonance_tui.history.layers import LEAST_LAYERS
from resonance_tui.history.prompt_file import Prompt, prompt_at
from resonance_tui.history.replay_clock import ReplayClock
from resonance_tui.history.replayed_room import ReplayedRoom, played
from resonance_tui.texts import tr, tr_n
from resonance_tui.tui import state_words
from resonance_tui.tui.actions import REPLAY, Action, ActionScreen
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.widgets.keys import KeyBar
from resonance_tui.tui.widgets.self_panel import SelfPanel
from resonance_tui.tui.widgets.status import Chip, Notice, StatusBar, notice_of, own_chips
from resonance_tui.tui.widgets.timeline import TimelinePanel
from resonance_tui.tui.widgets.two_rooms import Half, TwoRooms

if TYPE_CHECKING:
    from resonance_tui.history.layers import Table
    from resonance_tui.session import SessionView

TICK_S = 0.1
STALL_S = 2.0  # a program that stood still so long has read nothing meanwhile


class Viewer(Protocol):
    """Who watches: `session.late_viewer.LateViewer`, or a stand-in of tests."""

    view: SessionView

    @property
    def reaction(self) -> Emotion | None: ...
    def look(self, now: float) -> None: ...
    def say(self, code: Emotion | None, now: float) -> None: ...
    def set_camera(self, on: bool) -> None: ...


class Keeper(Protocol):
    """Who keeps the own layer: `session.own_layer.OwnLayer`."""

    trouble: str

    def add(self, rows: Table) -> None: ...


@dataclass(frozen=True, slots=True)
class Replay:
    """What is replayed, for whom."""

    channel: str
    room: ReplayedRoom
    clock: ReplayClock  # standing, where the replay is to begin
    viewer: Viewer
    keeper: Keeper
    video: float | None = None  # when the first picture of its video was, epoch s; None: not known
    title: str = ""
    prompts: tuple[Prompt, ...] = ()  # of its host, at times of the video
    zone: tzinfo | None = None  # of clock times on screen; the machine's own when None


class ReplayScreen(ActionScreen):
    """Draws one replay, and keeps the own reaction to what was played."""

    PREFIX = "replay"

    def __init__(self, replay: Replay, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._replay, self._now = replay, now
        self._clock, self._start = replay.clock, replay.clock.anchor
        self._seen: float | None = None  # the position up to which was played; None after a jump
        self._has_begun = False
        self._drawn: int | None = None  # the second that the timeline ends with

    @classmethod
    def table(cls) -> Sequence[Action]:
        return REPLAY

    def compose(self) -> ComposeResult:
        yield ReplayBar(id="status")
        yield Notice(id="notice")
        yield TwoRooms(id="rooms")
        yield TimelinePanel(id="timeline")
        yield SelfPanel(id="own")
        yield KeyBar(self.actions, id="keys")

    def on_mount(self) -> None:
        titles = {
            "#rooms": tr("the room"),
            "#timeline": tr("the live room, last five minutes"),
            "#own": tr("you, now"),
        }
        for id, title in titles.items():
            self.query_one(id).border_title = title
        self.set_interval(TICK_S, self.tick)
        self.tick()

    # Playing

    def tick(self) -> None:
        """Keep what was played since the last look, and draw the present second."""
        now = self._now()
        self._replay.viewer.look(now)
        self._react(now)
        self._clock = self._clock.settle(now)
        self._draw(now)

    def _react(self, now: float) -> None:
        if not self._clock.is_playing:
            return
        here = self._clock.at(now)
        before = here if self._seen is None else self._seen
        self._seen = here
        if (state := self._replay.viewer.reaction) is not None:
            seconds = played(before, here, most_s=STALL_S * self._clock.speed)
            self._replay.keeper.add(self._replay.room.react(seconds, state))

    def _go(self, change: Callable[[ReplayClock, float], ReplayClock]) -> None:
        """Change the clock; what was played before is kept first."""
        self.tick()
        self._clock, self._seen = change(self._clock, self._now()), None
        self.tick()

    def action_play_or_pause(self) -> None:
        self._has_begun = True
        self._go(ReplayClock.toggle)

    def action_skip(self, seconds: float) -> None:
        self._go(lambda clock, now: clock.skip(seconds, now))

    def action_faster(self, by: int) -> None:
        self._go(lambda clock, now: clock.faster(now, by))

    def action_start(self) -> None:
        self._go(lambda clock, now: clock.seek(self._start, now))

    # The person

    def action_say(self, code: int) -> None:
        self._replay.viewer.say(None if code < 0 else Emotion(code), self._now())
        self.tick()

    def action_toggle_camera(self) -> None:
        self._replay.viewer.set_camera(self._replay.viewer.view.camera.state == "off")
        self.tick()

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.actions))

    def action_leave(self) -> None:
        self.app.exit()

    # Drawing

    def _draw(self, now: float) -> None:
        view, t = self._replay.viewer.view, self._clock.at(now)
        self.query_one(ReplayBar).tell(self._room_chips(t), self._own_chips(view, now))
        self.query_one(Notice).show(*self._notice(view, now))
        self.query_one(TwoRooms).show(self._live(t), self._late(t))
        if floor(t) != self._drawn:
            self._drawn = floor(t)
            self.query_one(TimelinePanel).show(self._replay.room.past(t))
        absent = state_words.absent_words(view)[0]
        self.query_one(SelfPanel).show(view.me, state_words.own_note(view), absent)

    def _live(self, t: float) -> Half:
        words = tr("Nothing was recorded here.")
        if (seconds := ceil(self._replay.room.track.start - t)) > 0:
            words = tr("The recording begins in {seconds} s.", seconds=seconds)
        return Half(tr("felt live"), tr("live"), self._replay.room.live(t), words)

    def _late(self, t: float) -> Half:
        layers = self._replay.room.layers
        if layers < LEAST_LAYERS:
            words = tr("Shown from {least} layers on.", least=LEAST_LAYERS)
        else:
            words = tr("Fewer than {least} have reacted to this second.", least=LEAST_LAYERS)
        return Half(tr("watched later"), tr("later"), self._replay.room.late(t), words)

    def _room_chips(self, t: float) -> list[Chip]:
        replay, zone = self._replay, self._replay.zone
        origin = self._start if replay.video is None else replay.video
        where = tr("{at} of {end}", at=position(t, origin), end=position(self._clock.last, origin))
        state, tone = self._state(t)
        when = clock(t, zone, seconds=True)
        speed = f"{self._clock.speed:g}×"
        chips = [
            Chip(f"#{replay.channel}", f"#{replay.channel}", "accent", 0),
            Chip(state, state.split(" ")[0], tone, 2),
            Chip(where, position(t, origin), "text", 1),
            Chip(speed, speed, "warn" if self._clock.speed != 1 else "muted", 3),
            Chip(f"{day(t, zone)} {when}", when, "muted", 4),
        ]
        return [*chips, Chip(replay.title, replay.title, "muted", 5)] if replay.title else chips

    def _position(self, now: float) -> float:
        """Of the video, or of the recording where the video's beginning is not known; s."""
        origin = self._start if self._replay.video is None else self._replay.video
        return self._clock.at(now) - origin

    def _state(self, t: float) -> tuple[str, str]:
        if t >= self._clock.last:
            return f"■ {tr('over')}", "muted"
        if self._clock.is_playing:
            return f"▶ {tr('playing')}", "good"
        return f"‖ {tr('paused')}", "warn"

    def _own_chips(self, view: SessionView, now: float) -> list[Chip]:
        layers = self._replay.room.layers
        many = tr_n("{count} layer", "{count} layers", layers)
        if self._replay.viewer.reaction is None:
            kept = Chip(f"○ {tr('nothing of you is kept')}", f"○ {tr('not kept')}", "muted", 3)
        else:
            kept = Chip(f"◉ {tr('kept on this machine')}", f"◉ {tr('kept')}", "good", 3)
        return [*own_chips(view, now), kept, Chip(many, many, "text", 6)]

    def _notice(self, view: SessionView, now: float) -> tuple[tuple[str, ...], str]:
        if trouble := self._replay.keeper.trouble:
            return (f"✕ {tr('Your layer waits: {why}', why=tr(trouble))}",), "bad"
        if not self._has_begun:
            words = tr("Start your video, and press space in the same moment.")
            here = tr("What is read of you stays on this machine.")
            short = tr("Start your video, and press space.")
            return tuple(f"▪ {text}" for text in (f"{words} {here}", words, short)), "accent"
        if due := prompt_at(self._replay.prompts, self._position(now)):
            return (f"▶ {due.words}",), "accent"
        if self._clock.is_over(now):
            return (f"■ {tr('The recording is over. Space begins again, ← goes back.')}",), "text"
        return notice_of(view, now)


class ReplayBar(StatusBar):
    """Where the replay is, and what is read of the person."""

    def tell(self, room: list[Chip], own: list[Chip]) -> None:
        if (room, own) != self._chips:
            self._chips = room, own
            self.redraw()
