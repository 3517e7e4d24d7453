"""Pure: whether the own reports are private, by one's own wish and by what the room says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from resonance_tui.errors import NotPrivate
from resonance_tui.room.private_answers import MOST_EPSILON, USUAL_BUDGET
from resonance_tui.session.private_voice import HELD, OPENLY, Manner
from resonance_tui.texts import mark, tr

ANNOUNCED_WITHIN_S = 5.0  # of the connection, a room's host has said what it understands

RULES_WITHIN_S = 2.0  # and what it rules, an epsilon for one
QUIET_S = 0.2  # of the connection, a broker has brought the rules that it keeps

GUESTS = mark("Private reports are of one person: only the nearest face is read.")
ENDED = mark("The host ended private counts. Nothing is shared until you say so, openly then.")
MISSING = mark("The room does not understand private reports, so nothing of you is shared.")
TOO_MUCH = mark(
    "Private reports have epsilon {epsilon} here, more than the {most} that you accept: nothing is "
    "shared."
)
SPENT = mark(
    "Your privacy budget is spent: {spent} of {budget}. Nothing more is shared in this session."
)


@dataclass(frozen=True, slots=True)
class PrivacyPlan:
    """What the person wants, before a room is known."""

    is_wanted: bool = False  # else as the host has it
    most_epsilon: float = MOST_EPSILON  # of one felt state, that the person accepts
    budget: float = USUAL_BUDGET  # of one session


@dataclass(frozen=True, slots=True)
class RoomPrivacy:
    """What a room says of private reports."""

    is_understood: bool | None  # None: its host has not been heard yet
    is_ruled: bool  # the host wants every report to be private
    epsilon: float  # of private reports in it
    has_rules: bool = False  # they are known
    may_be_ruled: bool = False  # so say rules whose signature is not believed yet


class Privacy:
    """Follows the room. Times are monotonic seconds."""

    def __init__(self, plan: PrivacyPlan) -> None:
        self.manner = (
            HELD  # until the room's rules are known: nothing is taken back once it is sent
        )
        self.notice = ""  # English, for the person; "" while there is nothing to say
        self.has_ended = False  # by the host: sharing openly is the person's own decision
        self._plan = plan
        self._was_private = False
        self._knows_rules = False
        self._connected_at = math.inf

    def look(self, room: RoomPrivacy, now: float, *, is_connected: bool) -> Manner:
        """How to report from now on.

        Raises NotPrivate where the person asked for privacy and the room has none of it, or less.
        """
        self.notice, self.has_ended = "", False
        if not is_connected:
            self._connected_at = math.inf
            return self.manner
        self._connected_at = min(self._connected_at, now)
        self.manner = self._manner(room, now)
        self._was_private |= self.manner.epsilon is not None
        return self.manner

    @property
    def awaits_rules(self) -> bool:
        """Whether nothing open is said yet, as the room's rules may ask for privacy."""
        return not (self._plan.is_wanted or self._knows_rules)

    def _may_rule(self, room: RoomPrivacy, now: float) -> bool:
        """Whether rules may be on their way that ask for privacy. Only on joining: a room that was
        heard before goes on as it was."""
        wait_s = RULES_WITHIN_S if room.may_be_ruled else QUIET_S
        is_late = now - self._connected_at >= wait_s
        self._knows_rules |= room.has_rules or room.is_ruled or is_late
        return not self._knows_rules

    def _manner(self, room: RoomPrivacy, now: float) -> Manner:
        if not self._plan.is_wanted and self._may_rule(room, now):
            return HELD
        if not (self._plan.is_wanted or room.is_ruled):
            self.has_ended = self._was_private
            self.notice = tr(ENDED) if self.has_ended else ""
            self._was_private = False
            return OPENLY
        connected_s = now - self._connected_at
        is_late = connected_s >= ANNOUNCED_WITHIN_S
        if not room.is_understood:
            if room.is_understood is False or is_late:
                self._refuse(
                    tr(MISSING),
                    tr("Join without --private, or ask the host for a newer version."),
                )
            return HELD
        if not room.is_ruled and not self._was_private and connected_s < RULES_WITHIN_S:
            return HELD
        most = self._plan.most_epsilon
        if room.epsilon > most:
            words = tr(TOO_MUCH, epsilon=f"{room.epsilon:g}", most=f"{most:g}")
            self._refuse(
                words,
                tr(
                    "Give --epsilon {epsilon}, or ask the host for less.",
                    epsilon=f"{room.epsilon:g}",
                ),
            )
            return HELD
        return Manner(room.epsilon)

    def _refuse(self, words: str, hint: str) -> None:
        """At first, where the person asked; later and where the host did, it is said and waited."""
        if self._plan.is_wanted and not self._was_private:
            raise NotPrivate(words, hint)
        self.notice = words
