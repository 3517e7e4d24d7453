"""What a session makes of each look at the room: shown, measured, recorded, told."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from resonance_tui.history.questions import keep_question
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.room.reaction_counts import ReactionSeconds
from resonance_tui.room.shown_answers import step_of
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.room.timeline import Timeline
from resonance_tui.room.together import Together
from resonance_tui.session.events import ReactionsUpdate, RoomUpdate
from resonance_tui.session.failover import KnownViewers
from resonance_tui.session.happenings import Happenings
from resonance_tui.session.metrics import RoomMetrics
from resonance_tui.session.own_part import TELL_AT_LEAST_S, OwnPart
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.question_notes import QuestionNotes
from resonance_tui.session.recording import Recording
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.shown import Shown
from resonance_tui.texts import tr


class RoomNews:
    """Takes snapshots of `room`. Used on the loop's thread."""

    def __init__(
        self,
        plan: SessionPlan,
        shown: Shown,
        room: RoomModel,
        own: OwnPart,
        recording: Recording,
        happenings: Happenings,
    ) -> None:
        self._plan, self._shown, self._room, self._own = plan, shown, room, own
        self._recording, self._happenings = recording, happenings
        self.timeline = Timeline()
        self.measures = RoomMetrics()
        self._together = Together()
        self._reaction_seconds = ReactionSeconds()
        self._questions = QuestionNotes()
        self.known = KnownViewers()
        self._told_at = -math.inf
        self._has_facts = False  # since the beginning
        self._has_said_unrecorded = False  # that private reports are not recorded

    def take(self, room: RoomSnapshot, now: float, *, is_fact: bool) -> None:
        """`now`: monotonic seconds. `is_fact`: it is known to be the whole room."""
        at = time.time()
        self._tell_of_recording()
        self._tell_of_reactions(room, at)
        if self._shown.view.outage is not None:  # what was seen last stays, and is said to be old
            self._tell(at, now)
            return
        self.known.look((row.viewer_id for row in self._room.known), now)
        is_new = self._show(room)
        is_new |= is_fact and not self._has_facts
        self._has_facts |= is_fact
        is_seen = is_fact and not room.is_withheld
        self._measure(room, at, is_fact=is_seen)
        self._say_what_is_unrecorded(room)
        if is_seen:
            self._keep(room, at, now)
        self._tell(at, now, is_new=is_new)

    def _show(self, room: RoomSnapshot) -> bool:
        """Whether it differs from the one that is shown."""
        before = self._shown.view.room
        is_news = room.rows is not before.rows or bool(room.changed)
        changed = is_news or _figures(room) != _figures(before)
        if changed:
            self._shown.change(room=room)
        return changed

    def _measure(self, room: RoomSnapshot, at: float, *, is_fact: bool) -> None:
        measures, view = self.measures, self._shown.view
        epsilon = self._room.conduct.private_epsilon
        measures.take(room, at, view.engine.name, is_fact=is_fact, epsilon=epsilon)
        found = measures.resonance, measures.corrected, measures.private
        if found != (view.resonance, view.corrected, view.private):
            resonance, corrected, private = found
            self._shown.change(resonance=resonance, corrected=corrected, private=private)

    def _say_what_is_unrecorded(self, room: RoomSnapshot) -> None:
        if room.private and self._recording.is_on and not self._has_said_unrecorded:
            self._has_said_unrecorded = True
            self._shown.notice(tr("Private reports are not recorded: only open ones are."))

    def _keep(self, room: RoomSnapshot, at: float, now: float) -> None:
        """A room that is a fact, and that the host does not withhold."""
        self._compare(room, now)
        self.timeline.add(room, at, self._shown.view.resonance)
        self._recording.add(room, at)
        self._recording.add_teams(room, (self._shown.view.rules or NO_RULES).teams, at)
        self._keep_question(room, at)
        own_id, hidden = self._shown.view.viewer_id, self._room.conduct.unnamed
        self._shown.happened(self._happenings.room(room, at, now, own_id=own_id, hidden=hidden))

    def _compare(self, room: RoomSnapshot, now: float) -> None:
        """How this viewer and the others differ: for the screen here, and nobody else."""
        if self._plan.observe_only:
            return
        view, row = self._shown.view, self._own.row()
        own, others = view.me.code, list(room.counts)
        is_among_them = row is not None and not row.is_private
        if own.is_emotion and is_among_them and others[own]:
            others[own] -= 1
        self._together.take(own, others, now)
        line = self._together.line(now)
        if line != view.together or view.evening is None:
            self._shown.change(together=line, evening=self._together.evening)

    def _keep_question(self, room: RoomSnapshot, at: float) -> None:
        question = (self._shown.view.rules or NO_RULES).question
        if not self._recording.is_on:
            return
        kept = self._questions.due(question, room.answers, at, step=step_of(room))
        if kept is not None:
            channel = self._plan.channel
            self._recording.keep(lambda store: keep_question(store, channel, kept))

    def _tell_of_recording(self) -> None:
        trouble = self._recording.trouble
        is_recording = self._recording.is_on and not trouble
        if self._shown.view.is_recording != is_recording:
            self._shown.change(is_recording=is_recording)
        if trouble:
            words = tr("Not recording: {trouble} Trying again.", trouble=trouble)
            self._shown.notice(words, is_trouble=True)
        elif self._shown.has_trouble:
            self._shown.notice(tr("Recording again.") if is_recording else "")
        self._shown.happened(self._happenings.recording(is_recording, time.time()))

    def _tell_of_reactions(self, room: RoomSnapshot, at: float) -> None:
        if (found := self._reaction_seconds.take(room.reactions, at)) is not None:
            second, counts = found
            self._recording.add_reactions(second, counts)
            self._shown.tell(ReactionsUpdate(second, counts))

    def _tell(self, at: float, now: float, *, is_new: bool = False) -> None:
        """Scripts count on one a second, also while there is no connection."""
        if is_new or now - self._told_at >= TELL_AT_LEAST_S:
            self._told_at = now
            view, room = self._shown.view, self._shown.view.room
            if not (self._has_facts or room.confirming):
                room = replace(room, is_counting=True)  # an unheard room is no empty one
            names = view.rules.teams if view.rules else ()
            question = (view.rules or NO_RULES).question
            values = view.resonance, view.corrected, names, view.private, question
            self._shown.tell(RoomUpdate(at, room, *values))


def _figures(room: RoomSnapshot) -> tuple[object, ...]:
    known = room.confirming, room.is_counting, room.is_uncounted, room.reads_totals
    hidden = room.viewers, room.least, room.missing, room.is_blind
    counts = room.counts, room.unsure, room.away, room.private, room.reactions
    return room.is_total, counts, room.teams, room.answers, known, hidden
