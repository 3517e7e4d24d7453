"""What one person tells the room: the own state, reactions, an answer; openly, privately or not."""

from __future__ import annotations

import math
import time

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link import Link
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import Event
from resonance_tui.protocol.frames import encode_reaction
from resonance_tui.protocol.messages import ANSWER, REACTION
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.protocol.values import CAN_PRIVATE, CAN_QUESTIONS, REACTIONS
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.private_answers import PrivateAnswers
from resonance_tui.room.reaction_counts import OwnReactions
from resonance_tui.room.state import ViewerRow
from resonance_tui.room.teams import number_of
from resonance_tui.session.answer_voice import AnswerVoice
from resonance_tui.session.echoes import Echoes, dropped_words
from resonance_tui.session.events import OwnChoice, SelfUpdate, SessionView, Standing
from resonance_tui.session.faces import Faces, marks_of
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.privacy import GUESTS, SPENT, Privacy, RoomPrivacy
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.self_report import SelfReport
from resonance_tui.session.shown import Shown
from resonance_tui.session.starting import NOT_CONNECTED
from resonance_tui.texts import tr

TELL_AT_LEAST_S = 1.0  # listeners hear of themselves and the room this often when nothing changes


class OwnPart:
    """Reports, shows and withholds. Used on the loop's thread; `link`: once there is one."""

    def __init__(self, plan: SessionPlan, shown: Shown, room: RoomModel, faces: Faces) -> None:
        self.link: Link | None = None
        self._plan, self._shown, self._room, self._faces = plan, shown, room, faces
        answers = PrivateAnswers(plan.privacy.budget)
        self._report = SelfReport(plan.boot, answers, **marks_of(plan.source))
        self._privacy = Privacy(plan.privacy)
        self._report.speak(self._privacy.manner)
        self._reactions = OwnReactions()
        self._answers = AnswerVoice(plan.boot, answers.account)
        self._echoes = Echoes()
        self._team = plan.team  # as the person calls it
        self._told_at = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether what is shared is told as it is."""
        return self._shown.view.is_sharing and self._privacy.manner.is_open

    def row(self) -> ViewerRow | None:
        """How the room sees this person; None where it does not."""
        view = self._shown.view
        is_heard = view.is_sharing and not self._privacy.manner.is_held
        if not is_heard or not self._room.conduct.counts(view.viewer_id):
            return None
        report = self._report.report(view.me)
        return ViewerRow(
            view.viewer_id,
            view.nickname,
            report.code,
            report.confidence,
            report.is_manual,
            report.is_simulated,
            False,
            view.viewer_id in self._room.conduct.hosts,
            report.is_film,
            report.is_private,
        )

    # The own state

    def read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        """What the face path reads."""
        self._report.read(steady, latency_ms)
        self.look(time.monotonic(), is_new=bool(latency_ms))

    def mark_source(self, source: Source) -> None:
        """Of another camera, from the next reading on."""
        self._report.mark_source(**marks_of(source))

    def say(self, code: Emotion | None) -> None:
        """As `Session.say`."""
        now = time.monotonic()
        self._report.say(code, now)
        self.look(now)

    def look(self, now: float, *, is_new: bool = False) -> None:
        """Work out what this viewer says, show it, and publish it where that is due."""
        view = self._shown.view
        me = self._report.view(now, is_sharing=view.is_sharing)
        if is_new or me != view.me or now - self._told_at >= TELL_AT_LEAST_S:
            self._told_at = now
            self._shown.change(me=me)
            self._shown.tell(SelfUpdate(time.time(), me))
        if self.link is None or not self._shown.view.is_sharing:
            return
        report = self._report.due(me, now)
        if report is not None:
            self.link.publish_report(report)
        if self._report.privacy != self._shown.view.privacy:
            self._shown.change(privacy=self._report.privacy)
            self._is_budget_spent()

    # Whether, under which name, and how it is told

    def set_sharing(self, on: bool) -> None:
        """As `Session.set_sharing`."""
        if self._plan.observe_only or on == self._shown.view.is_sharing:
            return
        if on and self._is_budget_spent():
            return
        if on:
            self._faces.forget()  # what was seen while nothing was shared stays here
        self._shown.change(is_sharing=on)
        if self.link is not None and on:
            self.link.publish_nickname(self._shown.view.nickname)
        elif self.link is not None:
            self.link.withdraw()
            self._faces.guests.leave()
        self._report.reset()
        self.look(time.monotonic())

    def set_nickname(self, nickname: str) -> None:
        """As `Session.set_nickname`."""
        self._shown.change(nickname=nickname)
        if self.link is not None and self._shown.view.is_sharing:
            self.link.publish_nickname(nickname)

    def set_team(self, name: str) -> None:
        """As `Session.set_team`."""
        self._team = name
        self._join_team()
        self.look(time.monotonic())

    def _join_team(self) -> None:
        names = self._shown.view.rules.teams if self._shown.view.rules else ()
        team = number_of(self._team, names)
        if team != self._report.team:
            self._report.team = team
            self._report.reset()
        called = names[team - 1] if team else ""
        if called != self._shown.view.team:
            self._shown.change(team=called)

    def ask_to_be_forgotten(self, on: bool) -> None:
        """As `Session.ask_to_be_forgotten`."""
        self._report.asks_to_be_forgotten = on
        self._shown.change(asks_to_be_forgotten=on)
        self.look(time.monotonic())

    def obey(self) -> None:
        """The host's rules are others."""
        rules = self._shown.view.rules
        self._report.slow_down(rules.slow_s if rules else 0)
        self._join_team()

    @property
    def awaits_rules(self) -> bool:
        """As `Privacy` does."""
        return self._privacy.awaits_rules

    def keep_private(
        self, link: Link, now: float, *, is_connected: bool, may_be_ruled: bool
    ) -> None:
        """Whether the own reports are private, by one's wish or the host's, before one is due.
        `may_be_ruled` as in `RoomPrivacy`."""
        before = self._privacy.manner
        room = self._room_privacy(may_be_ruled=may_be_ruled)
        manner = self._privacy.look(room, now, is_connected=is_connected)
        if self._report.speak(manner):
            link.withdraw()  # what was said in another manner
        is_private = manner.epsilon is not None or (before.is_open and manner.is_held)
        if is_private and self._shown.view.reads > 1:
            self._faces.read_one(tr(GUESTS))
        if self._privacy.notice:
            self._shown.notice(self._privacy.notice)
        if self._privacy.has_ended:
            self.set_sharing(False)

    def _room_privacy(self, *, may_be_ruled: bool) -> RoomPrivacy:
        is_understood = self._room.offers(CAN_PRIVATE)
        return RoomPrivacy(
            is_understood if self._room.is_announced else None,
            bool((self._shown.view.rules or NO_RULES).private_eps),
            self._room.conduct.private_epsilon,
            has_rules=self._shown.view.rules is not None,
            may_be_ruled=may_be_ruled,
        )

    def _is_budget_spent(self) -> bool:
        """Where it is, sharing ends, with a word."""
        privacy = self._report.privacy
        if privacy is None or not privacy.is_over:
            return False
        self.set_sharing(False)
        spent, budget = f"{privacy.spent:g}", f"{privacy.budget:g}"
        self._shown.notice(tr(SPENT, spent=spent, budget=budget))
        return True

    # Beside the own state

    def react(self, kind: Reaction) -> str:
        """As `Session.react`."""
        why = self._why_no_reaction()
        if why or self.link is None:
            return why
        if not self._reactions.send(kind, time.monotonic()):
            return tr("Two a second is the most.")
        payload = encode_reaction(self._plan.boot, self._reactions.counts, kind)
        place = self._plan.channel, self.link.viewer_id
        self.link.send_once(REACTION.outgoing(payload, *place))
        self._echoes.sent(REACTION.kind, time.monotonic())
        return ""

    def _why_no_reaction(self) -> str:
        view = self._shown.view
        if self.link is None or view.outage is not None:
            return tr(NOT_CONNECTED)
        is_quiet = not view.is_sharing or self._privacy.manner.is_held
        if self._plan.observe_only or is_quiet:
            return tr("You share nothing now, so you send no reactions either.")
        if not self._room.offers(REACTIONS):
            return tr("This room has no host that understands reactions.")
        return ""

    def answer_question(self, choice: int) -> str:
        """As `Session.answer_question`."""
        question = (self._shown.view.rules or NO_RULES).question
        if question is None or not question.is_open(time.time()):
            return tr("Nothing is asked now.")
        if not 0 <= choice <= len(question.choices):
            return tr("There is no such answer.")
        if why := self._why_no_answer() or self._answers.why_not(question):
            return why
        if self.link is not None:
            self.link.publish_answer(self._answers.answer(question, choice))
            self._echoes.sent(ANSWER.kind, time.monotonic())
        self._shown.change(choice=OwnChoice(question.id, choice))
        return ""

    def _why_no_answer(self) -> str:
        view = self._shown.view
        if self._plan.observe_only or not view.is_sharing:
            return tr("You share nothing, and so you cannot answer; s shares.")
        if view.host.standing is not Standing.COUNTED:
            return tr("The host does not count you.")
        if not self._room.offers(CAN_QUESTIONS):
            return tr("The program that counts this room does not know questions yet.")
        if self._privacy.manner.is_held:
            return tr("Nothing of you is shared now, and so you cannot answer.")
        return ""

    def listen(self, link: Link, events: list[Event], now: float, *, is_connected: bool) -> None:
        """Who answers where the broker does not carry it is told, and has not answered."""
        if not is_connected:
            self._echoes.lost()
            return
        self._echoes.hear(events, link.viewer_id)
        hears_all = self._room.subscribes_all and link.asked_at is None
        for kind in self._echoes.look(now, refused=link.refused, hears_all=hears_all):
            if kind == ANSWER.kind:
                self._take_answer_back(link)
            self._shown.notice(dropped_words(kind))

    def _take_answer_back(self, link: Link) -> None:
        question = (self._shown.view.rules or NO_RULES).question
        if question is not None and self._shown.view.choice is not None:
            link.publish_answer(self._answers.answer(question, 0))
            self._shown.change(choice=None)


def has_reacted(view: SessionView) -> bool:
    """Whether one says more than that one is there: by any key, an answer, or a face that is not
    calm."""
    me, choice = view.me, view.choice
    has_answered = choice is not None and choice.choice > 0
    is_moved = me.state == "ok" and me.code is not Emotion.NEUTRAL
    return me.is_manual or has_answered or is_moved
