"""The live room: reads `session.view`, four times a second and when the room changes, and hands
each widget its part."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.timer import Timer

from resonance_tui.charting.ticks import clock
from resonance_tui.emotions import Emotion
from resonance_tui.errors import ResonanceError
from resonance_tui.history.words import MARK_LIMIT, checked
from resonance_tui.protocol.questions import Question
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.room.together import Evening
from resonance_tui.session import HappeningUpdate, SessionView
from resonance_tui.texts import mark, tr
from resonance_tui.tui import alerts, state_words
from resonance_tui.tui.actions import (
    HISTORY_SCREEN,
    LIVE,
    OTHER_HOST,
    ROOM_KEY,
    Action,
    ActionScreen,
)
from resonance_tui.tui.alerts import AlertKind, Alerts, desktop_notice
from resonance_tui.tui.join_context import SessionLike
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.mute_here import MuteHere
from resonance_tui.tui.screens.question import ask_what_is_asked
from resonance_tui.tui.widgets.bars import Bars
from resonance_tui.tui.widgets.event_line import EventLine
from resonance_tui.tui.widgets.keys import KeyBar
from resonance_tui.tui.widgets.line_widget import OLD
from resonance_tui.tui.widgets.preview import Preview
from resonance_tui.tui.widgets.question_bars import QuestionBars, asked
from resonance_tui.tui.widgets.reactions import ReactionBar, ReactionRail
from resonance_tui.tui.widgets.roster import Roster, anonymous, own_index
from resonance_tui.tui.widgets.self_panel import SelfPanel
from resonance_tui.tui.widgets.status import Notice, StatusBar, notice_of
from resonance_tui.tui.widgets.timeline import TimelinePanel
from resonance_tui.widths import printable

TICK_S = 0.25
FLOAT_S = 0.125
TIMELINE_EVERY = 4  # ticks
PREVIEW_S = 0.2
NOTICE_LINES = 3  # at most, where there is nothing else to see
REACTING, FLOATING = "reacting", "floating"  # classes: the palette is open; the rail is there
REACTION_KEYS = {str(kind + 1): kind for kind in Reaction}
SAY_AGAIN_S = 5.0  # as long as a notice stays
STRANGE_HOST = mark(
    "What this room's host says has no effect here: nothing vouches for its key. "
    "Join by the host's link."
)
LEAVING = mark("leaving the room …")


class LiveScreen(ActionScreen):
    """Draws one session. Starting and ending it is the app's business."""

    PREFIX = "live"
    AUTO_FOCUS = "#roster"

    def __init__(
        self,
        session: SessionLike,
        *,
        has_history: bool = False,
        has_key: bool = False,
        alerts: Alerts | None = None,
        on_alert: Callable[[AlertKind, bool], object] = lambda _kind, _on: None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`has_key`: this machine has a key of the room, and so its host's screen. `on_alert` is
        told which of the alerts was switched on or off."""
        super().__init__()
        self.session = session
        self._has = {HISTORY_SCREEN: has_history, ROOM_KEY: has_key}
        self._alerts, self._alerted_at = alerts or Alerts(), -math.inf
        self._on_alert = on_alert
        self._clock, self._wall_clock = clock, wall_clock
        self._said, self._said_at = "", -math.inf
        self._noticed = ""  # the newest notice that was drawn
        self._ticks = 0
        self._ticker: Timer | None = None
        self._previewer: Timer | None = None
        self._floater: Timer | None = None  # only while something is in the air
        self._drawn: RoomSnapshot | None = None
        self._muted_names: dict[str, str] = {}  # by id: as they were called when they were shown
        session.add_listener(self._on_news)

    @classmethod
    def table(cls) -> Sequence[Action]:
        return LIVE

    @property
    def has(self) -> frozenset[str]:
        shows_other = self.session.view.host.shown_key is not None
        there = {**self._has, OTHER_HOST: shows_other}
        return frozenset(name for name, is_there in there.items() if is_there)

    def compose(self) -> ComposeResult:
        panels = Roster(id="roster"), Bars(id="bars"), TimelinePanel(id="timeline")
        roster, bars, timeline = panels
        for panel in panels:  # here it costs no styling
            panel.set_class(self.session.view.outage is not None, OLD, update=False)
        yield StatusBar(id="status")
        yield Notice(id="notice")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield roster
                yield Preview(id="preview")
            with Vertical(id="right"):
                yield SelfPanel(id="own")
                yield bars
            yield ReactionRail(id="rail")
        yield QuestionBars(id="asked")
        yield timeline
        yield EventLine(id="events")
        yield KeyBar(self.actions, id="keys")
        yield ReactionBar(id="palette")

    def on_mount(self) -> None:
        titles = {
            "#roster": tr("in the room"),
            "#own": tr("you"),
            "#bars": tr("the room feels"),
            "#timeline": tr("last five minutes"),
            "#preview": tr("preview"),
        }
        for id, title in titles.items():
            self.query_one(id).border_title = title
        self._ticker = self.set_interval(TICK_S, self._tick)
        self._floater = self.set_interval(FLOAT_S, self._float, pause=True)
        self._previewer = self.set_interval(PREVIEW_S, self._draw_preview, pause=True)
        self._tick()

    def on_screen_suspend(self) -> None:
        for timer in filter(None, (self._ticker, self._previewer, self._floater)):
            timer.pause()

    def on_screen_resume(self) -> None:
        self._ticks = 0
        if self._ticker:
            self._ticker.resume()
        if self._previewer and self.is_previewing:
            self._previewer.resume()

    @property
    def is_previewing(self) -> bool:
        return self.has_class("previewing")

    def _on_news(self, event: object) -> None:
        """Redraw at once on a change; the session limits how often rooms change."""
        if self.is_running and isinstance(event, HappeningUpdate):
            self._alert(event)
        if self.is_running and self.is_current and self.session.view.room is not self._drawn:
            self._drawn = self.session.view.room
            self.call_later(self._tick)

    def show_now(self) -> None:
        """Draw the session as it is at this moment."""
        self._tick()

    def _tick(self) -> None:
        view, now = self.session.view, self._clock()
        self._drawn = view.room
        self._show_state(view, now)
        rows, own = shown_rows(view)
        is_known = view.outage is None or not view.outage.is_first
        self.query_one(Roster).show(
            rows,
            own,
            own_word=state_words.own_word(view),
            unlisted=state_words.unlisted_words(view.room),
            is_known=is_known,
            unknown=state_words.unknown_words(
                view.room.confirming, view.room.is_counting, view.room.is_uncounted
            )[0],
        )
        absent = state_words.absent_words(view)[0]
        baseline = state_words.baseline_word(view)
        self.query_one(SelfPanel).show(view.me, state_words.own_note(view), absent, baseline)
        bars = self.query_one(Bars)
        teams = view.rules.teams if view.rules else ()
        bars.show(
            view.room,
            view.corrected,
            view.resonance,
            is_known=is_known,
            teams=teams,
            private=view.private,
            team=view.team,
        )
        at = self._wall_clock()
        self.query_one(QuestionBars).show(asked(view, at), self.size.height)
        self.query_one(EventLine).show(view.happenings, at, view.together)
        if self._ticks % TIMELINE_EVERY == 0:
            points = self.session.timeline()
            bars.show_past(points)
            self.query_one(TimelinePanel).show(points)
        self._float()
        self._ticks += 1
        ask_what_is_asked(self, self.session)

    def _float(self) -> None:
        """What was sent with keys rises at the edge; where nothing may move, it stands there."""
        total = self.session.view.room.reactions
        if total:
            self.add_class(FLOATING)
        rail, is_still = self.query_one(ReactionRail), self.app.animation_level == "none"
        rail.show(total, self._clock(), is_still=is_still)
        if self._floater and rail.is_busy and not is_still:
            self._floater.resume()
        elif self._floater:
            self._floater.pause()

    def _float_covered(self, view: SessionView) -> None:
        """While the host's prompt has the line of notices, a new one floats above it."""
        is_new, self._noticed = view.notice != self._noticed, view.notice
        if is_new and view.notice and view.rules is not None and view.rules.prompt:
            self.notify(view.notice, markup=False)

    def _show_state(self, view: SessionView, now: float) -> None:
        """The connection, and whether what the panels show holds."""
        self.query_one(StatusBar).show(view, now)
        is_first = view.outage is not None and view.outage.is_first
        self.query_one(Notice).show(*notice_of(view, now), NOTICE_LINES if is_first else 1)
        self._float_covered(view)
        for panel in (Roster, Bars, TimelinePanel):
            widget = self.query_one(panel)
            if widget.has_class(OLD) != (view.outage is not None):
                widget.toggle_class(OLD)
                widget.notify_style_update()
                widget.refresh()
            if widget.border_subtitle != (old := state_words.old_words(view.outage, now)):
                widget.border_subtitle = old

    def _draw_preview(self) -> None:
        absent = state_words.absent_words(self.session.view)[0]
        self.query_one(Preview).show(self.session.preview(), absent)

    def _alert(self, event: HappeningUpdate) -> None:
        """Ring, or tell the desktop, where that is wanted."""
        now = self._clock()
        if event.kind in alerts.QUIET_KINDS or now - self._alerted_at < alerts.GAP_S:
            return
        self._alerted_at = now
        if self._alerts.bell:
            self.app.bell()
        if self._alerts.notify and (driver := self.app._driver):  # pyright: ignore[reportPrivateUsage]
            driver.write(desktop_notice(tr(event.text), os.environ))

    def say_leaving(self) -> None:
        """Shown before the closing messages are sent, which may take a moment."""
        for timer in filter(None, (self._ticker, self._previewer, self._floater)):
            timer.stop()
        self.query_one(Notice).show((tr(LEAVING),), "warn")

    def action_toggle_camera(self) -> None:
        if state_words.asks_no_camera(self.session.view):
            self.notify(tr("No camera was asked for; v lists those that there are."))
            return
        self.session.set_camera(self.session.view.camera.state == "off")
        self._tick()

    def action_toggle_sharing(self) -> None:
        self.session.set_sharing(not self.session.view.is_sharing)
        self._tick()

    def action_toggle_corrected(self) -> None:
        self.session.set_corrected(self.session.view.corrected is None)
        self._tick()

    def action_toggle_preview(self) -> None:
        self.toggle_class("previewing")
        if self._previewer and self.is_previewing:
            self._previewer.resume()
        elif self._previewer:
            self._previewer.pause()
            self.query_one(Preview).show(None)

    def action_capture_baseline(self) -> None:
        if self.session.view.me.code is Emotion.AWAY:
            self.notify(tr("No face is read now, so there is none to learn."))
        elif self.session.capture_baseline():
            self.notify(tr("Look at the screen, neutral, for two seconds."))
        else:
            self.notify(tr("Your own neutral is switched off, or this engine knows none."))
        self._tick()

    def action_toggle_bell(self) -> None:
        self._alerts = replace(self._alerts, bell=not self._alerts.bell)
        self._on_alert("bell", self._alerts.bell)
        self.notify(tr("The bell is on.") if self._alerts.bell else tr("The bell is off."))

    def action_toggle_notify(self) -> None:
        self._alerts = replace(self._alerts, notify=not self._alerts.notify)
        self._on_alert("notify", self._alerts.notify)
        on, off = mark("Notifications are on."), mark("Notifications are off.")
        self.notify(tr(on if self._alerts.notify else off))

    def action_toggle_nicknames(self) -> None:
        self.session.hide_nicknames(not self.session.view.host.hides_nicknames)
        self._tick()

    def action_mute_here(self) -> None:
        view = self.session.view
        others = (row for row in view.room.rows if row.viewer_id != view.viewer_id)
        names = {row.viewer_id: row.nickname or anonymous(row.viewer_id) for row in others}
        muted = {
            each: self._muted_names.get(each, anonymous(each))
            for each in sorted(view.host.muted_here)
        }
        self.app.push_screen(MuteHere(names, muted), partial(self._mute, names))

    def _mute(self, names: Mapping[str, str], viewer_id: str | None) -> None:
        """Or show again. `names`: as they were called in the list."""
        if viewer_id is None:
            return
        if viewer_id in names:
            self._muted_names[viewer_id] = names[viewer_id]
        self.session.mute_locally(viewer_id, viewer_id not in self.session.view.host.muted_here)
        self._tick()

    def action_accept_host_key(self) -> None:
        if self.session.view.host.shown_key is None:
            self.notify(tr("This room shows no other host key."))
            return
        self.session.accept_host_key()
        self.notify(tr("Accepted: what this host says holds from now on."))

    def action_ask_to_be_forgotten(self) -> None:
        is_on = not self.session.view.asks_to_be_forgotten
        self.session.ask_to_be_forgotten(is_on)
        on = mark(
            "The host is asked to delete what was recorded. A recording holds counts and no names: "
            "of one or two viewers they are yours; out of more nobody can be taken."
        )
        self.notify(tr(on if is_on else mark("The host is not asked any more.")))

    def action_say(self, code: int) -> None:
        self.session.say(Emotion(code) if code >= 0 else None)
        self._tick()

    def action_toggle_reactions(self) -> None:
        self.toggle_class(REACTING)

    def on_key(self, event: Key) -> None:
        """While the palette is open, its keys send; all others do what they always do."""
        if not self.has_class(REACTING):
            return
        if event.key == "escape":
            self.remove_class(REACTING)
        elif event.key in REACTION_KEYS:
            self._say_once(self.session.react(REACTION_KEYS[event.key]))
            self._tick()
        else:
            return
        event.stop()

    def _say_once(self, why: str) -> None:
        """Not again for every key of somebody who holds it down."""
        now = self._clock()
        if why and (why != self._said or now - self._said_at >= SAY_AGAIN_S):
            self._said, self._said_at = why, now
            self.notify(why)

    def action_answer_question(self) -> None:
        """Opens the question, whose digits would say emotions here."""
        shown = asked(self.session.view, self._wall_clock())
        if shown is None or not shown.left_s:
            here = self.session.view.host
            is_strange = here.rules is None and here.shown_key is not None
            self.notify(tr(STRANGE_HOST if is_strange else mark("Nothing is asked now.")))
            return
        from resonance_tui.tui.screens.answer import AnswerDialog

        dialog = AnswerDialog(shown.question, partial(self._is_asked, shown.question))
        self.app.push_screen(dialog, partial(self._answer, shown.question))

    def _is_asked(self, question: Question) -> bool:
        shown = asked(self.session.view, self._wall_clock())
        return shown is not None and shown.question.id == question.id and shown.left_s > 0

    def _answer(self, question: Question, choice: int | None) -> None:
        if choice is None or not self._is_asked(question):
            return
        if trouble := self.session.answer_question(choice):
            self.notify(trouble)
        elif choice:
            word = printable(question.choices[choice - 1])
            self.notify(tr("Your answer: {answer}", answer=word), markup=False)
        self._tick()

    def action_toggle_recording(self) -> None:
        is_on = not self.session.view.is_recording
        self.session.set_recording(is_on)
        self.notify(tr("The room is recorded.") if is_on else tr("No longer recorded."))
        self._tick()

    def action_mark(self) -> None:
        """The moment of the key counts, however long the word takes."""
        if self._is_kept():
            from resonance_tui.tui.screens.dialogs import TextDialog

            at = self._wall_clock()
            title = tr("Remember {time}: a word, or none", time=clock(at, seconds=True))
            dialog = TextDialog(title, "", checked, limit=MARK_LIMIT)
            self.app.push_screen(dialog, partial(self._mark, at))

    def _mark(self, at: float, text: str | None) -> None:
        if text is not None:
            self.session.mark(at, text)
            self.notify(tr("Marked at {time}.", time=clock(at, seconds=True)))

    def action_choose_team(self) -> None:
        view = self.session.view
        names = view.rules.teams if view.rules else ()
        if not names:
            self.notify(tr("This room has no teams; its host makes them."))
            return
        from resonance_tui.tui.screens.dialogs import ChoiceDialog

        choices = [*names, tr("no team")]
        current = names.index(view.team) if view.team in names else len(names)
        dialog = ChoiceDialog(tr("Your team"), choices, current)
        self.app.push_screen(dialog, partial(self._team_chosen, (*names, "")))

    def _team_chosen(self, names: Sequence[str], index: int | None) -> None:
        if index is not None:
            self.session.set_team(names[index])
            self._tick()

    def action_save_summary(self) -> None:
        evening = self.session.view.evening
        if evening is None or not evening.is_known:
            self.notify(tr("Too little is known yet of you and the room."))
            return
        self.run_worker(self._save_summary(evening), name="summary", group="summary")

    async def _save_summary(self, evening: Evening) -> None:
        from resonance_tui.charting.evening import save_evening

        channel = self.session.view.channel
        try:
            path = await asyncio.to_thread(
                save_evening, evening, channel, self._wall_clock(), Path.cwd()
            )
        except (ResonanceError, OSError) as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.notify(str(path), title=tr("Saved"), markup=False)

    def action_stream_delay(self) -> None:
        if self._is_kept():
            from resonance_tui.tui.screens.stream_delay import StreamDelay

            self.app.push_screen(StreamDelay(self._clock), self._set_stream_delay)

    def _set_stream_delay(self, delay_s: float | None) -> None:
        if delay_s is not None:
            self.session.set_stream_delay(delay_s)
            self.notify(tr("Viewers see the stream {delay:.1f} s late.", delay=delay_s))

    def _is_kept(self) -> bool:
        """Whether the room is recorded here, or by the host, perhaps with another program."""
        if self.session.view.is_recording or self._has[ROOM_KEY]:
            return True
        self.notify(tr("Nothing is recorded here: e starts that."))
        return False

    async def action_change_nickname(self) -> None:
        await self.app.run_action("change_nickname")

    async def action_choose_camera(self) -> None:
        await self.app.run_action("choose_camera")

    async def action_other_room(self) -> None:
        await self.app.run_action("other_room")

    def action_help(self) -> None:
        screen = HelpScreen(self.actions, lambda: state_words.details(self.session.view))
        self.app.push_screen(screen)

    async def action_history(self) -> None:
        await self.app.run_action("history")

    async def action_wire(self) -> None:
        await self.app.run_action("wire")

    async def action_moderate(self) -> None:
        await self.app.run_action("moderate")

    async def action_quit(self) -> None:
        await self.app.run_action("quit")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        needs = {"history": HISTORY_SCREEN, "moderate": ROOM_KEY}.get(action)
        return needs is None or self._has[needs]


def shown_rows(view: SessionView) -> tuple[tuple[ViewerRow, ...], int | None]:
    """The room's rows and the index of the own one, which says what the own panel says."""
    rows = view.room.rows
    own = own_index(rows, view.viewer_id)
    if own is None:
        return rows, None
    row = state_words.as_read(rows[own], view.me)
    return rows if row == rows[own] else (*rows[:own], row, *rows[own + 1 :]), own
